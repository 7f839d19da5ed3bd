"""Threads that go through the same phases together, block by block.

A phase is one loop over `blocks`. Blocks depend on the grid alone, and a phase begins when all blocks of the last one
are done, whoever has done them: nobody waits for a member that has none in hand, and one whose processor does something
else costs the others no more than the block that it is at.
"""

import ctypes
import os
import time
from typing import NamedTuple

import numba
import numpy as np

from ...compilation import compiler
from .native import call_at, count_at, load_at, replace_at, time_at

# Spins before a waiting member offers its processor to others: a few microseconds, less than a block takes.
SPINS = 1024

# What the members of a gang share, in an array of int64: functions by their addresses, whether somebody has failed, how
# many blocks are done, and of the blocks that are each member's own, in which phase how many are taken. What changes
# all the time stands in lines of the cache of its own.
YIELD, CLOCK, WHICH_CLOCK, ABANDONED, DONE, TAKEN, LINE = 0, 1, 2, 3, 8, 16, 8
# What a member alone writes: the number of its phase, blocks of the phases before, nanoseconds waited, a time.
PHASE, BLOCKS, WAITED, SECONDS, NANOSECONDS = range(5)


def _address(name: str) -> int:
    """Where a function of the system stands; zero where there is none."""
    function = getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
    return 0 if function is None else ctypes.cast(function, ctypes.c_void_p).value or 0


_YIELD, _CLOCK = _address("sched_yield"), _address("clock_gettime")


class Member(NamedTuple):
    """One of the threads that share out `blocks`.

    Attributes
    ----------
    part, parts : int
        Which one, of how many.
    gang, own : arrays of int64
        What they share, and what is this one's alone.
    """

    part: int
    parts: int
    gang: np.ndarray
    own: np.ndarray


def members(parts: int) -> list[Member]:
    """A gang of so many."""
    gang = np.zeros(TAKEN + LINE * parts, np.int64)
    gang[[YIELD, CLOCK, WHICH_CLOCK]] = _YIELD, _CLOCK, getattr(time, "CLOCK_MONOTONIC", 0)
    return [Member(part, parts, gang, np.zeros(LINE, np.int64)) for part in range(parts)]


@numba.njit(nogil=True)  # not kept on disk: Numba does not find the rest of a generator that it has from there
def blocks(member, length, size):
    """The blocks of range(length) that fall to this member, as their starts and lengths, after those of the last phase.

    Each member begins with a part of its own, the same in every phase, which its caches may still have, and then takes
    what others have not come to.
    """
    own, gang = member.own, member.gang.ctypes.data
    count = (length + size - 1) // size
    own[PHASE] += 1
    _wait(member, own[BLOCKS])
    own[BLOCKS] += count
    for turn in range(member.parts):
        owner = (member.part + turn) % member.parts
        first, end = count * owner // member.parts, count * (owner + 1) // member.parts
        while first < end and load_at(gang + 8 * ABANDONED) == 0:
            number = first + _take(gang + 8 * (TAKEN + LINE * owner), own[PHASE], end - first)
            if number == end:
                break
            yield number * size, min(size, length - number * size)
            count_at(gang + 8 * DONE)


@compiler()
def _take(address, phase, count):
    """The next of range(count) that nobody has taken from this place in a phase; count where none is left."""
    while True:
        found = load_at(address)
        taken = max(found - (phase << 32), 0)  # what an earlier phase has left counts for nothing
        if taken >= count:  # or a later one has begun
            return count
        if replace_at(address, found, (phase << 32) + taken + 1):
            return taken


@compiler()
def _wait(member, done):
    """Until so many blocks are done, or somebody has failed."""
    gang = member.gang.ctypes.data
    spins, since = 0, 0
    while load_at(gang + 8 * DONE) < done and load_at(gang + 8 * ABANDONED) == 0:
        spins += 1
        if spins == SPINS:
            since = _now(member)
        if spins > SPINS and member.gang[YIELD] != 0:
            call_at(member.gang[YIELD])
    if spins >= SPINS:
        member.own[WAITED] += _now(member) - since


@compiler()
def _now(member):
    """Nanoseconds; zero where there is no clock."""
    own, clock = member.own, member.gang[CLOCK]
    if clock != 0:
        time_at(clock, member.gang[WHICH_CLOCK], own.ctypes.data + 8 * SECONDS)
    return 1_000_000_000 * own[SECONDS] + own[NANOSECONDS]
