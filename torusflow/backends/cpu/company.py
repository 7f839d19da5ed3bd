"""Whether other threads are worth waiting for, on a machine that others use too."""

from __future__ import annotations

from time import monotonic

# Seconds of work together that are judged at once, more than a hiccup of the system takes, and how many times as long a
# thread then works alone, so that trials cost a few per cent.
TRIAL, ALONE = 0.025, 20
# Together n threads do at least n to this power of what one does, 1.5 times with two and 5 with sixteen; where waiting
# takes all of that away, they are worth nothing.
GAIN = 0.6


class Company:
    """What has been lost by waiting for others lately."""

    def __init__(self):
        self._seconds = self._lost = 0.0
        self._until = 0.0

    def is_worth_it(self) -> bool:
        """Whether to ask for help now."""
        return monotonic() >= self._until

    def note(self, seconds: float, lost: float, parts: int) -> None:
        """So long have so many threads worked together, and the caller has waited for so much of it."""
        self._seconds += seconds
        self._lost += lost
        if self._seconds > TRIAL:
            if self._lost > (1 - parts**-GAIN) * self._seconds:
                self._until = monotonic() + ALONE * self._seconds
            self._seconds = self._lost = 0.0
