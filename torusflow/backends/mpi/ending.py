"""An error that nobody catches on one process ends all of them: they would wait for it for ever."""

from __future__ import annotations

import sys
import time
from typing import Any

# Seconds that a process waits before it speaks, so that of an error that all of them have met the first one does, and
# ends the others meanwhile; and after that, until what it said has been passed on by those who started it.
GRACE, GRACE_OF_EACH, LONGEST_GRACE = 1.0, 0.02, 3.0
PASSING_ON = 0.3

_installed: list[Any] = []


def end_together() -> None:
    """Have Python's last words on an error be followed by the end of all processes, here and in what follows."""
    if _installed:
        return
    _installed.append(sys.excepthook)
    sys.excepthook = _end_all


def _end_all(kind, error, trace) -> None:
    from mpi4py import MPI

    rank = MPI.COMM_WORLD.rank
    try:
        if rank:
            time.sleep(min(GRACE + GRACE_OF_EACH * rank, LONGEST_GRACE))
        _installed[0](kind, error, trace)
        sys.stderr.flush()
        sys.stdout.flush()
        time.sleep(PASSING_ON)
    finally:
        MPI.COMM_WORLD.Abort(130 if issubclass(kind, KeyboardInterrupt) else 1)
