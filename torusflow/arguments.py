"""What may stand for a number, an array, a choice: what is something else is refused with a sentence."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from .errors import InputError

# Of layers, steps, units and the like: beyond it a loop over them is no computation but a misprint.
LARGEST_COUNT = 10**6
LARGEST_SEED = 2**63


def is_number(value) -> bool:
    """Whether it is a real number, and finite: no bool, no text, nothing beyond the range of floats."""
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
    """A new array of real numbers, which may not be finite; texts and complex numbers are none."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.empty(0, object)
    if array.dtype.kind not in "fiub" or np.ma.isMaskedArray(values):
        raise InputError(f"{name} must be an array of real numbers, got {_in_words(values, array)}.")
    return np.array(array, float)  # of the plain class, whatever it was


def refuse_masked(values, name: str) -> None:
    """Raise an InputError for an array whose masked entries would be taken at what stands below the mask."""
    if np.ma.isMaskedArray(values):
        raise InputError(f"{name} must be an array without a mask; fill masked entries, x.filled(0) say, or drop them.")


def _in_words(values, array) -> str:
    if np.ma.isMaskedArray(values):
        return "one with masked entries; fill or drop them"
    if array.dtype.kind == "O":
        return f"a {type(values).__name__} that NumPy cannot make one of"
    return f"an array of {array.dtype}"


def check_memory(numbers: int, what: str, remedy: str) -> None:
    """Raise an InputError before the system kills a process that wants more memory than there is.

    Parameters
    ----------
    numbers : int
        Of eight bytes each.
    what : str
        That needs them.
    remedy : str
        A sentence.
    """
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if 8 * numbers > present:
            raise InputError(
                f"{what} would take {8 * numbers / 1e9:.3g} GB; this machine has {present / 1e9:.3g} GB. {remedy}"
            )
