"""Fourier series of real fields at scattered points, by non-uniform transforms that processes share."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from ..backends import split, to_host
from .grid import TWO_PI, Torus

# Relative accuracy asked of FINUFFT; a type 1 transform with the same setting is the transpose of type 2 to round-off.
NONUNIFORM_TOLERANCE = 1e-12
# Below this many points a second thread costs more than it saves.
MINIMUM_POINTS_PER_THREAD = 2000
# Points that a thread takes at a time, which stay in its cache with what is spread from them: time for a point is
# then the same for ten thousand and a million (measured, docs/performance.md).
POINTS_AT_A_TIME = 2**15
# Coefficients of a field that a process has whole, where processes share the torus: 64 MB, and eight times as much
# within FINUFFT.
MODES_AT_A_TIME = 2**22


class Series:
    """sum_k f^_k exp(2 pi i k.x) of real fields, all of whose coefficients are here.

    Parameters
    ----------
    torus : Torus
    half : complex array (fields, *modes)
        Those with k_d >= 0.
    axes : sequence of d arrays
        k_j in FFT order with both signs, as many of each, also along the last axis.

    Attributes
    ----------
    coefficients : complex array (fields, ...)
    wavenumbers : sequence of d arrays
        k_j, broadcasting against the coefficients.
    """

    def __init__(self, torus: Torus, half, axes: Sequence[np.ndarray]):
        self._torus, self.coefficients = torus, full_spectrum(half, torus.dimension)
        self.wavenumbers = np.meshgrid(*axes, indexing="ij", sparse=True)

    def sums(self, points, coefficients) -> np.ndarray:
        """The series of `coefficients`, which are multiples of those here, at points (N, d), array (fields, N)."""
        packed = pack(coefficients)

        def at(some):
            sums = _complex_sums(some, packed, self._torus)
            real = np.stack([np.real(sums), np.imag(sums)], axis=1).reshape(2 * len(packed), len(some))
            return real[: len(coefficients)]

        return _shared(self._torus, points, at)


class DividedSeries:
    """The same where each process has some columns of the coefficients: they are put together a block at a time.

    Blocks are of rows of axis 0 and depend on the shape alone, so that values are the same to the last bit on any
    number of processes. Attributes are those of `Series`, of the coefficients with k_d >= 0 that are here.
    """

    def __init__(self, torus: Torus, half, axes: Sequence[np.ndarray]):
        self._torus, self.coefficients, self._first = torus, half, axes[0]
        modes = (*map(len, axes[:-1]), len(axes[-1]) // 2 + 1)
        here = torus.division.modes(modes)
        along = [k[:length][part] for k, length, part in zip(axes, modes, here, strict=True)]
        self.wavenumbers = np.meshgrid(*along, indexing="ij", sparse=True)
        self._blocks = blocks(modes[0], math.prod(modes[1:]))

    def sums(self, points, coefficients) -> np.ndarray:
        """As of `Series`."""

        def at(some):
            total = np.zeros((len(coefficients), len(some)))
            for rows in self._blocks:
                total += self._of_block(some, self._torus.gather_spectrum(coefficients[:, rows]), self._first[rows])
            return total

        return _shared(self._torus, points, at)

    def _of_block(self, points, block, wavenumbers) -> np.ndarray:
        """Re sum_k w_k f^_k exp(2 pi i k.x), w_k = 2 where k_d > 0, of successive wavenumbers along axis 0."""
        middle, last = len(wavenumbers) // 2, block.shape[-1] // 2
        weighted = np.where(np.arange(block.shape[-1]) > 0, 2.0, 1.0) * block
        # FINUFFT has the wavenumber zero in the middle.
        turn = np.exp(TWO_PI * 1j * (wavenumbers[middle] * (points[:, 0] % 1.0) + last * (points[:, -1] % 1.0)))
        sums = _complex_sums(points, np.fft.ifftshift(weighted, axes=(1, -1)), self._torus)
        # Not the real part of turn * sums: the last bits of NumPy's product depend on the number of points.
        return np.real(turn) * np.real(sums) - np.imag(turn) * np.imag(sums)


def make_series(torus: Torus, half, axes: Sequence[np.ndarray]) -> Series | DividedSeries:
    """The series of coefficients with k_d >= 0 of which each process has its columns; whole here where they are few."""
    if too_many(torus, math.prod(map(len, axes))):
        return DividedSeries(torus, half, axes)
    return Series(torus, to_host(torus.gather_spectrum(half)), axes)


def too_many(torus: Torus, modes: int) -> bool:
    """Whether a process is not to have so many coefficients whole, because others share the torus."""
    return torus.shared and modes > MODES_AT_A_TIME


def blocks(length: int, across: int) -> list[slice]:
    """Pieces of an axis in FFT order, each of successive wavenumbers, with few enough coefficients to have whole."""
    rows, negative = max(1, MODES_AT_A_TIME // across), (length + 1) // 2
    cuts = [*range(0, negative, rows), *range(negative, length, rows), length]
    return [slice(start, stop) for start, stop in itertools.pairwise(cuts)]


def check_points_alike(torus: Torus, points) -> None:
    """Raise an InputError unless all processes of a torus have given the same points."""
    if torus.division.processes > 1:
        digest = hashlib.blake2b(points.tobytes(), digest_size=16).hexdigest()
        torus.check_alike(digest, "the points of the processes differ. Give each all of them; the work is shared.")


def full_spectrum(half, dimension: int) -> np.ndarray:
    """All coefficients of real fields, FFT order along odd axes, from those with k_d >= 0."""
    negative = reflect(half[..., 1:], dimension - 1).conj()[..., ::-1]
    return np.concatenate([half, negative], axis=-1)


def reflect(coefficients, axes: int) -> np.ndarray:
    """k -> -k in FFT order along the axes after the first that have both signs of k."""
    for axis in range(1, axes + 1):
        coefficients = np.roll(np.flip(coefficients, axis), 1, axis)
    return coefficients


def pack(fields) -> np.ndarray:
    """f_1 + i f_2, f_3 + i f_4, ... along the first axis."""
    even = fields[0::2].astype(complex, order="C")
    even[: len(fields) // 2] += 1j * fields[1::2]
    return even


def in_parts(points, torus: Torus) -> list[tuple[int, list[slice]]]:
    """For each thread its number and slices of the points, to be taken one after another."""
    cuts = split(len(points), min(torus.threads or 1, max(1, len(points) // MINIMUM_POINTS_PER_THREAD)))
    pieces = [split(stop - start, -(-(stop - start) // POINTS_AT_A_TIME)) for start, stop in cuts]
    return [(index, [slice(cut[0] + a, cut[0] + b) for a, b in pieces[index]]) for index, cut in enumerate(cuts)]


def nufft(kind, modes, count):
    """One thread each: FINUFFT's own are OpenMP's, which wait by spinning (docs/design_decisions.md)."""
    import finufft

    sign = -1 if kind == 1 else 1
    options = {"n_trans": count, "eps": NONUNIFORM_TOLERANCE, "isign": sign, "modeord": 1, "nthreads": 1}
    return finufft.Plan(kind, modes, **options)


def angles(points) -> list[np.ndarray]:
    """The coordinates as FINUFFT takes them."""
    return [np.ascontiguousarray(TWO_PI * (axis % 1.0)) for axis in points.T]


def _shared(torus: Torus, points, function: Callable) -> np.ndarray:
    """function(points), array (fields, N), of which each process computes some."""
    if torus.division.processes == 1:
        return function(points)
    check_points_alike(torus, points)
    return torus.division.gather(function(points[torus.division.share(len(points))]), -1)


def _complex_sums(points, coefficients, torus) -> np.ndarray:
    """sum_k c_k exp(2 pi i k.x), complex array (fields, N)."""
    values = np.empty((len(coefficients), len(points)), complex)

    def transform(part):
        plan = nufft(2, coefficients.shape[1:], len(coefficients))
        for here in part[1]:
            plan.setpts(*angles(points[here]))
            values[:, here] = plan.execute(coefficients).reshape(len(coefficients), -1)

    torus.parallel(transform, in_parts(points, torus))
    return values
