"""Threads that go through the same phases together, block by block.

A phase is one loop, from `first_block` to a `next_block` of length zero. Blocks depend on the grid alone, and a phase
begins when all blocks of the last one are done, whoever has done them: nobody waits for a member that has none in hand,
and one whose processor does something else costs the others no more than the block that it is at.
"""

import ctypes
import os
import time
from typing import NamedTuple

import numpy as np

from ...compilation import compiler
from .native import call_at, count_at, load_at, replace_at, time_at

# Spins before a waiting member offers its processor to others: a few microseconds, less than a block takes.
SPINS = 1024

# What the members of a gang have in common, an array of int64: functions by their addresses, whether somebody has
# failed, and how many blocks are done. Then for each member: how many of its own blocks are taken, in which phase; and
# what only it writes, the number of its phase, what `first_block` was asked for, whose blocks it takes, how many there
# were until now, nanoseconds waited, a time. What changes all the time stands in lines of the cache of its own.
YIELD, CLOCK, WHICH_CLOCK, ABANDONED, DONE, MEMBERS, LINE = 0, 1, 2, 3, 8, 16, 16
TAKEN, PHASE, LENGTH, SIZE, TURN, BLOCKS, WAITED, SECONDS, NANOSECONDS = range(9)


def _address(name: str) -> int:
    """Where a function of the system stands; zero where there is none."""
    function = getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
    return 0 if function is None else ctypes.cast(function, ctypes.c_void_p).value or 0


_YIELD, _CLOCK, _WHICH_CLOCK = _address("sched_yield"), _address("clock_gettime"), getattr(time, "CLOCK_MONOTONIC", 0)


class Member(NamedTuple):
    """One of the threads that share out blocks.

    Attributes
    ----------
    part, parts : int
        Which one, of how many.
    gang : array of int64
        What they have in common.
    """

    part: int
    parts: int
    gang: np.ndarray


def members(parts: int) -> list[Member]:
    """A gang of so many."""
    gang = np.zeros(MEMBERS + LINE * parts, np.int64)
    gang[YIELD], gang[CLOCK], gang[WHICH_CLOCK] = _YIELD, _CLOCK, _WHICH_CLOCK
    return [Member(part, parts, gang) for part in range(parts)]


def seconds_waited(member: Member) -> float:
    """How long a member has waited for others."""
    return 1e-9 * member.gang[MEMBERS + LINE * member.part + WAITED]


@compiler()
def first_block(member, length, size):
    """The start and the length of the first block of range(length) that falls to this member, once all blocks of the
    last phase are done; (length, 0) where none does.

    Each member begins with a part of its own, the same in every phase, which its caches may still have, and then takes
    what others have not come to.
    """
    gang, own = member.gang, MEMBERS + LINE * member.part
    _wait(gang, own, gang[own + BLOCKS])
    gang[own + BLOCKS] += (length + size - 1) // size
    gang[own + PHASE] += 1
    gang[own + LENGTH], gang[own + SIZE], gang[own + TURN] = length, size, 0
    return _block(member)


@compiler()
def next_block(member):
    """The block to be worked on after one that is done."""
    count_at(member.gang.ctypes.data + 8 * DONE)
    return _block(member)


@compiler()
def _block(member):
    """The next that nobody has taken."""
    gang, shared, own = member.gang, member.gang.ctypes.data, MEMBERS + LINE * member.part
    length, size = gang[own + LENGTH], gang[own + SIZE]
    count = (length + size - 1) // size
    while gang[own + TURN] < member.parts and load_at(shared + 8 * ABANDONED) == 0:
        owner = (member.part + gang[own + TURN]) % member.parts
        first, end = count * owner // member.parts, count * (owner + 1) // member.parts
        number = first + _take(shared + 8 * (MEMBERS + LINE * owner + TAKEN), gang[own + PHASE], end - first)
        if number < end:
            return number * size, min(size, length - number * size)
        gang[own + TURN] += 1
    return length, 0


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
def _wait(gang, own, done):
    """Until so many blocks are done, or somebody has failed."""
    shared = gang.ctypes.data
    spins, since = 0, 0
    while load_at(shared + 8 * DONE) < done and load_at(shared + 8 * ABANDONED) == 0:
        spins += 1
        if spins == SPINS:
            since = _now(gang, own)
        if spins > SPINS and gang[YIELD] != 0:
            call_at(gang[YIELD])
    if spins >= SPINS:
        gang[own + WAITED] += _now(gang, own) - since


@compiler()
def _now(gang, own):
    """Nanoseconds; zero where there is no clock."""
    if gang[CLOCK] != 0:
        time_at(gang[CLOCK], gang[WHICH_CLOCK], gang.ctypes.data + 8 * (own + SECONDS))
    return 1_000_000_000 * gang[own + SECONDS] + gang[own + NANOSECONDS]
