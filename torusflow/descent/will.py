"""What processes that share a problem decide: all of them the same, or some would wait for the others for ever."""

from __future__ import annotations

import contextlib

from ..hilbert import HilbertSpace, Shared, everyone
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

    def let_through(self, signals: Held):
        """`Held.let_through`; but no signal may end the work of one process where others take part in it."""
        return signals.let_through() if self.alone else contextlib.nullcontext()

    def interrupted(self, signals: Held) -> bool:
        """Whether a signal waits for all of them to stop."""
        return not self.alone and bool(self.any(signals.waiting))
