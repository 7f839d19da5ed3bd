"""Memory: how much there is, and large pieces of it that are used again."""

from __future__ import annotations

import math
import os
import weakref
from pathlib import Path

import numpy as np

from .errors import InputError


class Spare:
    """Memory that is used again: one piece, that of the last array made of it that is not in use any more."""

    def __init__(self):
        self._pieces: list[np.ndarray] = []

    def empty(self, shape) -> np.ndarray:
        """An array that holds anything. Its memory comes back when it is gone with all its views and copies of these.

        Parameters
        ----------
        shape : tuple of int
        """
        try:
            memory = self._pieces.pop()
        except IndexError:
            memory = None
        if memory is None or memory.shape != shape:
            memory = np.empty(shape)
        loan = _Loan(memory)
        weakref.finalize(loan, _take_back, memory, self._pieces).atexit = False
        return np.asarray(loan)


class _Loan:
    """What an array and all its views keep alive: NumPy's `base` of them, as long as there is one."""

    def __init__(self, memory):
        self.__array_interface__ = memory.__array_interface__


def _take_back(memory, pieces: list) -> None:
    if not pieces:  # one is enough for a descent, which holds on to the linearisation before the last
        pieces.append(memory)


def physical_memory() -> float:
    """Bytes of the machine; infinity where it does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return math.inf


def free_memory() -> float:
    """Bytes that this process can still have without swapping; all of the machine's where no more is known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        free = physical_memory()
    try:  # a container may have less
        group = Path("/sys/fs/cgroup")
        return min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # not there, or "max"
        return free


def check_memory(
    numbers: int, what: str, remedy: str, present: float | None = None, place: str = "this machine"
) -> None:
    """Raise an InputError before the system kills a process that wants more memory than there is.

    Parameters
    ----------
    numbers : int
        Of eight bytes each.
    what : str
        That needs them.
    remedy : str
        A sentence.
    present : float, optional
        Bytes there are, where it is not this machine's memory that arrays live in.
    place : str
        What has them.
    """
    present = physical_memory() if present is None else present
    if 8 * numbers > present:
        raise InputError(f"{what} would take {8 * numbers / 1e9:.3g} GB; {place} has {present / 1e9:.3g} GB. {remedy}")
