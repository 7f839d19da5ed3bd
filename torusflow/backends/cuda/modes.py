"""Fields and their kept coefficients: rows of planes to columns of kept modes, and columns to coefficients."""

from __future__ import annotations

import math

import numpy as np

from .work import Graphs, Work

# Of the work arrays of one field of the planes that are worked on at once.
LARGEST_PART = 2**28


class Modes:
    """The modes |k_j| <= modes_j of an embedded grid: how many, and where they stand, as small arrays of the device.

    Parameters
    ----------
    work : Work
    shape : tuple of int, length 3
    modes : tuple of int or None
        None keeps all.

    Attributes
    ----------
    wavenumbers : tuple of three arrays of int
        Of NumPy.
    kept : tuple of int
    count : int
        Of a plane's columns.
    """

    def __init__(self, work: Work, shape, modes):
        modes = tuple(n // 2 for n in shape) if modes is None else modes
        full = [np.rint(np.fft.fftfreq(n, 1 / n)).astype(int) for n in shape[:2]] + [np.arange(shape[2] // 2 + 1)]
        places = [np.flatnonzero(np.abs(k) <= mode) for k, mode in zip(full, modes, strict=True)]
        self.wavenumbers = tuple(k[place] for k, place in zip(full, places, strict=True))
        self.kept = tuple(map(len, places))
        self.count = self.kept[1] * self.kept[2]
        self.outer, self.mid = (work.xp.asarray(place.astype(np.int32)) for place in places[:2])
        self.inv0, self.inv1 = (
            work.xp.asarray(_numbered(n, place)) for n, place in zip(shape, places[:2], strict=False)
        )
        self.s0, self.s1, self.s2 = (work.xp.asarray(2 * np.pi * k) for k in self.wavenumbers)


def _numbered(n: int, places) -> np.ndarray:
    numbers = np.full(n, -1, np.int32)
    numbers[places] = np.arange(len(places))
    return numbers


class Planes:
    """The planes of a grid, some at a time, with real transforms of `fields` fields of these and work arrays.

    Parts are as large as the memory that they shall take at most; what follows within one finds its arrays in the cache
    of the device where they are small enough.

    Parameters
    ----------
    work : Work
    planes : int
        In all.
    n1, n2 : int
    fields : int
        Whose transforms are taken at once.
    largest : int
        Bytes of one field of a part.

    Attributes
    ----------
    parts : list of (int, int)
        First plane, and how many.
    real, half : array
        Work arrays (fields, planes of a part, n1, n2), and complex with nh = n2 // 2 + 1 in place of n2.
    field : array
        One for a single field; that of `real` where there is but one.
    one, all : dict of int to (callable, callable)
        Transforms of a part of so many planes, of one field and of all.
    """

    def __init__(self, work: Work, planes: int, n1: int, n2: int, fields: int, largest: int | None = None):
        self.nh = n2 // 2 + 1
        size = min(planes, max(1, (largest or LARGEST_PART) // (16 * n1 * self.nh)))
        # cuFFT takes no real arrays that begin elsewhere than on 16 bytes.
        size = planes if size == planes else size + size % 2
        self.parts = [(first, min(size, planes - first)) for first in range(0, planes, size)]
        self.real = work.xp.empty(fields * size * n1 * n2)
        self.half = work.xp.empty(fields * size * n1 * self.nh, complex)
        self.field = work.xp.empty(size * n1 * n2) if fields > 1 else self.real
        sizes = {count for _, count in self.parts}
        self.one = {count: work.rows(count, n1, n2) for count in sizes}
        self.all = {count: work.rows(fields * count, n1, n2) for count in sizes} if fields > 1 else self.one


class Transform:
    """`torusflow.backends.backend.Transform`."""

    def __init__(self, work: Work, shape, modes, batch: int, **settings):
        self._modes, self._work, self._shape = Modes(work, shape, modes), work, shape
        self.wavenumbers = self._modes.wavenumbers
        self.real = work.xp.zeros((batch, *shape))
        self.spectral = work.xp.zeros((batch, *self._modes.kept), complex)
        n0, n1, n2 = shape
        self._planes = Planes(work, batch * n0, n1, n2, 1, **settings)
        self._columns = work.xp.empty((batch, n0, self._modes.count), complex)
        self._along = work.columns(n0, self._modes.count)
        self._graphs = Graphs(work)

    def forward(self, real=None) -> None:
        real = self._flat(real)
        self._graphs.run(("forward", self._work.address(real)), lambda: self._forward(real))

    def inverse(self, real=None) -> None:
        real = self._flat(real)
        self._graphs.run(("inverse", self._work.address(real)), lambda: self._inverse(real))

    def _flat(self, real):
        real = self.real if real is None else real
        if not real.flags.c_contiguous:
            raise ValueError("kernels take arrays in the order of C, without gaps.")
        return real.reshape(-1)

    def _forward(self, real) -> None:
        work, m, planes = self._work, self._modes, self._planes
        _, n1, n2 = self._shape
        for first, count in planes.parts:
            part = real[first * n1 * n2 : (first + count) * n1 * n2]
            if work.address(part) % 16:
                planes.real[: part.size] = part
                part = planes.real
            planes.one[count][0](part, planes.half)
            places = first, count, n1, planes.nh, *m.kept[1:], m.count
            work.run("gather", count * m.count, planes.half, self._columns, m.mid, *places)
        for columns, spectral in zip(self._columns, self.spectral, strict=True):
            self._along(columns, -1)
            numbers = m.kept[0], m.count, 1 / math.prod(self._shape)
            work.run("take", spectral.size, columns, spectral, m.outer, *numbers)

    def _inverse(self, real) -> None:
        work, m, planes = self._work, self._modes, self._planes
        n0, n1, n2 = self._shape
        for columns, spectral in zip(self._columns, self.spectral, strict=True):
            work.run("put", columns.size, spectral, columns, m.inv0, n0, m.count)
            self._along(columns, 1)
        for first, count in planes.parts:
            part = real[first * n1 * n2 : (first + count) * n1 * n2]
            places = first, count, n1, planes.nh, m.kept[2], m.count
            work.run("scatter", count * n1 * planes.nh, self._columns, planes.half, m.inv1, *places)
            moved = work.address(part) % 16
            planes.one[count][1](planes.half, planes.real if moved else part)
            if moved:
                part[...] = planes.real[: part.size]
