"""Sums and extremes of fields that are NumPy's arrays, by one thread, in NumPy's order."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ..memory import Spare, free_memory, physical_memory
from .division import Division, Undivided


class NumPyFields:
    """What backends of this machine's memory have in common."""

    device = "cpu"
    division: Division = Undivided()

    def empty(self, shape, dtype: DTypeLike = float) -> np.ndarray:
        return np.empty(shape, dtype)

    def zeros(self, shape, dtype: DTypeLike = float) -> np.ndarray:
        return np.zeros(shape, dtype)

    def asarray(self, values) -> np.ndarray:
        return np.asarray(values)

    def fixed(self, values) -> np.ndarray:
        values = np.array(values)
        values.flags.writeable = False
        return values

    def spare(self) -> Spare:
        return Spare()

    def free_memory(self) -> float:
        return free_memory()

    def physical_memory(self) -> float:
        return physical_memory()

    def total(self, f) -> float:
        return float(np.sum(f))

    def mean(self, f) -> float:
        return float(np.mean(f))

    def maximum(self, f) -> float:
        return float(np.max(f))

    def minimum(self, f) -> float:
        return float(np.min(f))

    def is_finite(self, f) -> bool:
        return bool(np.all(np.isfinite(f)))
