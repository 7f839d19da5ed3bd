"""Schedules: how the step of a stochastic descent changes from pass to pass."""

from __future__ import annotations

import math
from collections.abc import Callable

# The step after t half-lives, of a step at the start; each has halved after one.
SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "inverse": lambda step, t: step / (1 + t),
    "exponential": lambda step, t: step * 2**-t,
    "cosine": lambda step, t: step * (1 + math.cos(math.pi * t / 2)) / 2 if t < 2 else 0.0,
    "constant": lambda step, t: step,
}
