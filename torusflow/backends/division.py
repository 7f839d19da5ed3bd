"""Who has which part of a field, where processes share a grid; and the division of a process that has all of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


class Division(Protocol):
    """How fields and coefficients are divided among processes, which all call these functions alike; as a text what
    follows the words on a torus.

    Fields are divided along the first axis of the grid, coefficients along the second one of the modes.

    Attributes
    ----------
    processes, rank : int
        How many there are, and which of them this one is.
    comm : communicator
        By which they speak; None where there is one that needs none.
    """

    processes: int
    rank: int
    comm: Any

    def processors(self) -> int:
        """How many of a machine's processors there are for each process."""
        ...

    def points(self, shape) -> tuple[slice, ...]:
        """The part of a grid (*n) that is here."""
        ...

    def modes(self, kept) -> tuple[slice, ...]:
        """The part of coefficients (*kept) that is here, `kept` being what all processes have."""
        ...

    def fits(self, shape) -> bool:
        """Whether each process has a part of such a grid."""
        ...

    def everyone(self, value) -> list:
        """What each process gives, in their order."""
        ...

    def agree(self, error: BaseException) -> None:
        """Go on with an error that all processes have met; one that others have not met is said, and ends all."""
        ...

    def gather(self, part, axis: int, root: int | None = None) -> Any:
        """The parts put together along an axis; if a root is given there alone, elsewhere None."""
        ...

    def part(self, whole, axis: int, here: slice) -> np.ndarray:
        """The part here, along an axis, of what every process has the whole of."""
        ...

    def scatter(self, whole, axis: int, here: slice) -> np.ndarray:
        """The part here, along an axis, of what the first process gives, the only one that need give anything."""
        ...

    def fetch(self, values, here: slice, wanted) -> np.ndarray:
        """The `wanted` entries of the last axis, wherever they are; `values` has those of it that are here."""
        ...


@dataclass(frozen=True)
class Undivided:
    """All of it here (`Division`)."""

    processes = 1
    rank = 0
    comm = None

    def __str__(self) -> str:
        return ""

    def processors(self) -> int:
        return len(usable_processors())

    def points(self, shape) -> tuple[slice, ...]:
        return tuple(slice(0, n) for n in shape)

    def modes(self, kept) -> tuple[slice, ...]:
        return self.points(kept)

    def fits(self, shape) -> bool:
        return True

    def everyone(self, value: Any) -> list:
        return [value]

    def agree(self, error: BaseException) -> None:
        pass

    def gather(self, part, axis: int, root: int | None = None) -> np.ndarray:
        return part

    def part(self, whole, axis: int, here: slice) -> np.ndarray:
        return whole

    def scatter(self, whole, axis: int, here: slice) -> np.ndarray:
        return whole

    def fetch(self, values, here: slice, wanted) -> np.ndarray:
        return values[..., wanted]


def usable_processors() -> frozenset[int]:
    """Those that this process may use."""
    all_of_them = range(os.cpu_count() or 1)
    return frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else all_of_them)
