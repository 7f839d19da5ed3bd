"""Times to report at, and the tolerance of adaptive steps between them."""

from __future__ import annotations

import math

import numpy as np

from .arguments import is_number, real_array
from .errors import InputError


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
