"""What all tests share: the random numbers, the markers, the command line in a folder of its own."""

import contextlib
import os
import signal

# A job in the background of a script ignores interrupts, and so would the commands that tests send them to.
with contextlib.suppress(ValueError):  # not in the main thread
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

# Before NumPy is loaded: threads of OpenBLAS, which wait by spinning, take several times as long for matrices of three
# rows where other processes want the same cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest


@pytest.fixture
def rng():
    """The same random numbers for every test, whichever tests run."""
    return np.random.default_rng(20240229)


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, code=0):
        from command_line import runner

        from torusflow.cli import main

        result = runner().invoke(main, [str(a) for a in arguments])
        assert result.exit_code == code, result.output + result.stderr
        assert "Traceback" not in result.output
        return result

    return call
