"""The threads of a Torus: one small pool, no OpenMP, nothing that spins for long while it waits."""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import numpy as np

from .native import ABANDONED, YIELD


class Member(NamedTuple):
    """One of `parts` threads that wait for one another, by `torusflow.torus.native.wait`.

    Attributes
    ----------
    gang : int64 array
        What they share.
    """

    part: int
    parts: int
    gang: np.ndarray


class Workers:
    """Run one function on several parts of an array at once.

    The functions passed in spend their time in code that releases the interpreter lock (transforms, compiled
    kernels). A pool of our own is used, and every library called from it is told to use one thread, because OpenMP
    runtimes busy-wait between parallel regions and then take the processor from one another (see
    ``docs/design_decisions.md``).

    Parameters
    ----------
    threads : int
        Number of threads that work at once, the calling one included.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._process: int | None = None
        self._gang = Lock()
        self._yield = _address_of_yield()

    def run(self, function: Callable, parts: Sequence) -> None:
        """Call ``function(part)`` for every part; return when all are done."""
        if len(parts) == 1:
            function(parts[0])
            return
        pool = self._executor()
        pending = [pool.submit(function, part) for part in parts[1:]]
        try:
            function(parts[0])
        finally:
            errors = [future.exception() for future in pending]
        for error in errors:
            if error is not None:
                raise error

    def together(self, function: Callable[[Member], None], parts: int) -> None:
        """Call ``function(member)`` on so many threads, at most all of them, that may wait for one another.

        Only one such gang is at work at a time: of two with some of their members each, neither would end.
        """
        gang = np.zeros(8, np.int64)
        if parts == 1:
            function(Member(0, 1, gang))
            return
        gang[YIELD] = self._yield

        def work(part):
            try:
                function(Member(part, parts, gang))
            except BaseException:
                gang[ABANDONED] = 1  # nobody should wait for this member
                raise

        self._executor()
        with self._gang:
            self.run(work, range(parts))

    def _executor(self) -> ThreadPoolExecutor:
        # Threads do not survive a fork, so a child process starts its own, with a lock that none of them holds.
        if self._pool is None or self._process != os.getpid():
            self._pool = ThreadPoolExecutor(max(1, self.threads - 1), thread_name_prefix="torusflow")
            self._process, self._gang = os.getpid(), Lock()
        return self._pool


def _address_of_yield() -> int:
    """Of the function by which a thread offers its processor to others; zero where there is none."""
    function = getattr(ctypes.CDLL(None), "sched_yield", None) if os.name == "posix" else None
    return 0 if function is None else ctypes.cast(function, ctypes.c_void_p).value


def split(length: int, parts: int) -> list[tuple[int, int]]:
    """Cut range(length) into at most `parts` contiguous pieces of nearly equal size."""
    parts = max(1, min(parts, length))
    cuts = [length * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(cuts))
