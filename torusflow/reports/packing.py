"""Numbers for a page: in single precision, and where there are more than a page shows, means over blocks."""

from __future__ import annotations

import base64
import math

import numpy as np

from ..torus.coordinates import Coordinates


def packed(values) -> dict:
    """An array as the page's script reads it: its shape, and single-precision numbers in base64."""
    values = np.ascontiguousarray(values, "<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def some(count: int, most: int) -> np.ndarray:
    """At most so many of 0, ..., count - 1, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


class Shown:
    """What of functions on a grid is shown: one period in the user's units, each number the mean over a block.

    Parameters
    ----------
    shape : tuple of int
        Of the grid.
    coordinates : Coordinates
    most : int
        Blocks per axis, at most.

    Attributes
    ----------
    blocks : tuple of int
        Points of the grid a block, per axis.
    axes : list of arrays
        The middles of the blocks, in the user's units, increasing.
    """

    def __init__(self, shape: tuple[int, ...], coordinates: Coordinates, most: int):
        self.blocks = tuple(math.ceil(n / most) for n in shape)
        self._index, self._starts, self.axes = [], [], []
        for axis, (n, block) in enumerate(zip(shape, self.blocks, strict=True)):
            alone = coordinates.along(axis)
            index = math.ceil(alone.origin * n) + np.arange(n)
            starts = np.arange(0, n, block)
            sizes = np.diff(starts, append=n)
            self._index.append(index % n)
            self._starts.append((starts, sizes))
            self.axes.append(np.add.reduceat(index, starts) / sizes * (alone.period / n))

    def __call__(self, values) -> np.ndarray:
        """The values shown of a function, array (*n); the axes are those of the grid."""
        values = np.asarray(values, float)[np.ix_(*self._index)]
        for axis, (starts, sizes) in enumerate(self._starts):
            shape = [1] * values.ndim
            shape[axis] = len(sizes)
            values = np.add.reduceat(values, starts, axis) / sizes.reshape(shape)
        return values

    def in_words(self) -> str:
        """What the reader should know of the blocks; empty where every point of the grid is shown."""
        if max(self.blocks) == 1:
            return ""
        return f"Every number shown is the mean over {' x '.join(map(str, self.blocks))} points of the grid."
