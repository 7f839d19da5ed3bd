"""Fields of which several processes have a part each, and what one process does with the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..backends import Division
from ..errors import InputError

# Numbers drawn at once that are for other processes.
PIECE = 2**20


class Divided:
    """What a `Torus` divides fields by among processes; one process has all of them."""

    division: Division
    shape: tuple[int, ...]
    local_shape: tuple[int, ...]
    local_slice: tuple[slice, ...]
    dimension: int

    def gather(self, f, root: int | None = None) -> Any:
        """The whole of a field (..., *n) of which each process gives its part.

        Parameters
        ----------
        f : array (..., *local_shape)
        root : int, optional
            The process that gets it, the others None; if not given all of them, each in its own memory.

        Returns
        -------
        array (..., *shape)
        """
        if f.shape[max(f.ndim - self.dimension, 0) :] != self.local_shape:
            raise InputError(f"gather takes the part here of a field, (..., {self.local_shape}), got {f.shape}.")
        return self.division.gather(f, -self.dimension, root)

    def scatter(self, f) -> np.ndarray:
        """The part here of a whole field (..., *n) that the first process gives; what others give is not looked at.

        Parameters
        ----------
        f : array (..., *shape)
        """
        shape = self.division.everyone(np.shape(f))[0]
        if shape[max(len(shape) - self.dimension, 0) :] != self.shape:
            raise InputError(f"scatter takes a whole field, (..., {self.shape}), got {shape}.")
        return self.division.scatter(f, len(shape) - self.dimension, self.local_slice[0])

    def alone(self) -> Any:
        """The same grid with all of it on this process; itself where no communicator has been given."""
        return replace(cast(Any, self), comm=None) if self.shared else self

    def hint_of(self, shape) -> str:
        """What to do with an array that has the shape of the whole grid, a sentence; else nothing."""
        whole = self.local_shape != self.shape and shape[max(len(shape) - self.dimension, 0) :] == self.shape
        return f" That is the whole of {self.division.processes} processes': give torus.scatter(f)." if whole else ""

    def part(self, f) -> np.ndarray:
        """The part here of a whole field (..., *n) that every process has."""
        return self.division.part(f, np.ndim(f) - self.dimension, self.local_slice[0])

    def gather_spectrum(self, f_hat) -> np.ndarray:
        """The whole of a spectrum (..., *spectral_shape) of which each process gives its part."""
        return f_hat if self.dimension == 1 else cast(np.ndarray, self.division.gather(f_hat, 1 - self.dimension))

    def everyone(self, value) -> list:
        """What each process gives, in their order."""
        return self.division.everyone(value)

    @property
    def shared(self) -> bool:
        """Whether a communicator has been given, be it one of one process."""
        return self.division.comm is not None

    def check_alike(self, value, message: str) -> None:
        """Raise an InputError with this message unless all processes give the same."""
        if len(set(self.division.everyone(value))) > 1:
            raise InputError(message)

    def check_generators(self, rng: np.random.Generator) -> None:
        """Raise an InputError unless the generators of all processes are in the same state."""
        self.check_alike(
            str(rng.bit_generator.state),
            "the generators of the processes differ, and so would what they draw. Seed them alike: "
            "np.random.default_rng(0).",
        )

    def refuse_divided(self, what: str, instead: str) -> None:
        """Raise an InputError where processes share the grid, and something needs the whole of a field in one place.

        Parameters
        ----------
        what, instead : str
            The subject of the sentence, and a sentence that says what to do.
        """
        if self.division.processes > 1:
            raise InputError(
                f"{what} one process with the whole grid, and this torus is divided among "
                f"{self.division.processes}: {instead}"
            )

    def normal(self, rng: np.random.Generator, shape: Sequence[int], axis: int, part: slice) -> np.ndarray:
        """The part along an axis of ``rng.standard_normal(shape)``, of which every process draws the whole.

        Raises
        ------
        InputError
            If the generators of the processes differ.
        """
        self.check_generators(rng)
        inner = math.prod(shape[axis + 1 :])
        mine, drawn = (part.stop - part.start) * inner, []
        for _ in range(math.prod(shape[:axis])):
            _skip(rng, part.start * inner)
            drawn.append(rng.standard_normal(mine))
            _skip(rng, (shape[axis] - part.stop) * inner)
        return np.stack(drawn).reshape(*shape[:axis], part.stop - part.start, *shape[axis + 1 :])


def _skip(rng, count: int) -> None:
    """Draw some normal numbers for nobody: how many random bits one takes is seen as it is drawn."""
    while count > 0:
        rng.standard_normal(min(count, PIECE))
        count -= PIECE
