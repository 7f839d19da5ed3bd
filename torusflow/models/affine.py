"""Affine maps of points, trained: the first and the last layer of most networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import checked_flag, checked_whole, settle
from ..display import OneLine
from ..hilbert import Euclidean


@dataclass(frozen=True)
class Affine(OneLine):
    """x -> B x + b, by controls (width, d + 1) that hold B and b, its last column.

    Parameters
    ----------
    width : int
        Rows of B.
    bias : bool
        Whether there is a b, which otherwise is zero; controls are (width, d) then.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.Network(np.ones((5, 2)), [tfl.Affine(3)])
    >>> w = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> model(w.ravel())[0]
    array([1., 1., 1.])
    """

    width: int
    bias: bool = True

    def __post_init__(self):
        settle(self, width=checked_whole("width", self.width), bias=checked_flag("bias", self.bias))

    def ends_in(self, dimension: int) -> int:
        """The width."""
        return self.width

    def controls(self, dimension: int) -> Euclidean:
        """Matrices (width, d + bias)."""
        return Euclidean((self.width, dimension + self.bias))

    def initial(self, dimension: int, rng: np.random.Generator) -> np.ndarray:
        """Entries of B independent and normal, of variance 1/d; b is zero."""
        control = rng.standard_normal((self.width, dimension + self.bias)) / np.sqrt(dimension)
        control[:, dimension:] = 0
        return control

    def value(self, x, w) -> np.ndarray:
        """B x + b in each row, array (N, width)."""
        d = x.shape[1]
        return x @ w[:, :d].T + w[:, d] if self.bias else x @ w.T

    def at(self, x, w) -> AffineLinearisation:
        """The map with its derivative."""
        return AffineLinearisation(self, x, w)


class AffineLinearisation:
    """An `Affine` map at points (`MapLinearisation`)."""

    def __init__(self, map_: Affine, x, w):
        self._map, self._x, self._matrix = map_, x, w[:, : x.shape[1]]
        self.output = map_.value(x, w)

    def tangent(self, dw, dx):
        change = self._map.value(self._x, dw)
        return change if dx is None else change + dx @ self._matrix.T

    def transpose(self, p):
        gradient = p.T @ self._x
        if self._map.bias:
            gradient = np.column_stack([gradient, p.sum(axis=0)])
        return gradient, p @ self._matrix
