"""Inner product spaces: a control or an output is a plain array, and its space carries the geometry."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np


class HilbertSpace(Protocol):
    """What every space of controls or outputs offers.

    Elements are arrays of the space's `shape` and `dtype`; complex arrays stand for real functions by their Fourier
    coefficients, so that sums and real multiples of elements are elements.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def zeros(self) -> np.ndarray:
        """The zero element."""

    def inner(self, u, w) -> float:
        """<u, w>, real, symmetric, positive."""

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element of norm one, for checks and perturbations."""

    def element(self, u) -> np.ndarray:
        """u as an element, or an InputError that says why it is none."""

    def describe(self, u) -> dict[str, float]:
        """Numbers worth a column in a run's history."""


def norm(space: HilbertSpace, u) -> float:
    """|u| = sqrt(<u, u>)."""
    return math.sqrt(max(space.inner(u, u), 0.0))
