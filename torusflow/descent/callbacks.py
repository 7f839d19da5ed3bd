"""Functions of the caller's that a descent calls, and what their errors say."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable

from ..errors import TorusflowError
from .method import State
from .progress import Progress

Callback = Callable[[int, dict], object] | Callable[[int, dict, State], object]


class CallerError(Exception):
    """What a function of the caller's raised, as the cause; the text says which function."""


def call(name: str, function: Callable, *arguments):
    """function(*arguments), or a `CallerError`."""
    try:
        return function(*arguments)
    except Exception as error:
        raise CallerError(f"the {name} raised ") from error


def in_words(problem: BaseException, error: BaseException) -> str:
    """An error in words, with who raised it; one of the package is a sentence already."""
    said = str(error) if isinstance(error, TorusflowError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"{problem}{said}" if isinstance(problem, CallerError) else said


def tell(callback: Callable, reached: Progress) -> None:
    """callback(iteration, row), or callback(iteration, row, state) where two arguments are too few.

    What it is given are copies, which it may write into.
    """
    arguments: tuple = reached.done, dict(reached.row)
    if _wants_state(callback):
        state = reached.state
        copies = {name: getattr(state, name).copy() for name in ("control", "gradient", "output")}
        arguments += (dataclasses.replace(state, **copies),)
    call("callback", callback, *arguments)


def _wants_state(callback: Callable) -> bool:
    try:
        signature = inspect.signature(callback)
    except (TypeError, ValueError):  # compiled functions need not say
        return False
    try:
        signature.bind(0, {})
    except TypeError:
        return True
    return False
