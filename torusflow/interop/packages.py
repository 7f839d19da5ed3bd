"""Packages that are extras: imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import InputError


def needed(name: str) -> Any:
    """A package, or an InputError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"tfl.interop.{name} needs {name}, which cannot be imported ({error}). Install it: "
            f"pip install 'torusflow[{name}]'."
        ) from None
