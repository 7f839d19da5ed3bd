"""How much memory there is."""

from __future__ import annotations

import math
import os
from pathlib import Path


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
