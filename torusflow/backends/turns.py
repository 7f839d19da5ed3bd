"""Whose turn it is with work arrays that several callers share."""

from __future__ import annotations

from threading import RLock, local
from typing import Any

from ..errors import InputError
from .process import is_ending, renewed_in_children

# Of each thread: whether it works on a part of what another thread does.
here = local()


class Turn:
    """A lock on work arrays. Other threads wait; a call in the middle of the same thread's work is refused.

    The interpreter calls signal handlers and finalisers between any two steps of a computation, in its thread. To wait
    there would be to wait for oneself, and to go on would spoil what was interrupted.
    """

    def __init__(self):
        self.renew()
        renewed_in_children(self)

    def renew(self) -> None:
        """Forget who has it."""
        self._lock: Any = RLock()  # which has methods that its stub does not tell

    def take(self):
        """The lock, for a with statement.

        It is the interpreter's own, so that no signal falls between taking it and the statement that gives it back.

        Raises
        ------
        InputError
            If this thread is in the middle of work with the same arrays, or the process ends and another one is.
        """
        lock = self._lock
        if lock._is_owned() or getattr(here, "helps", False):
            raise InputError(
                "a signal handler or a finaliser (__del__) interrupted a computation, and computes with the same work "
                "arrays. Let it set a flag, and compute when the interrupted call has returned."
            )
        if is_ending():
            if not lock.acquire(blocking=False):
                raise InputError(
                    "the program is ending, and a thread that has already ended was in the middle of this computation."
                )
            lock.release()
        return lock

    def is_mine(self) -> bool:
        """Whether this thread has it."""
        return self._lock._is_owned()
