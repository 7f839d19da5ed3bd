"""Signals while work is done that must not be left half way: they wait, but where they may end it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Held:
    """A context in which the handlers of SIGINT, SIGTERM and SIGHUP are called within `let_through` only.

    What comes elsewhere waits for the next `let_through`, or for the end of the context. Handlers belong to the
    process: only the main thread holds signals, only those that Python handles, and a context within another one's
    `let_through` closes it for as long.

    Parameters
    ----------
    last : bool
        Whether to hold those too that nobody handles: they end the process when they are passed on.

    Attributes
    ----------
    raised : bool
        Whether a handler has raised in the last `let_through`, where destructors and callbacks of C code may have lost
        the exception.
    """

    _outermost: Held | None = None

    def __init__(self, last: bool = False):
        self._last = last
        self.raised = self._raised = False
        self._handlers: dict = {}
        self._waiting: list[int] = []
        self._open = self._was_open = False
        self._holder = self

    @property
    def waiting(self) -> str:
        """The name of the first signal that has come and has not been passed on; empty if there is none."""
        waiting = self._holder._waiting
        return signal.Signals(waiting[0]).name if waiting else ""

    def __enter__(self) -> Held:
        if threading.current_thread() is not threading.main_thread():
            return self
        if Held._outermost is not None:
            self._holder = Held._outermost
            self._was_open, self._holder._open = self._holder._open, False
            return self
        try:
            for number in SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler) or (self._last and handler is signal.SIG_DFL):
                    self._handlers[number] = handler
                    signal.signal(number, self._receive)
            Held._outermost = self
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(self, *exception) -> None:
        if self._holder is not self:
            self._holder._open = self._was_open
        elif Held._outermost is self:
            # The default handler would raise here, and the caller would lose what the work has come to.
            late = [number for number in self._waiting if self._handlers[number] is not signal.default_int_handler]
            Held._outermost = None
            self._restore()
            for number in late:
                self._pass_on(number)

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        """A context that a handler may end by what it raises; first come the signals that have waited."""
        holder = self._holder
        holder._raised = False
        try:
            holder._open = True
            while holder._waiting:
                holder._deliver(holder._waiting.pop(0))
            yield
        finally:
            holder._open = False
            self.raised, holder._raised = holder._raised, False

    def _receive(self, number, frame) -> None:
        if self._open:
            self._deliver(number)
        else:
            self._waiting.append(number)

    def _deliver(self, number) -> None:
        # Closed before it raises: a second signal must not meet the first one on its way out.
        self._open, self._raised = False, True
        self._pass_on(number)
        self._open, self._raised = True, False

    def _pass_on(self, number) -> None:
        handler = self._handlers[number]
        if callable(handler):
            handler(number, None)
        else:  # what the system does with it
            signal.signal(number, handler)
            os.kill(os.getpid(), number)

    def _restore(self) -> None:
        for number, handler in reversed(self._handlers.items()):  # SIGINT, the only one that raises by itself, last
            signal.signal(number, handler)
