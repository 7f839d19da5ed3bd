"""What the models ask of their inputs."""

from __future__ import annotations

import math
import numbers

import numpy as np

from ..errors import InputError
from ..hilbert import real_array

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
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be a whole number >= 1, got {value!r}.")
    return int(value)


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
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 < value < math.inf


def checked_length(value) -> float:
    """A positive length of a kernel."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not SHORTEST <= value <= LONGEST:
        raise InputError(
            f"the length of a kernel must be a positive number between {SHORTEST:g} and {LONGEST:g}, got {value!r}."
        )
    return float(value)
