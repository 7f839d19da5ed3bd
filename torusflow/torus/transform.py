"""Real Fourier transforms that skip what is zero or thrown away, in compiled blocks on the threads of the Torus."""

from __future__ import annotations

from .layout import (
    Geometry,
    columns_come,
    columns_go,
    compiled,
    copy,
    rows_to_grid,
    rows_to_halfway,
    share,
    zeros,
)
from .lines import fftw_is_there
from .native import wait
from .workers import Workers


class Transform:
    """Forward and inverse real transform of `batch` fields, truncated to given modes, with its own work arrays.

    ``spectral = mean_x f exp(-2 pi i k.x)`` after `forward`, and `inverse` is the sum over modes. Results do not depend
    on the number of threads.

    Parameters
    ----------
    shape : tuple of int, length 3
        Grid points per axis; fields of any dimension are seen as three-dimensional, see `Layout`.
    modes : tuple of int or None, length 3
        Kept modes |k_j| <= modes_j; None keeps all of them.
    batch : int
        Fields transformed together.
    workers : Workers
    library : {"fftw", "scipy"}

    Attributes
    ----------
    real : array (batch, *shape)
    spectral : complex array (batch, K_0, K_1, K_2)
        The kept coefficients, in FFT order.
    wavenumbers : tuple of three arrays of int
        k_j along each axis of `spectral`.
    """

    def __init__(self, shape, modes, batch: int, workers: Workers, library: str):
        self.workers = workers
        self._geometry = geometry = Geometry(shape, modes, workers.threads, library)
        self.wavenumbers = geometry.wavenumbers
        self.real = zeros((batch, *shape), float)
        self.spectral = zeros((batch, *geometry.kept), complex)
        self._halfway = zeros((batch, shape[0], *geometry.kept[1:]), complex)

    def forward(self) -> None:
        """real -> spectral."""
        self._run(_forward, self.real)

    def inverse(self, real=None) -> None:
        """spectral -> real, or another array of its shape."""
        self._run(_inverse, self.real if real is None else real)

    def _run(self, sweep, real) -> None:
        geometry, arrays = self._geometry, (real, self._halfway, self.spectral)

        def work(member):
            sweep(member, geometry.layout, geometry.scratch[member.part], *arrays)

        self.workers.together(work, geometry.parts)


def default_library() -> str:
    """ "fftw" where pyFFTW is there with an FFTW that can be called, else "scipy"."""
    return "fftw" if fftw_is_there() else "scipy"


@compiled
def _forward(member, layout, scratch, real, halfway, spectral):
    block = scratch.real.shape[0]
    first, end = share(halfway.shape[1], block, member.part, member.parts)
    for j in range(real.shape[0]):
        for start in range(first, end, block):
            rows = min(block, end - start)
            copy(real[j], start, scratch.real, 0, rows)
            rows_to_halfway(layout, scratch, scratch.real, halfway[j], start, rows, 1.0, 0.0, 0.0, False)
    wait(member.gang, member.parts, 0)
    outer, width = layout.outer, scratch.coming.shape[2]
    count = halfway.shape[2] * halfway.shape[3]
    factor = 1 / (halfway.shape[1] * scratch.real.shape[1] * scratch.real.shape[2])
    first, end = share(count, width, member.part, member.parts)
    for j in range(real.shape[0]):
        columns = spectral[j].reshape(outer.size, count)
        for start in range(first, end, width):
            columns_come(layout, scratch, 0, halfway[j], start)
            for i in range(outer.size):
                for c in range(min(width, end - start)):
                    columns[i, start + c] = factor * scratch.coming[0, outer[i], c]


@compiled
def _inverse(member, layout, scratch, real, halfway, spectral):
    outer, width = layout.outer, scratch.going.shape[2]
    count = halfway.shape[2] * halfway.shape[3]
    first, end = share(count, width, member.part, member.parts)
    for j in range(real.shape[0]):
        columns = spectral[j].reshape(outer.size, count)
        for start in range(first, end, width):
            for i in range(outer.size):
                for c in range(min(width, end - start)):
                    scratch.going[0, outer[i], c] = columns[i, start + c]
            columns_go(layout, scratch, 0, halfway[j], start)
    wait(member.gang, member.parts, 0)
    block = scratch.real.shape[0]
    first, end = share(halfway.shape[1], block, member.part, member.parts)
    for j in range(real.shape[0]):
        for start in range(first, end, block):
            rows = min(block, end - start)
            rows_to_grid(layout, scratch, halfway[j], start, rows, 1.0, 0.0, 0.0)
            copy(scratch.real, 0, real[j], start, rows)
