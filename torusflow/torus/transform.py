"""Real Fourier transforms that skip what is zero or thrown away, axis by axis, on the threads of the Torus."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.fft

from .workers import Workers, split

try:
    import pyfftw
except ImportError:  # pyFFTW is GPL through FFTW, so some people leave it out
    pyfftw = None

# Below this many points a part, waking a second thread costs more than it saves (measured, docs/design_decisions.md).
MINIMUM_POINTS_PER_THREAD = 32768
# A thread takes its rows in blocks of at most so many points of a field, so that what one step of a product leaves in
# the cache is there for the next (measured: a seventh of the time at 128^3; smaller blocks bring nothing more).
POINTS_PER_BLOCK = 65536


class Columns(NamedTuple):
    """A part of a truncated spectrum: all of axis 0, these ranges of axes 1 and 2."""

    middle: tuple[int, int]
    last: tuple[int, int]


Hook = Callable[[object], None]


class Transform:
    """Forward and inverse real transform of `batch` fields, truncated to given modes, with its own work arrays.

    Fields of any dimension are seen as three-dimensional: (n,) as (1, 1, n), (m, n) as (m, 1, n). The spectrum keeps
    the columns of axes 1 and 2 that belong to the kept modes and every row of axis 0. Lines of the grid whose
    coefficients are all zero, or all discarded, are never transformed.

    Neither direction is normalised: ``spectral = sum_x f exp(-2 pi i k.x)`` after `forward`, to be multiplied by
    ``1 / size``; `inverse` is the plain sum over modes.

    Parameters
    ----------
    shape : tuple of int, length 3
        Grid points per axis.
    modes : tuple of int or None, length 3
        Kept modes |k_j| <= modes_j; None keeps all of them.
    batch : int
        Fields transformed together.
    workers : Workers
    library : {"fftw", "scipy"}

    Attributes
    ----------
    real : array (batch, *shape)
    spectral : complex array (batch, n_0, K_1, K_2)
        Kept columns in FFT order. Rows of axis 0 beyond the kept modes are present; the user of `inverse` keeps
        them zero, the user of `forward` ignores them.
    kept_rows : array of int
        The rows of axis 0 that belong to kept modes.
    wavenumbers : tuple of three arrays of int
        k_j along each axis of `spectral`.
    rows : list of (start, stop)
        Parts of the grid along axis 0, one a thread.
    columns : list of Columns
        Parts of the spectrum, one a thread.
    blocks : dict
        Each part of `rows` in blocks (start, stop), to be worked through in turn.
    """

    def __init__(self, shape, modes, batch: int, workers: Workers, library: str):
        self.workers = workers
        n0, n1, n2 = shape
        half = n2 // 2 + 1
        full = tuple(n // 2 for n in shape)
        modes = full if modes is None else modes
        outer, middle = _kept_ranges(n0, modes[0]), _kept_ranges(n1, modes[1])
        kept_1 = sum(stop - start for start, stop in middle)
        kept_2 = min(modes[2] + 1, half)
        self.kept_rows = np.concatenate([np.arange(*r) for r in outer])
        self.wavenumbers = (
            _integers(n0),
            np.concatenate([_integers(n1)[slice(*r)] for r in middle]),
            np.arange(kept_2),
        )
        self.real = empty((batch, n0, n1, n2), np.float64)
        self.spectral = empty((batch, n0, kept_1, kept_2), np.complex128)
        self._half = empty((batch, n0, n1, half), np.complex128)
        self.real[...] = 0
        self.spectral[...] = 0
        self._half[...] = 0

        parts = max(1, min(workers.threads, n0 * n1 * n2 // MINIMUM_POINTS_PER_THREAD))
        self.rows = split(n0, parts)
        if n1 > 1:
            self.columns = [Columns(r, (0, kept_2)) for r in split(kept_1, parts)]
        elif n0 > 1:
            self.columns = [Columns((0, kept_1), r) for r in split(kept_2, parts)]
        else:
            self.columns = [Columns((0, kept_1), (0, kept_2))]
        self.blocks = {}
        for start, stop in self.rows:
            blocks = split(stop - start, -(-(stop - start) * n1 * n2 // POINTS_PER_BLOCK))
            self.blocks[start, stop] = [(start + a, start + b) for a, b in blocks]

        make = {"fftw": _fftw_lines, "scipy": _scipy_lines}[library]
        self._row_steps = {
            block: self._plan_rows(make, block, n1, middle, kept_2) for part in self.rows for block in self.blocks[part]
        }
        self._column_steps = {part: self._plan_columns(make, part, middle) for part in self.columns}

    def forward(self, before: Hook | None = None, after: Hook | None = None) -> None:
        """real -> spectral. `before(rows)` may fill a part of `real`, `after(columns)` use a part of `spectral`."""
        self.workers.run(lambda part: [self.forward_rows(block, before) for block in self.blocks[part]], self.rows)
        self.workers.run(lambda part: self.forward_columns(part, after), self.columns)

    def inverse(self, before: Hook | None = None, after: Hook | None = None) -> None:
        """spectral -> real. `before(columns)` may fill a part of `spectral`, `after(rows)` use a part of `real`."""
        self.workers.run(lambda part: self.inverse_columns(part, before), self.columns)
        self.workers.run(lambda part: [self.inverse_rows(block, after) for block in self.blocks[part]], self.rows)

    def forward_rows(self, block, before=None):
        if before is not None:
            before(block)
        for step in self._row_steps[block][0]:
            step()

    def forward_columns(self, part, after=None):
        for step in self._column_steps[part][0]:
            step()
        if after is not None:
            after(part)

    def inverse_columns(self, part, before=None):
        if before is not None:
            before(part)
        for step in self._column_steps[part][1]:
            step()

    def inverse_rows(self, block, after=None):
        zeros, steps = self._row_steps[block][1]
        for empty_lines in zeros:
            empty_lines[...] = 0
        for step in steps:
            step()
        if after is not None:
            after(block)

    def _plan_rows(self, make, block, n1, middle, kept_2):
        real = self.real[:, block[0] : block[1]]
        half = self._half[:, block[0] : block[1]]
        kept = half[..., :kept_2]
        zeros = [half[..., kept_2:]] if kept_2 < half.shape[-1] else []
        if len(middle) == 2:
            zeros.append(half[:, :, middle[0][1] : middle[1][0], :kept_2])
        forward = [make(real, half, 3, "forward")]
        inverse = [make(half, real, 3, "inverse")]
        if n1 > 1:
            forward.append(make(kept, kept, 2, "forward"))
            inverse.insert(0, make(kept, kept, 2, "inverse"))
        return forward, (zeros, inverse)

    def _plan_columns(self, make, part, middle):
        forward, inverse = [], []
        offset = 0
        for start, stop in middle:  # the compact middle axis is these ranges of the full one, end to end
            lo, hi = max(part.middle[0], offset), min(part.middle[1], offset + stop - start)
            if lo < hi:
                last = slice(*part.last)
                full = self._half[:, :, start + lo - offset : start + hi - offset, last]
                compact = self.spectral[:, :, lo:hi, last]
                forward.append(make(full, compact, 1, "forward"))
                inverse.append(make(compact, full, 1, "inverse"))
            offset += stop - start
        return forward, inverse


class Product:
    """The pseudo-spectral step: inverse transforms, a pointwise product on the grid, forward transforms.

    Parameters
    ----------
    source, result : Transform
        On the same grid: where the product's factors come from and where its values go.
    """

    def __init__(self, source: Transform, result: Transform):
        self.source, self.result = source, result
        # One set of parts for both, so that a thread's rows stay in its cache from transform to transform.
        self._rows = source.rows if source.rows == result.rows else None

    def apply(self, before: Hook | None, multiply: Hook, after: Hook | None) -> None:
        """before(columns) fills source.spectral; multiply(rows) maps source.real to result.real; after(columns)
        uses result.spectral."""
        source, result = self.source, self.result
        if self._rows is None:
            source.inverse(before)
            result.forward(multiply, after)
            return

        def across(part):
            for block in source.blocks[part]:
                source.inverse_rows(block, multiply)
                result.forward_rows(block)

        source.workers.run(lambda part: source.inverse_columns(part, before), source.columns)
        source.workers.run(across, self._rows)
        source.workers.run(lambda part: result.forward_columns(part, after), result.columns)


def default_library() -> str:
    """ "fftw" where pyFFTW can be imported, else "scipy"."""
    return "scipy" if pyfftw is None else "fftw"


def empty(shape, dtype) -> np.ndarray:
    """An uninitialised array, aligned for the vector units where pyFFTW is there to do it."""
    return np.empty(shape, dtype) if pyfftw is None else pyfftw.empty_aligned(shape, dtype)


def _kept_ranges(n: int, mode: int) -> list[tuple[int, int]]:
    """Where the modes 0 .. mode and -mode .. -1 stand among the n coefficients of an axis."""
    return [(0, n)] if 2 * mode + 1 >= n else [(0, mode + 1), (n - mode, n)]


def _integers(n: int) -> np.ndarray:
    """Wavenumbers of n coefficients in FFT order."""
    return np.rint(np.fft.fftfreq(n, 1 / n)).astype(int)


def _fftw_lines(source, target, axis, direction):
    """A planned FFTW transform of every line along `axis` of one array into another."""
    # Estimated plans are the same in every process; measured ones are up to a fifth faster but change the last bits.
    flags = ["FFTW_ESTIMATE"]
    if np.isrealobj(target):  # the half spectrum is not needed any more, and to keep it would take time
        flags.append("FFTW_DESTROY_INPUT")
    code = "FFTW_FORWARD" if direction == "forward" else "FFTW_BACKWARD"
    plan = pyfftw.FFTW(source, target, axes=(axis,), direction=code, flags=flags, threads=1)
    return plan.execute


def _scipy_lines(source, target, axis, direction):
    """The same with scipy.fft."""
    real_source, real_target = np.isrealobj(source), np.isrealobj(target)
    n = target.shape[axis]

    def run():
        if real_source:
            target[...] = scipy.fft.rfft(source, axis=axis)
        elif real_target:
            target[...] = scipy.fft.irfft(source, n=n, axis=axis, norm="forward")
        elif direction == "forward":
            target[...] = scipy.fft.fft(source, axis=axis)
        else:
            target[...] = scipy.fft.ifft(source, axis=axis, norm="forward")

    return run
