"""What models made of somebody else's function have in common: inputs in rows, one row of output for each."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from ..arguments import settle
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from ..model import Linearisation


@dataclass(frozen=True, eq=False)
class OnRows(ABC):
    """w -> f(w, x), with a row of output for each row of x.

    Parameters
    ----------
    x : array (N, ...)

    Attributes
    ----------
    space : Euclidean
        (n,), of all parameters one after another.
    output_space : Euclidean
        (N, ...).
    """

    x: np.ndarray
    space: Euclidean = field(init=False, repr=False)
    output_space: Euclidean = field(init=False, repr=False)

    def __call__(self, w) -> np.ndarray:
        """f(w, x), array (N, ...)."""
        return self.linearise(w).output

    @abstractmethod
    def linearise(self, w) -> Linearisation:
        """The output with its derivative both ways, from one pass forward."""

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in, array (N, d)."""
        return self.x.reshape(len(self.x), -1)

    def rows(self, output) -> np.ndarray:
        """An output with one point per row."""
        return np.reshape(output, (len(self.x), -1))

    def part(self, rows) -> Self:
        """The same model on some of the inputs."""
        try:
            x = self.x[rows]
        except (IndexError, TypeError, ValueError, OverflowError):
            x = self.x[:0]
        if x.ndim != self.x.ndim or not len(x):
            raise InputError(f"rows must choose some of {len(self.x)} inputs by their numbers, got {rows!r}.")
        other = object.__new__(type(self))  # what is compiled is shared
        settle(other, **{**vars(self), "x": x, "output_space": Euclidean((len(x), *self.output_space.shape[1:]))})
        return other


def checked_inputs(x) -> np.ndarray:
    """Real numbers (N, ...) in double precision, or whole numbers as they are; an InputError otherwise."""
    x = np.array(x)
    if x.dtype.kind not in "fiu" or x.ndim < 1 or not x.size:
        raise InputError(
            f"the inputs must be real numbers (N, ...), one input per row, got an array {x.shape} of {x.dtype}."
        )
    x = x.astype(float if x.dtype.kind == "f" else np.int64)
    if not np.all(np.isfinite(x)):
        raise InputError(f"the inputs must be finite: {np.count_nonzero(~np.isfinite(x))} of {x.size} numbers are not.")
    x.flags.writeable = False
    return x


def checked_output_space(shape, dtype: str, x) -> Euclidean:
    """The space of outputs of this shape and type, or an InputError if there is not a row for each input."""
    shape = tuple(shape)
    if "complex" in dtype or not shape or shape[0] != len(x):
        raise InputError(
            f"the outputs must be real numbers, one row for each of {len(x)} inputs, got {dtype} {shape}. Where there "
            f"are no inputs, let it return one row, output[None], and give one: np.zeros((1, 1))."
        )
    if dtype != "float64":
        warnings.warn(
            f"the outputs are {dtype} though parameters and inputs are float64, so something within is computed in "
            f"less: expect derivatives to 1e-6 or worse, and checks to fail. Remove what casts there.",
            stacklevel=6,
        )
    return Euclidean(shape)


def checked_start(start, space: Euclidean) -> np.ndarray:
    """The parameters at the start, or an InputError."""
    try:
        start = space.element(start).copy()
    except InputError as error:
        raise InputError(f"the parameters at the start: {error}") from None
    start.flags.writeable = False
    return start


def not_applied(what: str, x, error: Exception) -> InputError:
    """What somebody's own code has said of the inputs."""
    whole = " Where these are points, give inputs.astype(float)." if x.dtype.kind == "i" else ""
    said = f"{type(error).__name__}: {str(error).rstrip('.')}."
    return InputError(f"the {what} cannot be applied to inputs {x.shape} of {x.dtype}: {said}{whole}")


def refuse_infinite(output) -> None:
    """Raise a NumericalError unless an output is finite."""
    if not np.all(np.isfinite(output)):
        raise NumericalError("the output of the network is not finite. Use a smaller control.")
