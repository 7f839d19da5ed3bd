"""Times to report at, and the tolerance of adaptive steps between them."""

from __future__ import annotations

import math

import numpy as np

from .errors import InputError


def checked_times(times) -> tuple[float, ...]:
    """Numbers that increase from zero or later, or an InputError."""
    try:
        times = tuple(float(t) for t in np.atleast_1d(times))
    except (TypeError, ValueError):
        raise InputError(f"times must be numbers, got {times!r}. Write times=[0.1, 0.2], say.") from None
    if not times or not all(math.isfinite(t) and t >= 0 for t in times) or any(np.diff(times) <= 0):
        raise InputError(f"times must increase from 0 or later, got {_short(times)}. Write times=[0.1, 0.2], say.")
    return times


def checked_tolerance(tolerance, least: float, most: float) -> float:
    """A number between the two, or an InputError."""
    number = isinstance(tolerance, int | float | np.number) and not isinstance(tolerance, bool)
    if not number or not least <= tolerance <= most:
        raise InputError(f"tolerance must be a number between {least:g} and {most:g}, got {tolerance!r}.")
    return float(tolerance)


def _short(times) -> str:
    words = ", ".join(f"{t:g}" for t in times[:6])
    return f"({words}{', ...' if len(times) > 6 else ''})"
