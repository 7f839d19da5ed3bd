"""How processes that share a grid end: all of them, where one meets an error or ends while the others wait for it."""

from __future__ import annotations

import atexit
import math
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

# Seconds that a process waits for the others to meet the error that it has met, where it may be caught, and where it is
# the end of it; for each process before it that may speak, of so many at most; and after its words, until they have
# been passed on by those who started it.
PATIENCE, LAST_PATIENCE, TURN, TURNS, PASSING_ON = 60.0, 5.0, 0.5, 6, 0.3
# Between looks at the others, the first time and the longest.
SHORTEST_PAUSE, LONGEST_PAUSE = 1e-4, 0.1
# Tells the programs that one of the processes starts who has started them.
MARK = "TORUSFLOW_PROCESS"

_keyval: list[int] = []
_ending: list[Peers] = []
_hooks: list[Any] = []


class Peers:
    """The processes of a communicator of mpi4py: what they tell one another, and how they come to an end.

    Messages go through duplicates of the communicator, so that those of the caller are never taken for ours. Each
    process counts the exchanges that it has begun where the others can read it, also while it waits: who has begun more
    than one that has met an error, or ends, waits for it for ever.

    Attributes
    ----------
    size, rank : int
        How many there are, and which of them this one is.
    comm : mpi4py.MPI.Intracomm
        The duplicate for what they tell one another.
    """

    def __init__(self, comm: Any):
        from mpi4py import MPI

        self.comm, self.size, self.rank = comm.Dup(), comm.size, comm.rank
        self._begun = memoryview(bytearray(8)).cast("q")
        if self.size > 1:
            self._meetings = comm.Dup()
            self._window = MPI.Win.Allocate(8, 8, comm=self._meetings)
            self._begun = self._window.tomemory().cast("q")
            self._begun[0] = 0
            self._meetings.Barrier()

    @property
    def exchange(self) -> Any:
        """The communicator for one message of all processes; it is asked for anew for each."""
        self._begun[0] += 1
        return self.comm

    def everyone(self, value) -> list:
        """What each process gives, in their order."""
        return self.exchange.allgather(value) if self.size > 1 else [value]

    def agree(self, error: BaseException) -> None:
        """Go on with an error that all processes have met; one that others have not met is said here, and ends all."""
        if self.size > 1:
            kinds = self._met(type(error).__name__, PATIENCE)
            if kinds is None or len(set(kinds)) > 1:
                self._end_all(type(error), error, error.__traceback__, kinds)

    def uncaught(self, kind: type, error: BaseException, trace: Any) -> None:
        """Say an error that nobody catches, once if all have met it, and end all processes."""
        self._end_all(kind, error, trace, self._met(kind.__name__, LAST_PATIENCE))

    def leave(self) -> None:
        """Wait for the others to end as well; end all if one of them waits for this one instead."""
        if self._met("", math.inf) is None:
            self._end_all(SystemExit, SystemExit(), None, None)
        self._begun = memoryview(bytearray(8)).cast("q")
        self._window.Free()

    def _met(self, word: str, patience: float) -> list[str] | None:
        """The words with which the processes come here; None if one has gone on instead, or after so many seconds."""
        arrived, deadline, pause = self._meetings.Ibarrier(), time.monotonic() + patience, SHORTEST_PAUSE
        while not arrived.Test():
            if self._is_awaited() or time.monotonic() > deadline:
                return None
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return self._meetings.allgather(word)

    def _is_awaited(self) -> bool:
        """Whether the next process has begun an exchange that this one has not: of those that leave one sees it."""
        from mpi4py import MPI

        theirs, other = bytearray(8), (self.rank + 1) % self.size
        self._window.Lock(other, MPI.LOCK_SHARED)
        self._window.Get(theirs, other)
        self._window.Unlock(other)
        return memoryview(theirs).cast("q")[0] > self._begun[0]

    def _end_all(self, kind: type, error: BaseException, trace: Any, words: Sequence[str] | None) -> None:
        """One process says why, the first of those that have an error, and ends all."""
        from mpi4py import MPI

        if words is None:  # others may have met one too
            turn = min(self.rank, TURNS)
        else:
            first = next(rank for rank, word in enumerate(words) if word)
            turn = 0 if self.rank == first else TURNS
        try:
            time.sleep(TURN * turn)
            if issubclass(kind, SystemExit):
                ended = f"torusflow: process {MPI.COMM_WORLD.rank} has ended and others wait for it, so all are ended."
                print(ended, file=sys.__stderr__)
            else:
                _hooks[0](kind, error, trace)
            for stream in (sys.stderr, sys.stdout):
                stream.flush()
            time.sleep(PASSING_ON)
        finally:
            MPI.COMM_WORLD.Abort(_code(kind, error))
            os._exit(1)  # where it comes back


def _code(kind: type, error: BaseException) -> int:
    """The exit code of all: never zero."""
    if issubclass(kind, KeyboardInterrupt):
        return 130
    code = getattr(error, "code", 1)
    return code if isinstance(code, int) and 0 < code < 256 else 1


def peers_of(comm: Any) -> Peers:
    """Those of a communicator, made once and kept with it; they end together from now on."""
    from mpi4py import MPI

    if not _keyval:
        _keyval.append(MPI.Comm.Create_keyval())
    peers = comm.Get_attr(_keyval[0])
    if peers is None:
        peers = Peers(comm)
        comm.Set_attr(_keyval[0], peers)
        if peers.size > 1:
            _end_together(peers)
    return peers


def is_of_one() -> bool:
    """Whether this is a program that one of several processes has started, and so none of them."""
    return os.environ.get(MARK, str(os.getpid())) != str(os.getpid())


def _end_together(peers: Peers) -> None:
    """Have Python's last words on an error be followed by the end of all processes, and no process end before them."""
    if not _ending:
        _hooks.append(sys.excepthook)
        sys.excepthook = _uncaught
        atexit.register(_leave, os.getpid())
        os.environ[MARK] = str(os.getpid())
    _ending.append(peers)


def _uncaught(kind, error, trace) -> None:
    max(_ending, key=lambda peers: peers.size).uncaught(kind, error, trace)


def _leave(process: int) -> None:
    from mpi4py import MPI

    if os.getpid() == process and not MPI.Is_finalized():  # no process that was forked
        for peers in _ending:
            peers.leave()
