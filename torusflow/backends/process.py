"""What becomes of threads, and of what they hold, when their process forks or ends."""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from functools import cached_property
from threading import Lock, RLock, get_ident
from typing import Protocol

# Seconds that the end of a process waits at most for what other threads are in the middle of.
PATIENCE_AT_THE_END = 10.0


class Holder(Protocol):
    """What has locks, or threads, that a child process has not."""

    def renew(self) -> None:
        """Begin again with new ones."""
        ...


_holders: weakref.WeakSet[Holder] = weakref.WeakSet()
_at_work: set[int] = set()
_last: list[int] = []  # the thread that ends the process, once it does


def renewed_in_children(holder: Holder) -> None:
    """Have it renewed in every process that is forked from this one."""
    _holders.add(holder)


def is_ending() -> bool:
    """Whether the process is ending, so that waiting for others makes no sense any more."""
    return bool(_last)


def begin_work() -> None:
    """Have the end of the process wait for this thread, until `end_work`; never return if it has not waited.

    The interpreter ends such threads by unwinding their stacks when they want to come back to it, which aborts the
    process where C++ is on the stack, as in SciPy's transforms.
    """
    _at_work.add(get_ident())
    if _last and get_ident() not in _last:
        end_work()
        forever = Lock()
        forever.acquire()
        forever.acquire()


def end_work() -> None:
    """The end of the process need not wait for this thread any more."""
    _at_work.discard(get_ident())


def _end() -> None:
    _last.append(get_ident())
    latest = time.monotonic() + PATIENCE_AT_THE_END
    while _at_work.difference(_last) and time.monotonic() < latest:
        time.sleep(0.001)


def _renew_all() -> None:
    _at_work.clear()
    for holder in list(_holders):
        holder.renew()
    for name, module in list(sys.modules.items()):  # before Python 3.12 those have locks as well
        if name.partition(".")[0] == __name__.partition(".")[0]:
            for kind in vars(module).values():
                for attribute in vars(kind).values() if isinstance(kind, type) else ():
                    if isinstance(attribute, cached_property) and hasattr(attribute, "lock"):
                        vars(attribute)["lock"] = RLock()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
