"""Sums and extremes of fields that are NumPy's arrays, by one thread, in NumPy's order."""

from __future__ import annotations

import numpy as np


class NumPyFields:
    """What backends of this machine's memory have in common."""

    def empty(self, shape) -> np.ndarray:
        return np.empty(shape)

    def mean(self, f) -> float:
        return float(np.mean(f))

    def maximum(self, f) -> float:
        return float(np.max(f))

    def minimum(self, f) -> float:
        return float(np.min(f))

    def is_finite(self, f) -> bool:
        return bool(np.all(np.isfinite(f)))
