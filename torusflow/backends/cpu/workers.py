"""The threads of a Torus: a few of its own, no OpenMP, nothing that spins for long while it waits."""

from __future__ import annotations

import itertools
import os
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import RLock, Thread
from time import monotonic

from ..process import begin_work, end_work, is_ending, renewed_in_children
from ..turns import Turn, here
from .company import Company
from .gang import ABANDONED, Member, members, seconds_waited

# Seconds after which a caller looks whether its parts have ended, should it have missed being told.
PATIENCE = 0.1
# At most this many threads, or the second per processor where that is more: others would only wait for one another.
MOST_THREADS, MOST_A_PROCESSOR = 64, 4


class Workers:
    """Run one function on several parts of an array at once.

    The functions passed in spend their time in code that releases the interpreter lock (transforms, compiled
    kernels). Threads of our own are used, and every library called from them is told to use one thread, because OpenMP
    runtimes busy-wait between parallel regions and then take the processor from one another (see
    ``docs/design_decisions.md``).

    Where the system gives no more threads, and when the process ends, those that there are do all the parts.

    Parameters
    ----------
    threads : int
        Number of threads that work at once, the calling one included.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._gang = Turn()
        self.renew()
        renewed_in_children(self)

    def renew(self) -> None:
        """Without helpers, which do not survive a fork."""
        self._starting, self._jobs, self._helpers, self._no_more = RLock(), SimpleQueue(), 0, False
        self._company = Company()

    def run(self, function: Callable, parts: Sequence) -> None:
        """Call ``function(part)`` for every part; return when all are done, and raise what the first raised."""
        alone = len(parts) == 1 or self._is_within() or not self._started(len(parts) - 1)
        begin_work()
        try:
            if alone:
                for part in parts:
                    function(part)
            else:
                self._share(_Job(function, parts[1:]), lambda: function(parts[0]))
        finally:
            end_work()

    def together(self, function: Callable[[Member], None], parts: int) -> None:
        """Call ``function(member)`` on that many threads, at most all of them, which share out blocks (`gang`).

        Who has not begun when all blocks are done is not waited for, so no member may count on another. Where other
        programs use this machine, so that waiting takes more than helpers bring, there are none for a while. One such
        gang is at work at a time.

        Raises
        ------
        InputError
            If this thread was interrupted in the middle of another gang.
        """
        parts = 1 + self._started(parts - 1) if parts > 1 and self._company.is_worth_it() else 1
        begin_work()
        try:
            if parts == 1:
                function(members(1)[0])
            else:
                self._gather(function, members(parts))
        finally:
            end_work()

    def _gather(self, function, gang: list[Member]) -> None:
        shared = gang[0].gang

        def work(member):
            try:
                function(member)
            except BaseException:
                shared[ABANDONED] = 1  # nobody should wait for this member
                raise

        with self._gang.take():
            began = monotonic()
            waited = self._share(_Job(work, gang[1:]), lambda: work(gang[0]), shared)
            self._company.note(monotonic() - began, waited + seconds_waited(gang[0]), len(gang))

    def _share(self, job: _Job, own: Callable, gang=None) -> float:
        """Do one part here while the helpers do theirs; seconds waited for them."""
        try:
            for _ in range(job.count):
                self._jobs.put(job)
            own()
            job.cancelled = gang is not None  # its blocks are all done or in somebody's hands
            ended = monotonic()
        except BaseException:  # Ctrl-C too, which may come before this thread has begun its part
            job.cancelled = True
            if gang is not None:
                gang[ABANDONED] = 1
            raise
        finally:
            job.wait()
        if job.errors:
            raise job.errors[0]
        return monotonic() - ended

    def _is_within(self) -> bool:
        """Whether a signal handler or a finaliser called in the middle of a gang, where helpers may wait for it."""
        return self._gang.is_mine() or getattr(here, "helps", False)

    def _started(self, helpers: int) -> int:
        """How many helpers there are for a job of `parts`, after starting those that are missing."""
        if is_ending():
            return 0
        helpers = min(helpers, self.threads - 1)
        if self._helpers < helpers and not self._no_more:
            with self._starting:
                while self._helpers < helpers and self._start():
                    pass
        return min(self._helpers, helpers)

    def _start(self) -> bool:
        """One more helper, if the system gives one."""
        name, jobs = f"torusflow_{self._helpers + 1}", self._jobs
        try:
            Thread(target=_serve, args=(jobs,), name=name, daemon=True).start()
        except RuntimeError:
            self._no_more = True
            if not is_ending():
                warnings.warn(
                    "the system starts no more threads, so fewer are used: results are the same, and take longer. Use "
                    "fewer threads, or raise the limit on processes (ulimit -u).",
                    stacklevel=2,
                )
            return False
        self._helpers += 1
        weakref.finalize(self, jobs.put, None).atexit = False
        return True


class _Job:
    """Parts of a piece of work that other threads take; what the caller does may be interrupted at any moment.

    Not an executor of the standard library: Ctrl-C within one can leave a lock of it taken for ever. Here every change
    of state is one operation of a queue or list, and a part that has been taken is always brought to its end.
    """

    def __init__(self, function, parts):
        self._function, self.count = function, len(parts)
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
        while len(self._ended) + (len(self._waiting) if self.cancelled else 0) < self.count:
            try:
                self._news.get(timeout=PATIENCE)
            except Empty:
                pass
            except BaseException as error:
                interrupt = error  # after the others have left the arrays of the caller
        del self._function  # and the arrays that it holds: who comes late finds the job in the queue
        if interrupt is not None:
            raise interrupt


def _serve(jobs: SimpleQueue) -> None:
    here.helps = True
    while (job := jobs.get()) is not None:
        job.work()
        del job  # with the arrays that it holds, while this thread waits for the next


def bounded(threads: int) -> int:
    """So many threads, or as many as this machine can use."""
    return min(threads, max(MOST_THREADS, MOST_A_PROCESSOR * (os.cpu_count() or 1)))


def split(length: int, parts: int) -> list[tuple[int, int]]:
    """Cut range(length) into at most `parts` contiguous pieces of nearly equal size."""
    parts = max(1, min(parts, length))
    cuts = [length * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(cuts))
