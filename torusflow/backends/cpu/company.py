"""Whether other threads are worth waiting for, on a machine that others use too."""

from __future__ import annotations

from time import monotonic

# Seconds of work together that are judged at once, more than a hiccup of the system takes, and for how long a thread
# then works alone: a trial that fails costs a few per cent.
TRIAL, ALONE = 0.025, 0.5
# Of what n threads can bring, the share of the time (n - 1) / n, that waiting may take away: where a program keeps a
# processor to itself half of the time, a second thread is worth nothing any more.
BEARABLE = 0.8


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
            if self._lost > BEARABLE * (1 - 1 / parts) * self._seconds:
                self._until = monotonic() + ALONE
            self._seconds = self._lost = 0.0
