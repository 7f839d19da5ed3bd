"""Classes of your own, named as package.module:Class in problem files and on the command line."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from ..errors import InputError


@contextlib.contextmanager
def modules_beside(folder) -> Iterator[None]:
    """A context in which modules are also found in a folder and in the current one, after all others."""
    added = [os.path.abspath(place) for place in (folder, ".") if os.path.abspath(place) not in sys.path]
    sys.path += added
    try:
        yield
    finally:
        for place in added:
            with contextlib.suppress(ValueError):
                sys.path.remove(place)


def imported(name: str) -> Any:
    """The module called package.module, or the class package.module:Class.

    Raises
    ------
    InputError
        If there is none, or importing it fails.
    """
    module, _, kind = name.partition(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise InputError(f"importing {module!r} failed: {error}.") from None
        raise InputError(
            f"there is no module {module!r} to import {name!r} from. Write package.module:Class, and run where the "
            f"module is installed, in its folder, or beside the problem file."
        ) from None
    except Exception as error:  # of any kind: it is the code of others
        raise InputError(f"importing {module!r} failed: {type(error).__name__}: {error}.") from error
    for part in kind.split(".") if kind else ():
        if not hasattr(found, part):
            raise InputError(f"the module {module!r} has no {kind!r}.")
        found = getattr(found, part)
    if kind and not isinstance(found, type):
        raise InputError(f"{name!r} is {found!r}, not a class. Name a class.")
    return found
