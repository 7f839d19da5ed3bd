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
    last : array, shape (count,)
        What is left to multiply by in a plane for its share of a divergence: 2 pi k_2 where planes are lines, else 1,
        since there kernels have summed up along both axes.
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
        self.last = self.s2 if shape[1] == 1 else work.xp.asarray(np.ones(self.count))


def _numbered(n: int, places) -> np.ndarray:
    numbers = np.full(n, -1, np.int32)
    numbers[places] = np.arange(len(places))
    return numbers


class Planes:
    """The planes of a grid, some at a time: values from columns of kept modes, and columns from values.

    Where planes are lines, columns are the transforms themselves, which begin with the kept modes. Elsewhere columns
    hold kept modes only, and kernels put these where the transforms have them.

    Parts are as large as the memory that they shall take at most; what follows within one finds its arrays in the cache
    of the device where they are small enough.

    Parameters
    ----------
    work : Work
    modes : Modes
    planes : int
        In all.
    shape : tuple of int
        Of a plane.
    fields : int
        Whose transforms are taken at once.
    largest : int
        Bytes of one field of a part.

    Attributes
    ----------
    parts : list of (int, int)
        First plane, and how many.
    pitch : int
        Of columns, from a field to the next.
    values, field : array
        Work arrays (planes of a part, fields, n1, n2), and of a single field; the same where there is but one.
    half : array or None
        The same for transforms, complex, with nh = n2 // 2 + 1 in place of n2; None where planes are lines.
    """

    def __init__(self, work: Work, modes: Modes, planes: int, shape, fields: int, largest: int | None = None):
        self._work, self._modes, self._fields, (self._n1, n2) = work, modes, fields, shape
        n1, self.nh = self._n1, n2 // 2 + 1
        size = min(planes, max(1, (largest or LARGEST_PART) // (16 * n1 * self.nh)))
        # cuFFT takes no real arrays that begin elsewhere than on 16 bytes.
        size = planes if size == planes else size + size % 2
        self.parts = [(first, min(size, planes - first)) for first in range(0, planes, size)]
        self.pitch = self.nh if n1 == 1 else modes.count
        self.values = work.xp.empty(fields * size * n1 * n2)
        self.field = work.xp.empty(size * n1 * n2) if fields > 1 else self.values
        self.half = None if n1 == 1 else work.xp.empty(fields * size * n1 * self.nh, complex)
        sizes = {count for _, count in self.parts}
        self._one = {count: work.rows(count, n1, n2) for count in sizes}
        self._all = {count: work.rows(fields * count, n1, n2) for count in sizes} if fields > 1 else self._one

    def field_of(self, columns, first: int, count: int, out) -> None:
        """Values of a field on `count` planes from plane `first` on."""
        m, half = self._modes, self._half(columns, first, count, 1)
        if half is self.half:
            numbers = first, count, self._n1, self.nh, m.kept[2], m.count
            self._work.run("scatter", count * self._n1 * self.nh, columns, half, m.inv1, *numbers)
        self._one[count][1](half, out)

    def columns_of(self, field, first: int, count: int, columns) -> None:
        """Columns of a field from its values there."""
        m, half = self._modes, self._half(columns, first, count, 1)
        self._one[count][0](field, half)
        if half is self.half:
            numbers = first, count, self._n1, self.nh, m.kept[2], m.count
            self._work.run("gather", count * m.count, half, columns, m.mid, *numbers)

    def slopes_of(self, pair, first: int, count: int, out) -> None:
        """Values of a gradient there, from columns of its first component and, but for `Modes.last`, of the others."""
        m, half = self._modes, self._half(pair, first, count, self._fields)
        if half is self.half:
            numbers = first, count, self._n1, self.nh, *m.kept[1:]
            self._work.run("scatter_slopes", count * self._n1 * self.nh, pair, half, m.inv1, m.s1, m.s2, *numbers)
        self._all[count][1](half, out)

    def shares_of(self, flux, first: int, count: int, pair) -> None:
        """Columns of a flux's first component and of the others' share of its divergence, but for `Modes.last`."""
        half = self._half(pair, first, count, self._fields)
        self._all[count][0](flux, half)
        if half is self.half:
            self.gather_shares(first, count, pair)

    def gather_shares(self, first: int, count: int, pair) -> None:
        """The end of `shares_of` where planes are no lines."""
        m, numbers = self._modes, (first, count, self._n1, self.nh, *self._modes.kept[1:])
        self._work.run("gather_flux", count * m.count, self.half, pair, m.mid, m.s1, m.s2, *numbers)

    def _half(self, columns, first: int, count: int, fields: int):
        """Where the transforms of these planes are."""
        size = fields * self.pitch
        return columns.reshape(-1)[first * size : (first + count) * size] if self.half is None else self.half


class Transform:
    """`torusflow.backends.backend.Transform`."""

    def __init__(self, work: Work, shape, modes, batch: int, **settings):
        self._modes, self._work, self._shape = Modes(work, shape, modes), work, shape
        self.wavenumbers = self._modes.wavenumbers
        self.real = work.xp.zeros((batch, *shape))
        self.spectral = work.xp.zeros((batch, *self._modes.kept), complex)
        self._planes = Planes(work, self._modes, batch * shape[0], shape[1:], 1, **settings)
        self._columns = work.xp.empty((batch, shape[0], self._planes.pitch), complex)
        self._along = work.columns(shape[0], self._planes.pitch, self._modes.count)
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
                planes.field[: part.size] = part
                part = planes.field
            planes.columns_of(part, first, count, self._columns)
        for columns, spectral in zip(self._columns, self.spectral, strict=True):
            self._along(columns, -1)
            numbers = m.kept[0], m.count, planes.pitch, 1 / math.prod(self._shape)
            work.run("take", spectral.size, columns, spectral, m.outer, *numbers)

    def _inverse(self, real) -> None:
        work, m, planes = self._work, self._modes, self._planes
        n0, n1, n2 = self._shape
        for columns, spectral in zip(self._columns, self.spectral, strict=True):
            work.run("put", columns.size, spectral, columns, m.inv0, n0, m.count, planes.pitch)
            self._along(columns, 1)
        for first, count in planes.parts:
            part = real[first * n1 * n2 : (first + count) * n1 * n2]
            moved = work.address(part) % 16
            planes.field_of(self._columns, first, count, planes.field if moved else part)
            if moved:
                part[...] = planes.field[: part.size]
