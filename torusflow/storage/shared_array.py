"""An array of which each process has a part, as the first one reads and writes it: by pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import h5py
import numpy as np

if TYPE_CHECKING:
    from .first_process import FirstProcess

# Bytes that the first process has of an array at a time, or one number.
PIECE = 2**24


class SharedArray:
    """What stands for the whole of an array.

    Parameters
    ----------
    first : FirstProcess
    part : array
        What is here.
    axis : int
        Along which the array is divided.
    ends : list of int
        Where the part of each process ends.

    Attributes
    ----------
    shape, dtype, ndim, size, nbytes
        Of the whole.
    """

    def __init__(self, first: FirstProcess, part, axis: int, ends: list[int]):
        self.part, self.axis, self._first = part, axis, first
        self._start, self._stop = [0, *ends][first.division.rank], ends[first.division.rank]
        self.shape = (*part.shape[:axis], ends[-1], *part.shape[axis + 1 :])
        self.dtype, self.ndim, self.size = part.dtype, part.ndim, math.prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize

    def overlap(self, block) -> tuple[int, int]:
        """Where what is here of a piece begins and ends along the divided axis of the whole."""
        start, stop = max(block[self.axis].start, self._start), min(block[self.axis].stop, self._stop)
        return (start, stop) if start < stop else (block[self.axis].start,) * 2

    def here(self, block) -> tuple[slice, ...]:
        """What is here of a piece, as an index of the part."""
        start, stop = self.overlap(block)
        here = slice(start - self._start, stop - self._start) if start < stop else slice(0)
        return (*block[: self.axis], here, *block[self.axis + 1 :])

    # -- by the first process --------------------------------------------------------------------------------------

    def outline(self, group: h5py.Group, name: str) -> h5py.Dataset:
        """Room for the array in a file, where `pieces` will be."""
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        kind, space = h5py.h5t.py_create(self.dtype, logical=True), h5py.h5s.create_simple(self.shape)
        dataset = group[name] = h5py.Dataset(h5py.h5d.create(group.id, None, kind, space, made))
        self._first.stands[str(dataset.name)] = self
        return dataset

    def pieces(self) -> Iterator[np.ndarray]:
        """The numbers, one piece after the other."""
        for block in blocks(self.shape, self.dtype.itemsize):
            yield self._first.gather(self, block)

    def equals(self, dataset: h5py.Dataset) -> bool:
        """Whether the numbers are those of an array in a file."""
        return dataset.shape == self.shape and all(
            np.array_equal(dataset[block], self._first.gather(self, block))
            for block in blocks(self.shape, self.dtype.itemsize)
        )

    def read(self, dataset: h5py.Dataset) -> bool:
        """Give all processes their parts of an array in a file; whether all numbers are finite."""
        finite = True
        for block in blocks(self.shape, self.dtype.itemsize):
            piece = np.ascontiguousarray(dataset[block], self.dtype)
            finite &= bool(np.all(np.isfinite(piece)))
            self._first.scatter(self, block, piece)
        return finite


def blocks(shape: tuple[int, ...], itemsize: int) -> Iterator[tuple[slice, ...]]:
    """Indices that cut an array into pieces that follow each other in its memory."""
    axis, size = len(shape), itemsize
    while axis and size * shape[axis - 1] <= PIECE:
        axis, size = axis - 1, size * shape[axis - 1]
    inner = tuple(slice(0, n) for n in shape[axis:])
    if axis == 0:  # all of it
        yield inner
        return
    step = max(1, PIECE // size)
    for outer in np.ndindex(shape[: axis - 1]):
        for start in range(0, shape[axis - 1], step):
            along = slice(start, min(start + step, shape[axis - 1]))
            yield (*(slice(place, place + 1) for place in outer), along, *inner)
