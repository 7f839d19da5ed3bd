"""What may stand for a number, an array, a choice: what is something else is refused with a sentence."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from .errors import InputError

# Of layers, steps, units and the like: a larger number is a misprint.
LARGEST_COUNT = 10**6
LARGEST_SEED = 2**63


def settle(instance, **values) -> None:
    """Set attributes of a frozen dataclass while it is made: its arguments as checked, and what follows from them."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def copy_with(instance: Any, **values) -> Any:
    """A copy of a frozen dataclass with other values, which are not checked, and all else shared."""
    other = copy.copy(instance)
    settle(other, **values)
    return other


def is_number(value) -> TypeGuard[float]:
    """Whether it is a real and finite number: not a bool, a text, or beyond the range of floats."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def checked_whole(name: str, value, least: int = 1, most: int = LARGEST_COUNT) -> int:
    """A whole number between the two, or an InputError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be a whole number >= {least}, got {value!r}.")
    if value > most:
        raise InputError(f"{name} must be a whole number from {least} to {most:,}, got {value!r}; use a smaller one.")
    return int(value)


def checked_seed(seed) -> int:
    """A seed of random numbers, so that runs can be repeated, or an InputError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < LARGEST_SEED:
        raise InputError(f"seed must be a whole number >= 0, so that runs can be repeated, and < 2^63, got {seed!r}.")
    return int(seed)


def checked_choice(rows, count: int) -> np.ndarray:
    """The numbers of the samples chosen from so many by numbers, a slice or a mask, at least one; or an InputError."""
    try:
        chosen = np.arange(count)[rows]
    except (IndexError, TypeError, ValueError, OverflowError):
        chosen = np.empty(0)
    if chosen.ndim != 1 or not len(chosen):
        raise InputError(f"rows must choose some of {count} samples by their numbers, got {rows!r}.")
    return chosen


def checked_name(name: str, value, known: Iterable[str]) -> str:
    """One of the names that are known, or an InputError."""
    known = tuple(known)
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
    return value


def checked_flag(name: str, value) -> bool:
    """True or False, or an InputError: texts such as "no" would count as true."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def check_kind(name: str, value, kind: type, example: str) -> None:
    """Raise an InputError unless the value is of this class."""
    if not isinstance(value, kind):
        raise InputError(f"{name} must be a {kind.__name__}, got {value!r}. Write {example}, say.")


def check_generator(rng) -> None:
    """Raise an InputError unless random numbers can be drawn from it."""
    check_kind("rng", rng, np.random.Generator, "np.random.default_rng(0)")


def check_function(name: str, value) -> None:
    """Raise an InputError unless it can be called."""
    if not callable(value):
        raise InputError(f"{name} must be a function, got {value!r}.")


def checked_path(path, what: str) -> Path:
    """A path, or an InputError; whether there is a file is another question."""
    if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
        raise InputError(f"{what} must be named by a path, got {path!r}.")
    return Path(path)


def checked_file(path, what: str) -> Path:
    """A path to read from, or an InputError if it is a pipe or device; whether there is a file is another question."""
    path = checked_path(path, what)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise InputError(f"{str(path)!r} is a pipe or a device, but {what} is read more than once: save it as a file.")
    return path


def real_array(values, name: str) -> np.ndarray:
    """A new array of real numbers, which may not be finite; texts and complex numbers are refused."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.empty(0, object)
    if array.dtype.kind not in "fiub" or np.ma.isMaskedArray(values):
        raise InputError(f"{name} must be an array of real numbers, got {in_words(values, array)}.")
    return np.array(array, float)  # of the plain class, whatever it was


def refuse_masked(values, name: str) -> None:
    """Raise an InputError for an array whose masked entries would be taken at what stands below the mask."""
    if np.ma.isMaskedArray(values):
        raise InputError(f"{name} must be an array without a mask; fill masked entries, x.filled(0) say, or drop them.")


def in_words(values, array) -> str:
    """What was given in place of an array of numbers, which is what NumPy made of it."""
    if np.ma.isMaskedArray(values):
        return "one with masked entries; fill or drop them"
    if array.dtype.kind == "O":
        return f"a {type(values).__name__} that NumPy cannot make one of"
    return f"an array of {array.dtype}"


def checked_times(times) -> tuple[float, ...]:
    """Numbers that increase from zero or later, or an InputError."""
    times = np.atleast_1d(real_array(times, "times"))
    if times.ndim != 1:
        raise InputError(f"times must be a list of numbers, got an array {times.shape}. Write times=[0.1, 0.2], say.")
    times = tuple(times.tolist())
    if not times or not all(math.isfinite(t) and t >= 0 for t in times) or any(np.diff(times) <= 0):
        raise InputError(f"times must increase from 0 or later, got {_short(times)}. Write times=[0.1, 0.2], say.")
    return times


def checked_tolerance(tolerance, least: float, most: float) -> float:
    """A number between the two, or an InputError."""
    if not is_number(tolerance) or not least <= tolerance <= most:
        raise InputError(f"tolerance must be a number between {least:g} and {most:g}, got {tolerance!r}.")
    return float(tolerance)


def _short(times) -> str:
    words = ", ".join(f"{t:g}" for t in times[:6])
    return f"({words}{', ...' if len(times) > 6 else ''})"


def checked_columns(X) -> np.ndarray:
    """X as a matrix of finite numbers with one input per column."""
    return _checked_matrix(X, "X", "(d, N), one input per column")


def checked_rows(x, dimension: int | None = None) -> np.ndarray:
    """x as a matrix of finite numbers with one point per row, in a certain dimension if that is given."""
    x = _checked_matrix(x, "the points", "(N, d), one point per row")
    if dimension is not None and x.shape[1] != dimension:
        raise InputError(f"the points of this network lie in R^{dimension}, these in R^{x.shape[1]}.")
    return x


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


def is_positive(value) -> TypeGuard[float]:
    """Whether it is a real number above zero, and finite."""
    return is_number(value) and value > 0


def checked_number(name: str, value) -> None:
    """Raise an InputError unless it is a number."""
    if not is_number(value):
        raise InputError(f"{name} must be a number, got {value!r}.")
