"""The continuity equation for the logarithm of a density, its tangent and its transpose."""

from __future__ import annotations

import numpy as np

from ..torus.grid import TWO_PI
from .continuity import ContinuityEquation


class LogContinuityEquation(ContinuityEquation):
    """d_s u = -P v.grad u - div v for u = log rho and s in [0, 1], v constant on each of L layers.

    Parameters, attributes and methods are those of `ContinuityEquation`; where densities are meant there, it is their
    logarithms here, and `stages` are arrays (steps, degree, d, *n) of slopes. The stability limit is the same.

    Notes
    -----
    B(v) u = -P sum_j v_j d_j u is the transpose of -A(v), so the sweeps of the continuity equation change places. With
    b_1, b_2, ... = h, h/2, ... the coefficients of Horner's form from the last to the first, a step adds to u the sum
    of w_1 = b_1 (B(v) u - div v) and w_m = b_m B(v) w_(m-1), w_0 = u. Its transpose is that form, q_(m-1) = q + b_m
    B(v)^T q_m from q_s = q on, and the derivative of <q, u> with respect to v_j is b_1 d_j q_1 - sum_m b_m q_m d_j
    w_(m-1).
    """

    kept = "slopes"

    def __init__(self, torus, band, layers, substeps, *scheme):
        super().__init__(torus, band, layers, substeps, *scheme)
        d = torus.dimension
        self._vectors, self._scalars = torus.plan(d, band), torus.plan(1, band)
        axes = {1: (2,), 2: (0, 2), 3: (0, 1, 2)}[d]
        symbols = np.meshgrid(*(TWO_PI * 1j * k for k in self._vectors.wavenumbers), indexing="ij", sparse=True)
        self._symbols = [torus.asarray(symbols[axis]) for axis in axes]
        self._source_bar = torus.zeros(torus.local_shape)

    @property
    def stage_shape(self) -> tuple[int, ...]:
        return self.torus.dimension, *self.torus.local_shape

    def transpose(self, weight_hat, velocity, stages, take, momentum=None) -> np.ndarray:
        def take_all(layer, momentum):
            momentum -= self._gradient(self._source_bar)
            take(layer, momentum)

        return super().transpose(weight_hat, velocity, stages, take_all, momentum)

    def _advance(self, base, velocity, steps, keep=None):
        self._stages.advect(base, velocity, self._divergence(velocity), self._coefficients, steps, keep)

    def _advance_tangent(self, base, velocity, change, slopes):
        source = self._divergence(change)
        self._stages.advect_tangent(base, velocity, change, source, slopes, self._coefficients)

    def _advance_transpose(self, weight, velocity, slopes, momentum, fresh):
        self._stages.advect_transpose(weight, velocity, slopes, self._coefficients, momentum, self._source_bar, fresh)

    def _divergence(self, velocity) -> np.ndarray:
        """div v, array (*n), a work array; v within the band."""
        self._vectors.forward(velocity.reshape(self._vectors.real.shape))
        self._scalars.spectral[0] = sum(s * v for s, v in zip(self._symbols, self._vectors.spectral, strict=True))
        self._scalars.inverse()
        return self._scalars.real.reshape(self.torus.local_shape)

    def _gradient(self, f) -> np.ndarray:
        """grad f within the band, array (d, *n), a work array."""
        self._scalars.forward(f.reshape(self._scalars.real.shape))
        for symbol, slope in zip(self._symbols, self._vectors.spectral, strict=True):
            slope[...] = symbol * self._scalars.spectral[0]
        self._vectors.inverse()
        return self._vectors.real.reshape(self.stage_shape)
