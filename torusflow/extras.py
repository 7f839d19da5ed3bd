"""Packages that an installation may do without."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import InputError


def extra(package: str, user: str, name: str) -> Any:
    """A package, imported, or an InputError that says how to get it.

    Parameters
    ----------
    package : str
    user : str
        What needs it, the beginning of a sentence.
    name : str
        Of the extra that has it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"{user} needs {package}, which cannot be imported ({error}). Install it: pip install 'torusflow[{name}]'."
        ) from None
