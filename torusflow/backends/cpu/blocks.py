"""Where a field's values and its kept coefficients stand, and plans and work arrays to get from one to the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .lines import Loop, make_planner
from .sweeps import (
    COLUMNS_FORWARD,
    COLUMNS_INVERSE,
    HALF_TO_LINES,
    HALF_TO_REAL,
    LINES_TO_HALF,
    REAL_TO_HALF,
)
from .workers import Workers

TWO_PI = 2 * np.pi

# Points of the blocks that a thread takes one after another, so that they stay in its cache from the first transform
# to the last: rows of the grid, and columns of the spectrum (measured, docs/performance.md). scipy is called back into
# Python for each of them.
ROWS = {"fftw": 8192, "rocket": 8192, "scipy": 32768}
COLUMNS = {"fftw": 4096, "rocket": 4096, "scipy": 32768}
# Below this many points per thread, waking a second one costs more than it saves.
MINIMUM_POINTS_PER_THREAD = 6144


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
    workers : Workers
    library : {"fftw", "rocket", "scipy"}

    Attributes
    ----------
    parts : int
        How many of the workers' threads work on it.
    wavenumbers : tuple of three arrays of int
        k_j of the kept coefficients, in FFT order.
    kept : tuple of int
        (K_0, K_1, K_2).
    layout : Layout
    scratch : list of Scratch
        One a thread.
    """

    def __init__(self, shape, modes, workers: Workers, library: str):
        self._workers = workers
        n0, n1, n2 = shape
        modes = tuple(n // 2 for n in shape) if modes is None else modes
        outer, middle = _kept(n0, modes[0]), _kept(n1, modes[1])
        last = np.arange(min(modes[2], n2 // 2) + 1)
        self.wavenumbers = _integers(n0)[outer], _integers(n1)[middle], last
        self.kept = len(outer), len(middle), len(last)
        count, kept_2 = len(middle) * len(last), len(last)
        self.parts = max(1, min(workers.threads, n0 * n1 * n2 // MINIMUM_POINTS_PER_THREAD))
        rows = max(1, min(n0, ROWS[library] // (n1 * n2)))
        columns = max(1, min(count, max(8, COLUMNS[library] // n0)))
        self._planner = make_planner(library)
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

    def run(self, sweep, *arguments) -> None:
        """One of `sweeps`, by all its threads, each with its own scratch."""
        with self._planner.noticing():
            self._workers.together(
                lambda member: sweep(member, self.layout, self.scratch[member.part], *arguments), self.parts
            )
        self._planner.check()


def zeros(shape, dtype) -> np.ndarray:
    """An array of zeros that begins with a line of the cache, as vector units like it."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(count + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + count].view(dtype).reshape(shape)


def _plan(planner, shape, kept, rows, columns) -> np.ndarray:
    """Plans for blocks of both sizes; zero where there is no such block."""
    n0, n1, n2 = shape
    _, kept_1, kept_2 = kept
    half, count = n2 // 2 + 1, kept_1 * kept_2
    plans = np.zeros((6, 2), np.intp)
    for size, r in enumerate(rows):
        if r == 0:
            continue
        plans[HALF_TO_REAL, size] = planner.real_inverse(Loop(n2, 1, 1), [Loop(r * n1, half, n2)])
        plans[REAL_TO_HALF, size] = planner.real_forward(Loop(n2, 1, 1), [Loop(r * n1, n2, half)])
        if n1 > 1:
            into = Loop(n1, kept_2, half), [Loop(r, n1 * kept_2, n1 * half), Loop(kept_2, 1, 1)]
            back = Loop(n1, half, kept_2), [Loop(r, n1 * half, n1 * kept_2), Loop(kept_2, 1, 1)]
            plans[LINES_TO_HALF, size] = planner.inverse(*into)
            plans[HALF_TO_LINES, size] = planner.forward(*back)
    for size, c in enumerate(columns):
        if c:
            plans[COLUMNS_INVERSE, size] = planner.inverse(Loop(n0, columns[0], count), [Loop(c, 1, 1)])
            plans[COLUMNS_FORWARD, size] = planner.forward(Loop(n0, count, columns[0]), [Loop(c, 1, 1)])
    return plans


def _kept(n: int, mode: int) -> np.ndarray:
    """Where the modes 0 .. mode and -mode .. -1 stand among the n coefficients of an axis."""
    return np.arange(n) if 2 * mode + 1 >= n else np.concatenate([np.arange(mode + 1), np.arange(n - mode, n)])


def _integers(n: int) -> np.ndarray:
    """Wavenumbers of n coefficients in FFT order."""
    return np.rint(np.fft.fftfreq(n, 1 / n)).astype(int)
