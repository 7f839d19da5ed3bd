"""Random points of densities that are constant on the cells of a grid, whichever process has them."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .grid import Torus


class Cells:
    """The cells about the points of a grid, with probabilities proportional to exp(h).

    One process adds probabilities up over the grid; where processes share it each does so in its rows, and where a row
    begins depends on the grid alone.

    Parameters
    ----------
    torus : Torus
    h : array (*n) of NumPy
    """

    def __init__(self, torus: Torus, h):
        self._torus = torus
        self._first = torus.local_slice[0].start if torus.shared else 0
        self._h = h.reshape(len(h) if torus.shared else 1, -1)
        self._cumulative = np.cumsum(np.exp(self._h - torus.maximum(h)), axis=1)
        self._ends = np.cumsum(torus.division.gather(self._cumulative[:, -1], 0))

    def draw(self, rng: np.random.Generator, conditions) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, d) in [0, 1)^d and the h (n,) of their cells, as many as there are rows of conditions (n, 0)."""
        cell, height = self.at(rng.random(len(conditions)))
        return _within(cell, self._torus.shape, rng), height

    def at(self, shares) -> tuple[np.ndarray, np.ndarray]:
        """The cells, arrays of indices (N, d), up to which these shares of all probability lie, and h there, (N,).

        Parameters
        ----------
        shares : array (N,)
            From zero to one; the same on all processes.
        """
        reached, width = self._ends[-1] * shares, self._h.shape[1]
        row = np.minimum(np.searchsorted(self._ends, reached, side="right"), len(self._ends) - 1)
        reached -= np.concatenate([[0.0], self._ends[:-1]])[row]
        order = np.argsort(row, kind="stable")
        cuts = np.searchsorted(row[order], self._first + np.arange(len(self._h) + 1))
        here = [order[start:stop] for start, stop in itertools.pairwise(cuts)]
        columns = [
            np.minimum(np.searchsorted(cumulative, reached[some], side="right"), width - 1)
            for cumulative, some in zip(self._cumulative, here, strict=True)
        ]
        heights = [h[some] for h, some in zip(self._h, columns, strict=True)]
        column, height = (self._of_all(np.concatenate(found), order) for found in (columns, heights))
        return np.stack(np.unravel_index(row * width + column, self._torus.shape), axis=1), height

    def _of_all(self, found, order) -> np.ndarray:
        """What each process has found for its rows, in the order of the shares."""
        values = np.empty(len(order), found.dtype)
        values[order] = self._torus.division.gather(found, 0)
        return values


class ConditionalCells:
    """Cells as of `Cells`, for each value of some axes that are given.

    Parameters
    ----------
    log_heights : array (*n)
        Up to a constant, for each value of the given axes.
    given : tuple of int
        Not empty; one process has the grid.
    """

    def __init__(self, log_heights, given: tuple[int, ...]):
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
        points[:, self._others] = _within(np.stack([where[axis] for axis in self._others], 1), self._shape, rng)
        return points, self._heights[tuple(where)]


def _within(cells, shape, rng: np.random.Generator) -> np.ndarray:
    """Uniform points of cells (n, d) of a grid, array (n, d) in [0, 1)^d."""
    points = (cells + rng.random(cells.shape) - 0.5) / np.array(shape) % 1.0
    points[points == 1.0] = 0.0  # what is a little below zero
    return points
