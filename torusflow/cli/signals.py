"""Clean ends of a descent that a person or the system asks to stop."""

from __future__ import annotations

import signal
import threading


class CleanStop:
    """A context in which SIGINT and SIGTERM let an iteration finish; a second one interrupts it.

    Called, it says which signal came, for `descend(..., stop=...)`; ``code`` is the exit code that goes with it.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self._received = None

    def __call__(self) -> str:
        return self._received.name if self._received else ""

    @property
    def code(self) -> int:
        """130 or 143, as shells have it: 128 plus the number of the signal."""
        return 128 + (self._received or signal.SIGINT)

    def __enter__(self) -> CleanStop:
        # Only the main thread receives signals; elsewhere the caller's handlers stay.
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in self.SIGNALS}
        return self

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number, frame):
        if self._received is not None:
            raise KeyboardInterrupt
        self._received = signal.Signals(number)
