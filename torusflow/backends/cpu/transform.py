"""Real Fourier transforms that skip what is zero or thrown away, on the threads of the Torus."""

from __future__ import annotations

from . import sweeps
from .blocks import Geometry, zeros
from .lines import fftw_is_there
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
    library : {"fftw", "rocket", "scipy"}

    Attributes
    ----------
    real : array (batch, *shape)
    spectral : complex array (batch, K_0, K_1, K_2)
        The kept coefficients, in FFT order.
    wavenumbers : tuple of three arrays of int
        k_j along each axis of `spectral`.
    """

    def __init__(self, shape, modes, batch: int, workers: Workers, library: str):
        self._geometry = geometry = Geometry(shape, modes, workers, library)
        self.wavenumbers = geometry.wavenumbers
        self.real = zeros((batch, *shape), float)
        self.spectral = zeros((batch, *geometry.kept), complex)
        self._halfway = zeros((batch, shape[0], *geometry.kept[1:]), complex)

    def forward(self, real=None) -> None:
        """real, or another array of its shape, -> spectral."""
        self._geometry.run(sweeps.forward, self.real if real is None else real, self._halfway, self.spectral)

    def inverse(self, real=None) -> None:
        """spectral -> real, or another array of its shape."""
        self._geometry.run(sweeps.inverse, self.real if real is None else real, self._halfway, self.spectral)


def default_library() -> str:
    """ "fftw" where pyFFTW is there with an FFTW that can be called, else "scipy"."""
    return "fftw" if fftw_is_there() else "scipy"
