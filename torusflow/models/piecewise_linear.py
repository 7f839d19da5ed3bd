"""Controls that are continuous in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cholesky_banded, solveh_banded

from ..display import OneLine
from ..hilbert import Euclidean


@dataclass(frozen=True)
class PiecewiseLinear(OneLine):
    """Functions of s in [0, 1] with values in V, linear between 0, 1/L, ..., 1; <v, w> = int <v_s, w_s>_V ds.

    Parameters
    ----------
    values : Euclidean
        Arrays (L + 1, ...) of the values there, with the mean of their inner products in V.
    """

    values: Euclidean
    dtype = np.dtype(np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @cached_property
    def _mass(self) -> np.ndarray:
        """int h_i h_j ds of the hat functions: the diagonal, and below it the numbers beside."""
        n = self.shape[0]
        bands = np.tile([[4.0], [1.0]], n) / (6 * (n - 1))
        bands[0, [0, -1]] /= 2
        return bands

    def zeros(self) -> np.ndarray:
        """The zero function."""
        return self.values.zeros()

    def inner(self, u, w) -> float:
        """int <u_s, w_s>_V ds."""
        diagonal, beside = self._mass.reshape(2, -1, *[1] * (np.ndim(w) - 1))
        product = diagonal * w
        product[:-1] += beside[:-1] * w[1:]
        product[1:] += beside[:-1] * w[:-1]
        return len(u) * self.values.inner(u, product)

    def riesz(self, gradients) -> np.ndarray:
        """The g with <g, w> = sum_i <gradients_i, w_i>_V."""
        flat = gradients.reshape(len(gradients), -1)
        return solveh_banded(self._mass, flat, lower=True).reshape(gradients.shape)

    def coordinates(self, isometry) -> Coordinates:
        """Those of the values, after the root of int h_i h_j ds (`torusflow.hilbert.Coordinated`)."""
        return Coordinates(self.shape[0], isometry(self.values), self._mass)

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """White noise of norm one."""
        u = self.values.random(rng)
        return u / math.sqrt(self.inner(u, u))

    def element(self, u) -> np.ndarray:
        """u as a finite real array of this shape, or an InputError."""
        return self.values.element(u)

    def describe(self, u) -> dict[str, float]:
        """Nothing beyond the norm, which every history has."""
        return {}


class Coordinates:
    """x = sqrt(n) times the coordinates of R^T u, where R R^T = int h_i h_j ds."""

    def __init__(self, count: int, values, mass):
        self._values, self._scale = values, math.sqrt(count)
        diagonal, beside = cholesky_banded(mass, lower=True)
        self._root = np.diag(diagonal) + np.diag(beside[:-1], -1)

    def of(self, u) -> np.ndarray:
        return self._scale * self._values.of(np.tensordot(self._root.T, u, 1))

    def element(self, x) -> np.ndarray:
        u = self._values.element(x / self._scale)
        return np.linalg.solve(self._root.T, u.reshape(len(u), -1)).reshape(u.shape)
