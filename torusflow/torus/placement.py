"""Where the coefficients of a control stand in the spectra of its torus."""

from __future__ import annotations

import numpy as np

from .control import VelocitySpace


class Placement:
    """From one layer of a control to the spectrum of its field, and back; columns move between processes.

    Parameters
    ----------
    space : VelocitySpace
    """

    def __init__(self, space: VelocitySpace):
        torus = self._torus = space.torus
        d = torus.dimension
        self._axis, leading = min(d, 2) - 1, np.arange(d)
        control = [np.ravel(torus.to_host(k)) for k in space.wavenumbers]
        columns = np.ravel(torus.to_host(torus.wavenumbers[self._axis]))  # of the spectrum, that are here
        kept = np.flatnonzero(np.abs(columns) <= space.band[self._axis])
        rows = [k % n for k, n in zip(control, torus.shape, strict=True)]
        modes = space.whole_shape[2:]
        # Columns as they stand among all of them, where they come from.
        self._of_control = torus.asarray(columns[kept] % modes[self._axis])
        self._of_spectrum = torus.asarray(rows[self._axis])
        self._here = torus.division.modes(modes)[self._axis], torus.spectral_slice[self._axis]
        self._to = self._places(leading, rows, kept)
        self._from = self._places(leading, rows, np.arange(len(rows[self._axis])))

    def spectrum(self, layer) -> np.ndarray:
        """The spectrum (d, *spectral_shape) of coefficients (d, *modes)."""
        u_hat = self._torus.zeros((self._torus.dimension, *self._torus.spectral_shape), complex)
        u_hat[self._to] = self._fetch(layer, self._here[0], self._of_control)
        return u_hat

    def layer(self, u_hat) -> np.ndarray:
        """Coefficients (d, *modes) within the band of a spectrum (d, *spectral_shape)."""
        return self._fetch(u_hat, self._here[1], self._of_spectrum)[self._from]

    def _fetch(self, values, here, wanted):
        """The wanted columns along the axis that processes share."""
        columns = np.moveaxis(values, self._axis + 1, -1)
        return np.moveaxis(self._torus.division.fetch(columns, here, wanted), -1, self._axis + 1)

    def _places(self, leading, rows, columns):
        places = [columns if axis == self._axis else row for axis, row in enumerate(rows)]
        return tuple(map(self._torus.asarray, np.ix_(leading, *places)))
