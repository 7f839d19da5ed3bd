"""A runner of the command line that keeps what goes to stderr apart, with every version of click."""

import inspect

from click.testing import CliRunner


def runner() -> CliRunner:
    """Of click 8.1, which does so only if told to, or a later one, which always does."""
    return CliRunner(**{"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {})
