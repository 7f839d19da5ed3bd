"""Where a field's values and its kept coefficients stand, and how to get from one to the other, a block at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .lines import COMPLEX, FFTW, REAL_FORWARD, REAL_INVERSE, Loop, Scipy
from .native import transform_at

TWO_PI = 2 * np.pi

# Points of the blocks that a thread takes one after another, so that they stay in its cache from the first transform
# to the last: rows of the grid, and columns of the spectrum (measured, docs/performance.md). scipy is called back into
# Python for each of them.
ROWS = {"fftw": 8192, "scipy": 32768}
COLUMNS = {"fftw": 4096, "scipy": 32768}
# Below this many points a thread, waking a second one costs more than it saves.
MINIMUM_POINTS_PER_THREAD = 6144

# Rows of `Layout.plans`; the second column is for the last, shorter block.
_HALF_TO_REAL, _REAL_TO_HALF, _LINES_TO_HALF, _HALF_TO_LINES, _COLUMNS_INVERSE, _COLUMNS_FORWARD = range(6)

compiled = njit(cache=True, nogil=True, error_model="numpy")


class Layout(NamedTuple):
    """A grid (n_0, n_1, n_2), the modes kept on it, and the plans between the two, as compiled loops take them.

    Fields of any dimension are seen as three-dimensional: (n,) as (1, 1, n), (m, n) as (m, 1, n). On the way from
    the grid to its kept coefficients, (K_0, K_1, K_2), a field is halfway (n_0, K_1, K_2): transformed along axes 1
    and 2, a block of rows at a time, but not yet along axis 0, a block of columns (k_1, k_2) at a time. Lines whose
    coefficients are all zero, or all discarded, are never transformed. Nothing is normalised: coefficients are sums
    over the grid, values sums over modes.

    Attributes
    ----------
    execute, plans : arrays of int
        Of `Plans`.
    outer, middle : arrays of int
        Where the kept modes stand among the n_0 and n_1 of axes 0 and 1.
    symbol_0, symbol_1, symbol_2 : arrays
        2 pi k of the kept modes.
    """

    execute: np.ndarray
    plans: np.ndarray
    outer: np.ndarray
    middle: np.ndarray
    symbol_0: np.ndarray
    symbol_1: np.ndarray
    symbol_2: np.ndarray


class Scratch(NamedTuple):
    """What one thread works in: a block of rows, and a block of columns coming and going.

    Attributes
    ----------
    real, product : arrays (R, n_1, n_2)
    half : complex array (R, n_1, n_2 // 2 + 1)
    spread, lines : complex arrays (R, n_1, K_2)
        On the way to the grid, zero where no mode is kept, and on the way from it.
    coming : complex array (2, n_0, B)
    going : complex array (2, n_0, B)
        Zero where no mode is kept.
    """

    real: np.ndarray
    product: np.ndarray
    half: np.ndarray
    spread: np.ndarray
    lines: np.ndarray
    coming: np.ndarray
    going: np.ndarray


class Geometry:
    """A layout with scratch for every thread.

    Parameters
    ----------
    shape : tuple of int, length 3
        Grid points per axis.
    modes : tuple of int or None, length 3
        Kept modes |k_j| <= modes_j; None keeps all of them.
    threads : int
        At most so many work on it.
    library : {"fftw", "scipy"}

    Attributes
    ----------
    parts : int
        Threads that work on it.
    wavenumbers : tuple of three arrays of int
        k_j of the kept coefficients, in FFT order.
    kept : tuple of int
        (K_0, K_1, K_2).
    layout : Layout
    scratch : list of Scratch
        One a thread.
    """

    def __init__(self, shape, modes, threads: int, library: str):
        n0, n1, n2 = shape
        modes = tuple(n // 2 for n in shape) if modes is None else modes
        outer, middle = _kept(n0, modes[0]), _kept(n1, modes[1])
        last = np.arange(min(modes[2], n2 // 2) + 1)
        self.wavenumbers = _integers(n0)[outer], _integers(n1)[middle], last
        self.kept = len(outer), len(middle), len(last)
        count, kept_2 = len(middle) * len(last), len(last)
        self.parts = max(1, min(threads, n0 * n1 * n2 // MINIMUM_POINTS_PER_THREAD))
        rows = max(1, min(n0, ROWS[library] // (n1 * n2)))
        columns = max(1, min(count, max(8, COLUMNS[library] // n0)))
        self._planner = {"fftw": FFTW, "scipy": Scipy}[library]()
        sizes = (rows, n0 % rows), (columns, count % columns)
        plans = _plan(self._planner, shape, self.kept, *sizes)
        symbols = (TWO_PI * k for k in self.wavenumbers)
        self.layout = Layout(self._planner.execute, plans, outer, middle, *symbols)
        half = n2 // 2 + 1
        self.scratch = [
            Scratch(
                zeros((rows, n1, n2), float),
                zeros((rows, n1, n2), float),
                zeros((rows, n1, half), complex),
                zeros((rows, n1, kept_2), complex),
                zeros((rows, n1, kept_2), complex),
                zeros((2, n0, columns), complex),
                zeros((2, n0, columns), complex),
            )
            for _ in range(self.parts)
        ]


def zeros(shape, dtype) -> np.ndarray:
    """An array of zeros that begins with a line of the cache, as vector units like it."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(count + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + count].view(dtype).reshape(shape)


@compiled
def share(length, block, part, parts):
    """The part of range(length) that belongs to one of several threads, in whole blocks."""
    blocks = (length + block - 1) // block
    return blocks * part // parts * block, min(length, blocks * (part + 1) // parts * block)


@compiled
def copy(source, first, target, start, rows):
    """Rows of one field or block to another."""
    for r in range(rows):
        for m in range(source.shape[1]):
            for k in range(source.shape[2]):
                target[start + r, m, k] = source[first + r, m, k]


@compiled
def rows_to_grid(layout, scratch, halfway, start, rows, plain, weight_1, weight_2):
    """scratch.real <- the rows from `start` of the field with coefficients (plain + weight_1 2 pi k_1 + weight_2 2 pi
    k_2) times those given halfway."""
    spread, half = scratch.spread, scratch.half
    kept_1, kept_2 = halfway.shape[1:]
    several = spread.shape[1] > 1
    target = spread if several else half
    for r in range(rows):
        for m in range(kept_1):
            i, weight = layout.middle[m], plain + weight_1 * layout.symbol_1[m]
            for k in range(kept_2):
                target[r, i, k] = (weight + weight_2 * layout.symbol_2[k]) * halfway[start + r, m, k]
    size = 0 if rows == half.shape[0] else 1
    if several:
        plan = layout.plans[_LINES_TO_HALF, size]
        transform_at(layout.execute[COMPLEX], plan, spread.ctypes.data, half.ctypes.data)
    for r in range(rows):
        for i in range(half.shape[1]):
            for k in range(kept_2, half.shape[2]):
                half[r, i, k] = 0.0
    plan = layout.plans[_HALF_TO_REAL, size]
    transform_at(layout.execute[REAL_INVERSE], plan, half.ctypes.data, scratch.real.ctypes.data)


@compiled
def rows_to_halfway(layout, scratch, block, halfway, start, rows, plain, weight_1, weight_2, add):
    """halfway <- or += the rows from `start` of the coefficients of a block of the grid, times (plain + weight_1 2 pi
    k_1 + weight_2 2 pi k_2)."""
    lines, half = scratch.lines, scratch.half
    kept_1, kept_2 = halfway.shape[1:]
    several = lines.shape[1] > 1
    size = 0 if rows == half.shape[0] else 1
    plan = layout.plans[_REAL_TO_HALF, size]
    transform_at(layout.execute[REAL_FORWARD], plan, block.ctypes.data, half.ctypes.data)
    if several:
        plan = layout.plans[_HALF_TO_LINES, size]
        transform_at(layout.execute[COMPLEX], plan, half.ctypes.data, lines.ctypes.data)
    source = lines if several else half
    for r in range(rows):
        for m in range(kept_1):
            i, weight = layout.middle[m], plain + weight_1 * layout.symbol_1[m]
            if add:
                for k in range(kept_2):
                    halfway[start + r, m, k] += (weight + weight_2 * layout.symbol_2[k]) * source[r, i, k]
            else:
                for k in range(kept_2):
                    halfway[start + r, m, k] = (weight + weight_2 * layout.symbol_2[k]) * source[r, i, k]


@compiled
def columns_come(layout, scratch, which, halfway, start):
    """scratch.coming[which] <- the columns from `start`, transformed along axis 0, of a field given halfway."""
    n0, width = scratch.coming.shape[1:]
    count = halfway.shape[1] * halfway.shape[2]
    plan = layout.plans[_COLUMNS_FORWARD, 0 if start + width <= count else 1]
    target = scratch.coming.ctypes.data + 16 * which * n0 * width
    transform_at(layout.execute[COMPLEX], plan, halfway.ctypes.data + 16 * start, target)


@compiled
def columns_go(layout, scratch, which, halfway, start):
    """halfway <- the columns from `start`, transformed along axis 0, of scratch.going[which]."""
    n0, width = scratch.going.shape[1:]
    count = halfway.shape[1] * halfway.shape[2]
    plan = layout.plans[_COLUMNS_INVERSE, 0 if start + width <= count else 1]
    source = scratch.going.ctypes.data + 16 * which * n0 * width
    transform_at(layout.execute[COMPLEX], plan, source, halfway.ctypes.data + 16 * start)


def _plan(planner, shape, kept, rows, columns) -> np.ndarray:
    """Plans for blocks of both sizes; zero where there is no such block."""
    n0, n1, n2 = shape
    _, kept_1, kept_2 = kept
    half, count = n2 // 2 + 1, kept_1 * kept_2
    plans = np.zeros((6, 2), np.intp)
    for size, r in enumerate(rows):
        if r == 0:
            continue
        plans[_HALF_TO_REAL, size] = planner.real_inverse(Loop(n2, 1, 1), [Loop(r * n1, half, n2)])
        plans[_REAL_TO_HALF, size] = planner.real_forward(Loop(n2, 1, 1), [Loop(r * n1, n2, half)])
        if n1 > 1:
            into = Loop(n1, kept_2, half), [Loop(r, n1 * kept_2, n1 * half), Loop(kept_2, 1, 1)]
            back = Loop(n1, half, kept_2), [Loop(r, n1 * half, n1 * kept_2), Loop(kept_2, 1, 1)]
            plans[_LINES_TO_HALF, size] = planner.inverse(*into)
            plans[_HALF_TO_LINES, size] = planner.forward(*back)
    for size, c in enumerate(columns):
        if c:
            plans[_COLUMNS_INVERSE, size] = planner.inverse(Loop(n0, columns[0], count), [Loop(c, 1, 1)])
            plans[_COLUMNS_FORWARD, size] = planner.forward(Loop(n0, count, columns[0]), [Loop(c, 1, 1)])
    return plans


def _kept(n: int, mode: int) -> np.ndarray:
    """Where the modes 0 .. mode and -mode .. -1 stand among the n coefficients of an axis."""
    return np.arange(n) if 2 * mode + 1 >= n else np.concatenate([np.arange(mode + 1), np.arange(n - mode, n)])


def _integers(n: int) -> np.ndarray:
    """Wavenumbers of n coefficients in FFT order."""
    return np.rint(np.fft.fftfreq(n, 1 / n)).astype(int)
