"""Random points of densities that are constant on the cells of a grid."""

from __future__ import annotations

import math

import numpy as np


class Cells:
    """A density that is constant on the cells about the points of a grid, or a conditional one.

    Parameters
    ----------
    log_heights : array (*n)
        Up to a constant, for each value of the given axes.
    given : tuple of int
    """

    def __init__(self, log_heights, given: tuple[int, ...] = ()):
        self._heights, d = log_heights, log_heights.ndim
        self._given, self._others = list(given), [axis for axis in range(d) if axis not in given]
        front = np.transpose(log_heights, self._given + self._others)
        self._shape = tuple(log_heights.shape[axis] for axis in self._others)
        lines = front.reshape(-1, math.prod(self._shape))
        shares = np.cumsum(np.exp(lines - lines.max(axis=1, keepdims=True)), axis=1)
        # One after another, so that one search finds a cell of any line: line i between i and i + 1.
        self._cumulative = (shares / shares[:, -1:] + np.arange(len(lines))[:, None]).ravel()

    def draw(self, rng: np.random.Generator, conditions) -> tuple[np.ndarray, np.ndarray]:
        """A point for each condition, array (n, d) in [0, 1)^d, and the logarithms (n,) of the heights of their cells.

        Parameters
        ----------
        rng : numpy Generator
        conditions : array (n, number of given axes)
        """
        count, shape = len(conditions), self._heights.shape
        points, where = np.empty((count, len(shape))), [np.zeros(count, int)] * len(shape)
        line, size = np.zeros(count, int), math.prod(self._shape)
        for column, axis in enumerate(self._given):
            points[:, axis] = conditions[:, column]
            where[axis] = np.rint(points[:, axis] * shape[axis]).astype(int) % shape[axis]
            line = line * shape[axis] + where[axis]
        cell = np.searchsorted(self._cumulative, line + rng.random(count), side="right") - line * size
        cell = np.clip(cell, 0, size - 1)
        for axis, index in zip(self._others, np.unravel_index(cell, self._shape), strict=True):
            where[axis] = index
            points[:, axis] = (index + rng.random(count) - 0.5) / shape[axis] % 1.0
        points[points == 1.0] = 0.0  # what is a little below zero
        return points, self._heights[tuple(where)]
