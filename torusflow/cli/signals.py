"""Clean ends of work that a person or the system asks to stop."""

from __future__ import annotations

import signal
import threading

from ..interrupts import SIGNALS


class CleanStop:
    """A context in which SIGINT, SIGTERM and SIGHUP let an iteration finish; a second one interrupts it.

    Called, it says which signal came, for `descend(..., stop=...)`; ``code`` is the exit code that goes with it.

    Parameters
    ----------
    at_once : bool
        Whether the first one interrupts already, for work that has nothing to show before its end.
    """

    def __init__(self, at_once: bool = False):
        self._received, self._at_once = None, at_once

    def __call__(self) -> str:
        return self._received.name if self._received else ""

    @property
    def code(self) -> int:
        """130, 143 or 129, as shells have it: 128 plus the number of the signal."""
        return 128 + (self._received or signal.SIGINT)

    def code_of(self, status: str) -> int:
        """The same for the status of a descent, which may name a signal that another process has received."""
        name = status.rpartition(" ")[2]
        return 128 + signal.Signals[name] if name in signal.Signals.__members__ else self.code

    def __enter__(self) -> CleanStop:
        # Only the main thread receives signals; elsewhere the caller's handlers stay.
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # nohup has the system ignore SIGHUP: it stays so.
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number, frame):
        again, self._received = self._received is not None, signal.Signals(number)
        if again or self._at_once:
            raise KeyboardInterrupt
