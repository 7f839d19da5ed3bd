"""Old names that work for a while longer, with a warning that says what to write instead and until when."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .errors import InputError

P = ParamSpec("P")
T = TypeVar("T")


def deprecated(replacement: str, removed_in: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator for a function, class or method that has a successor: a call warns, and works as before."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            _warn(f"{function.__qualname__} is deprecated", replacement, removed_in)
            return function(*args, **kwargs)

        return call

    return decorate


def renamed_arguments(removed_in: str, **new_names: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Decorator for a function with renamed keywords, old="new": the old one warns, and is passed on as the new one."""

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def call(*args, **kwargs) -> T:
            for old in new_names.keys() & kwargs.keys():
                new = new_names[old]
                if new in kwargs:
                    raise InputError(
                        f"{function.__qualname__} takes {new}= or its old name {old}=, got both. Drop {old}=."
                    )
                _warn(f"{old}= of {function.__qualname__} is deprecated", f"{new}=", removed_in)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def _warn(what: str, replacement: str, removed_in: str) -> None:
    # FutureWarning: a DeprecationWarning is hidden from whoever calls torusflow from a module of their own.
    words = f"{what} and will be removed in torusflow {removed_in}. Write {replacement} instead."
    warnings.warn(words, FutureWarning, stacklevel=3)
