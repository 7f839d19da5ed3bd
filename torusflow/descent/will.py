"""What processes that share a problem decide: all of them the same, or some would wait for the others for ever."""

from __future__ import annotations

import contextlib

from ..hilbert import HilbertSpace, Shared, alike, everyone
from ..interrupts import Held


class Will:
    """That of the processes that share the elements of a space; mostly there is one.

    Attributes
    ----------
    alone : bool
        Whether there is one process only.
    is_first : bool
        Whether this is the one that speaks.
    """

    def __init__(self, space: HilbertSpace):
        self._space = space
        self.alone = len(everyone(space, None)) == 1
        self.is_first = not isinstance(space, Shared) or space.rank == 0

    def first(self, value):
        """What the first process says."""
        return everyone(self._space, value)[0]

    def any(self, value):
        """The first thing that any process says which is not nothing."""
        return next(filter(None, everyone(self._space, value)), None)

    def alike(self):
        """A context for functions that may raise on one process: then all are ended (`torusflow.hilbert.alike`)."""
        return alike(self._space)

    def held(self) -> Held:
        """`Held`; where there are several processes also for signals that would end one of them at once."""
        return Held(last=not self.alone)

    def let_through(self, signals: Held):
        """`Held.let_through`; but no signal may end the work of one process where others take part in it."""
        return signals.let_through() if self.alone else contextlib.nullcontext()

    def waiting(self, signals: Held) -> str:
        """The name of a signal that waits, on any of them; empty if there is none."""
        return self.any(signals.waiting) or ""
