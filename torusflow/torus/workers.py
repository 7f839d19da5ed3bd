"""The threads of a Torus: a few of its own, no OpenMP, nothing that spins for long while it waits."""

from __future__ import annotations

import ctypes
import itertools
import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

import numpy as np

from .native import ABANDONED, YIELD

# Seconds after which a caller looks whether its parts have ended, should it have missed being told.
PATIENCE = 0.1


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
    kernels). Threads of our own are used, and every library called from them is told to use one thread, because OpenMP
    runtimes busy-wait between parallel regions and then take the processor from one another (see
    ``docs/design_decisions.md``).

    Parameters
    ----------
    threads : int
        Number of threads that work at once, the calling one included.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._jobs: SimpleQueue | None = None
        self._process: int | None = None
        self._gang = Lock()
        self._yield = _address_of_yield()

    def run(self, function: Callable, parts: Sequence) -> None:
        """Call ``function(part)`` for every part; return when all are done, and raise what the first raised."""
        if len(parts) == 1:
            function(parts[0])
            return
        job, jobs = _Job(function, parts[1:]), self._started()
        try:
            for _ in parts[1:]:
                jobs.put(job)
            function(parts[0])
        except BaseException:
            job.cancelled = True
            raise
        finally:
            job.wait()
        if job.errors:
            raise job.errors[0]

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

        job, jobs = _Job(work, range(1, parts)), self._started()
        with self._gang:
            try:
                for _ in range(1, parts):
                    jobs.put(job)
                work(0)
            except BaseException:  # Ctrl-C too, which may come before this thread has begun its part
                job.cancelled = True
                gang[ABANDONED] = 1
                raise
            finally:
                job.wait()
        if job.errors:
            raise job.errors[0]

    def _started(self) -> SimpleQueue:
        # Threads do not survive a fork, so a child process starts its own, with a lock that none of them holds.
        if self._jobs is None or self._process != os.getpid():
            jobs = SimpleQueue()
            for number in range(1, self.threads):
                Thread(target=_serve, args=(jobs,), name=f"torusflow_{number}", daemon=True).start()
            weakref.finalize(self, _dismiss, jobs, self.threads - 1).atexit = False
            self._process, self._gang, self._jobs = os.getpid(), Lock(), jobs
        return self._jobs


class _Job:
    """Parts of a piece of work that other threads take; what the caller does may be interrupted at any moment.

    Not an executor of the standard library: Ctrl-C within one can leave a lock of it taken for ever. Here every change
    of state is one operation of a queue or list, and a part that has been taken is always brought to its end.
    """

    def __init__(self, function, parts):
        self._function, self._count = function, len(parts)
        self._waiting, self._ended = deque(parts), []
        self._news = SimpleQueue()
        self.errors: list[BaseException] = []
        self.cancelled = False

    def work(self) -> None:
        """One part, if there is one left."""
        try:
            part = self._waiting.popleft()
        except IndexError:
            return
        try:
            if not self.cancelled:
                self._function(part)
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._ended.append(part)
            self._news.put(None)

    def wait(self) -> None:
        """Until all parts have ended that are, or may still be, worked on."""
        interrupt = None
        while len(self._ended) + (len(self._waiting) if self.cancelled else 0) < self._count:
            try:
                self._news.get(timeout=PATIENCE)
            except Empty:
                pass
            except BaseException as error:
                interrupt = error  # after the others have left the arrays of the caller
        if interrupt is not None:
            raise interrupt


def _serve(jobs: SimpleQueue) -> None:
    while (job := jobs.get()) is not None:
        job.work()
        del job  # with the arrays that it holds, while this thread waits for the next


def _dismiss(jobs: SimpleQueue, count: int) -> None:
    for _ in range(count):
        jobs.put(None)


def _address_of_yield() -> int:
    """Of the function by which a thread offers its processor to others; zero where there is none."""
    function = getattr(ctypes.CDLL(None), "sched_yield", None) if os.name == "posix" else None
    return 0 if function is None else ctypes.cast(function, ctypes.c_void_p).value


def split(length: int, parts: int) -> list[tuple[int, int]]:
    """Cut range(length) into at most `parts` contiguous pieces of nearly equal size."""
    parts = max(1, min(parts, length))
    cuts = [length * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(cuts))
