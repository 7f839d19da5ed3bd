"""How functions are compiled: Numba's options, and what becomes of its results where nothing can be written."""

from __future__ import annotations

import functools
import os
import warnings
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

from .errors import InputError

if numba.config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
    raise InputError(
        "NUMBA_DISABLE_JIT is set, but the compiled loops of torusflow call libraries by address, which only compiled "
        "code can do. Unset NUMBA_DISABLE_JIT before torusflow is imported."
    )

# A child that is forked while another thread compiles would wait for that thread, which it does not have.
if hasattr(os, "register_at_fork"):
    release = global_compiler_lock.release
    os.register_at_fork(before=global_compiler_lock.acquire, after_in_parent=release, after_in_child=release)


def compiler(**options):
    """A decorator that compiles without the interpreter lock, once for all processes where that can be kept on disk."""

    def compiled(function):
        dispatcher: Any = numba.njit(nogil=True, **options)(function)
        try:
            dispatcher._cache = _Cache(function)  # as Numba's own cache=True does with a cache of its own
        except RuntimeError:  # Numba finds no folder that can be written
            _say_that_nothing_is_kept()
        return dispatcher

    return compiled


def callback(signature):
    """A decorator that makes what other compiled code calls by its address, kept on disk in the same way."""

    def compiled(function):
        try:
            return numba.cfunc(signature, cache=True)(function)
        except (RuntimeError, OSError, EOFError):
            _say_that_nothing_is_kept()
            return numba.cfunc(signature)(function)

    return compiled


class _Cache(FunctionCache):
    """Numba's, but a disk that is full or cannot be read is no reason not to compute, and what was compiled is out of
    date when a file changes that a function called by it stands in, not only its own."""

    def __init__(self, function):
        super().__init__(function)
        times = [(name, os.stat(name).st_mtime_ns, os.stat(name).st_size) for name in sorted(_files(function, set()))]
        self._cache_file._source_stamp = repr(times)

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError):
            return None

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError:
            _say_that_nothing_is_kept()


def _files(function, seen: set) -> set[str]:
    """Where a function stands, and the compiled functions that its module names, and those that theirs do."""
    found = {function.__code__.co_filename} - seen
    seen |= found
    if found:
        for other in list(function.__globals__.values()):
            if isinstance(other, Dispatcher):
                _files(other.py_func, seen)
    return seen


@functools.cache
def _say_that_nothing_is_kept() -> None:
    warnings.warn(
        "compiled code cannot be kept, because neither the folder of torusflow nor that of the user can be written, so "
        "every process compiles anew, which takes up to a minute. Set NUMBA_CACHE_DIR to a folder that can be written.",
        stacklevel=2,
    )
