"""Cells of a grid, drawn with given probabilities, whichever process has them."""

from __future__ import annotations

import itertools

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
