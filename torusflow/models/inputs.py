"""What the models ask of their inputs."""

from __future__ import annotations

import numpy as np

from ..arguments import checked_whole, is_number, real_array
from ..errors import InputError
from ..torus.grid import Torus

# Kernels square their length: beyond these the square is lost.
SHORTEST, LONGEST = 1e-100, 1e100


def checked_columns(X) -> np.ndarray:
    """X as a matrix of finite numbers with one input a column."""
    return _checked_matrix(X, "X", "(d, N), one input a column")


def checked_rows(x) -> np.ndarray:
    """x as a matrix of finite numbers with one point a row."""
    return _checked_matrix(x, "the points", "(N, d), one point a row")


def checked_count(name: str, value) -> int:
    """A positive whole number."""
    return checked_whole(name, value)


def torus_of_band(name: str, band, dimension: int, threads) -> Torus:
    """The smallest grid that allows the band of a model that has none of its own."""
    array = isinstance(band, np.ndarray) and band.ndim == 1
    bands = band if (array or isinstance(band, tuple | list)) and len(band) else (band,)
    if not all(isinstance(b, int | np.integer) and not isinstance(b, bool) and b >= 0 for b in bands):
        raise InputError(f"{name}: band must be a whole number >= 0, or one for each axis, got {band!r}.")
    return Torus((max(4, 3 * int(max(bands)) + 1),) * dimension, threads=threads)


def _checked_matrix(values, name: str, shape: str) -> np.ndarray:
    try:
        values = real_array(values, name)
    except InputError as error:
        raise InputError(f"{error} Its shape must be {shape}.") from None
    if values.ndim != 2 or values.size == 0:
        raise InputError(f"{name} must have shape {shape}, with at least one of each, got {values.shape}.")
    if not np.all(np.isfinite(values)):
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(f"{name} must be finite: entry [{row}, {column}] is {values[row, column]}.")
    values.flags.writeable = False
    return values


def is_positive(value) -> bool:
    """Whether it is a real number above zero, and finite."""
    return is_number(value) and value > 0


def checked_length(value) -> float:
    """A positive length of a kernel."""
    if not is_number(value) or not SHORTEST <= float(value) <= LONGEST:
        raise InputError(
            f"the length of a kernel must be a positive number between {SHORTEST:g} and {LONGEST:g}, got {value!r}."
        )
    return float(value)
