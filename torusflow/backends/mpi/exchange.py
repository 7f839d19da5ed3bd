"""From the rows of a process to its columns and back, by one message to every other process."""

from __future__ import annotations

import numpy as np

from ..cpu.blocks import Geometry, zeros
from ..cpu.workers import Workers
from .slabs import Slabs


class SlabGeometry(Geometry):
    """The layout of a grid, with plans and scratch for the rows and columns of one process.

    Parameters
    ----------
    slabs : Slabs
    shape, modes : tuples of int, length 3
        Of the whole grid; modes None keeps all of them.
    workers : Workers
    library : {"fftw", "rocket", "scipy"}

    Attributes
    ----------
    shape : tuple of int
        Of the grid here, length 3.
    kept, wavenumbers
        Of the coefficients here.
    """

    def __init__(self, slabs: Slabs, shape, modes, workers: Workers, library: str):
        modes = tuple(n // 2 for n in shape) if modes is None else modes
        kept = [min(2 * m + 1, n) for m, n in zip(modes[:2], shape[:2], strict=True)]
        kept.append(min(modes[2], shape[2] // 2) + 1)
        axes = [0, 1, 2] if shape[1] > 1 else [0, 2]
        pieces = slabs.columns([kept[axis] for axis in axes])
        self._along, self._of_each = kept[2] if shape[1] > 1 else 1, pieces
        here, self._rows = pieces[slabs.rank], slabs.rows([shape[axis] for axis in axes])
        rows = self._rows[slabs.rank].stop - self._rows[slabs.rank].start
        count = (here.stop - here.start) * self._along
        super().__init__(shape, modes, workers, library, (rows, count))
        self.whole, self._slabs, self.shape, self.count = self.kept, slabs, (rows, *shape[1:]), count
        self.wavenumbers = tuple(k[here] if axis == axes[1] else k for axis, k in enumerate(self.wavenumbers))
        self.kept = tuple(map(len, self.wavenumbers))

    def halfway(self, batch: int) -> Halfway:
        """Work arrays of some fields between the grid and their coefficients."""
        cuts = [(p.start * self._along, p.stop * self._along) for p in self._of_each]
        return Halfway(self._slabs, batch, (self.shape[0], *self.whole[1:]), self._rows, cuts)


class Halfway:
    """Fields that are transformed along axes 1 and 2 but not along axis 0: rows before, columns after an exchange.

    One process has both in the same memory.

    Parameters
    ----------
    slabs : Slabs
    batch : int
        Fields.
    shape : tuple of int
        (rows here, K_1, K_2).
    rows : list of slice
        Of each process.
    columns : list of (int, int)
        Where those of each process begin and end, among all K_1 K_2.

    Attributes
    ----------
    rows : complex array (batch, rows here, K_1, K_2)
    columns : complex array (batch, n_0, 1, columns here)
    """

    def __init__(self, slabs: Slabs, batch: int, shape, rows, columns):
        self._slabs, self._cuts = slabs, columns
        here, n0 = shape[0], rows[-1].stop
        first, last = columns[slabs.rank]
        self.rows = zeros((batch, *shape), complex)
        if slabs.processes == 1:
            self.columns = self.rows.reshape(batch, n0, 1, last - first)
            return
        self.columns = zeros((batch, n0, 1, last - first), complex)
        self._flat = self.rows.reshape(batch, here, -1)
        self._here = here
        self._packed = zeros(self._flat[0].size, complex)
        self._by_rows = _places([here * (end - start) for start, end in columns])
        self._by_columns = _places([(piece.stop - piece.start) * (last - first) for piece in rows])

    def to_columns(self) -> None:
        """Rows -> columns."""
        if self._slabs.processes == 1:
            return
        for rows, columns in zip(self._flat, self.columns, strict=True):
            for (start, end), piece in self._pieces():
                piece[...] = rows[:, start:end]
            self._slabs.private.Alltoallv([self._packed, self._by_rows], [columns, self._by_columns])

    def to_rows(self) -> None:
        """Columns -> rows."""
        if self._slabs.processes == 1:
            return
        for rows, columns in zip(self._flat, self.columns, strict=True):
            self._slabs.private.Alltoallv([columns, self._by_columns], [self._packed, self._by_rows])
            for (start, end), piece in self._pieces():
                rows[:, start:end] = piece

    def _pieces(self):
        """What goes to or comes from each process: its columns, and the place in the message."""
        for (start, end), count, place in zip(self._cuts, *self._by_rows, strict=True):
            yield (start, end), self._packed[place : place + count].reshape(self._here, end - start)


def _places(counts) -> tuple[np.ndarray, np.ndarray]:
    """How much, and where it begins."""
    counts = np.array(counts)
    return counts, np.cumsum(counts) - counts
