"""The scheme in plain NumPy, with scipy.fft, one thread and no compiled code: to be read, and to check others against.

What the compiled loops of `torusflow.backends.cpu` do block by block stands here in a few lines of whole arrays. They
may be those of another library that NumPy's functions take, with its Fourier transforms.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import scipy.fft

from .numpy_fields import NumPyFields

# The axes, of three, along which a torus extends, by its dimension.
AXES = {1: (2,), 2: (0, 2), 3: (0, 1, 2)}


class Modes:
    """Which of the coefficients of a real transform are kept, and where they stand.

    Parameters
    ----------
    arrays : Reference
        What arrays are made by, and transformed.
    shape : tuple of int, length 3
    modes : tuple of int or None
        |k_j| <= modes_j; None keeps all.
    """

    def __init__(self, arrays: Reference, shape, modes):
        modes = tuple(n // 2 for n in shape) if modes is None else modes
        full = [np.rint(np.fft.fftfreq(n, 1 / n)).astype(int) for n in shape[:2]] + [np.arange(shape[2] // 2 + 1)]
        places = [np.flatnonzero(np.abs(k) <= mode) for k, mode in zip(full, modes, strict=True)]
        self.wavenumbers = tuple(k[place] for k, place in zip(full, places, strict=True))
        self.shape, self._full, self._arrays = shape, tuple(map(len, full)), arrays
        self._places = tuple(map(arrays.asarray, np.ix_(*places)))

    def coefficients(self, f) -> np.ndarray:
        """f^_k = mean_x f(x) exp(-2 pi i k.x) of the kept modes, of a field (n_0, n_1, n_2)."""
        return self._arrays.fft.rfftn(f, norm="forward")[self._places]

    def values(self, f_hat) -> np.ndarray:
        """f(x) = sum_k f^_k exp(2 pi i k.x)."""
        full = self._arrays.zeros(self._full, complex)
        full[self._places] = f_hat
        return self._arrays.fft.irfftn(full, self.shape, norm="forward")


class Transform:
    """`torusflow.backends.backend.Transform`, of whole arrays."""

    def __init__(self, arrays: Reference, shape, modes, batch: int):
        self._modes = Modes(arrays, shape, modes)
        self.wavenumbers = self._modes.wavenumbers
        self.real = arrays.zeros((batch, *shape))
        self.spectral = arrays.zeros((batch, *map(len, self.wavenumbers)), complex)

    def forward(self, real=None) -> None:
        for f, f_hat in zip(self.real if real is None else real, self.spectral, strict=True):
            f_hat[...] = self._modes.coefficients(f)

    def inverse(self, real=None) -> None:
        for f, f_hat in zip(self.real if real is None else real, self.spectral, strict=True):
            f[...] = self._modes.values(f_hat)


class Stages:
    """`torusflow.backends.backend.Stages`, of whole arrays."""

    def __init__(self, arrays: Reference, dimension: int, shape, modes):
        self._modes = Modes(arrays, shape, modes)
        self.kept = tuple(map(len, self._modes.wavenumbers))
        symbols = np.meshgrid(*(2j * np.pi * k for k in self._modes.wavenumbers), indexing="ij", sparse=True)
        self._symbols = [arrays.asarray(symbols[axis]) for axis in AXES[dimension]]

    def push(self, base, velocity, coefficients, steps: int, keep=None) -> None:
        for step in range(steps):
            y = base.copy()
            for m, c in enumerate(coefficients):
                density = self._modes.values(y)
                if keep is not None:
                    keep[step, m] = density.reshape(keep.shape[2:])
                y = base + c * self._flux(self._fields(velocity), density)
            base[...] = y

    def tangent(self, base, velocity, tangent_velocity, densities, coefficients) -> None:
        velocity, change = self._fields(velocity), self._fields(tangent_velocity)
        for stages in densities:
            y = base.copy()
            for density, c in zip(stages, coefficients, strict=True):
                flux = self._flux(velocity, self._modes.values(y)) + self._flux(change, density)
                y = base + c * flux
            base[...] = y

    def transpose(self, weight, velocity, densities, coefficients, momentum, fresh: bool) -> None:
        velocity = self._fields(velocity)
        if fresh:
            momentum[...] = 0.0
        for stages in densities[::-1]:
            w = weight.copy()
            for density, c in zip(stages[::-1], coefficients[::-1], strict=True):
                slopes = [self._modes.values(symbol * w) for symbol in self._symbols]
                for j, slope in enumerate(slopes):
                    momentum[j] += c * density * slope.reshape(density.shape)
                w = c * self._modes.coefficients(sum(v * slope for v, slope in zip(velocity, slopes, strict=True)))
                weight += w

    def advect(self, base, velocity, source, coefficients, steps: int, keep=None) -> None:
        velocity, source = self._fields(velocity), self._fields(source)[0]
        for step in range(steps):
            w = base.copy()
            for m in reversed(range(len(coefficients))):
                slopes = self._slopes(w, coefficients[m])
                if keep is not None:
                    keep[step, m] = slopes.reshape(keep.shape[2:])
                w = self._advected(slopes, velocity, source if m == len(coefficients) - 1 else None, coefficients[m])
                base += w

    def advect_tangent(self, base, velocity, tangent_velocity, tangent_source, slopes, coefficients) -> None:
        velocity, change = self._fields(velocity), self._fields(tangent_velocity)
        source = self._fields(tangent_source)[0]
        for stages in slopes:
            w = base.copy()
            for m in reversed(range(len(coefficients))):
                moved = self._slopes(w, coefficients[m])
                more = sum(v * slope for v, slope in zip(change, self._fields(stages[m]), strict=True))
                first = source if m == len(coefficients) - 1 else None
                w = self._advected(moved, velocity, first, coefficients[m], more)
                base += w

    def advect_transpose(self, weight, velocity, slopes, coefficients, momentum, source_bar, fresh: bool) -> None:
        velocity = self._fields(velocity)
        if fresh:
            momentum[...] = 0.0
            source_bar[...] = 0.0
        for stages in slopes[::-1]:
            q = weight.copy()
            for c, slope in zip(coefficients, stages, strict=True):
                values = self._modes.values(q)
                momentum += slope * values.reshape(source_bar.shape)
                q = weight - c * self._flux(velocity, values)
            source_bar -= coefficients[-1] * values.reshape(source_bar.shape)
            weight[...] = q

    def _slopes(self, w, c) -> np.ndarray:
        """-c grad w."""
        return np.stack([self._modes.values(-c * symbol * w) for symbol in self._symbols])

    def _advected(self, slopes, velocity, source, c, more=0.0) -> np.ndarray:
        """P(sum_j v_j slope_j - c f), its coefficients."""
        products = sum(v * slope for v, slope in zip(velocity, slopes, strict=True)) + more
        return self._modes.coefficients(products if source is None else products - c * source)

    def _flux(self, velocity, density) -> np.ndarray:
        """A(v) rho = -sum_j d_j P(v_j rho), its coefficients."""
        density = density.reshape(self._modes.shape)
        products = [self._modes.coefficients(v * density) for v in velocity]
        return -cast(np.ndarray, sum(symbol * product for symbol, product in zip(self._symbols, products, strict=True)))

    def _fields(self, velocity) -> np.ndarray:
        return velocity.reshape(-1, *self._modes.shape)


class Reference(NumPyFields):
    """`torusflow.backends.backend.Backend` for those who want to see every step."""

    library, threads, fft = "numpy", 1, scipy.fft

    def plan(self, shape, modes, batch: int) -> Transform:
        return Transform(self, shape, modes, batch)

    def stages(self, dimension: int, shape, modes) -> Stages:
        return Stages(self, dimension, shape, modes)

    def parallel(self, function, parts) -> None:
        for part in parts:
            function(part)

    def inner(self, f, g) -> float:
        return float(np.sum(f * g))

    def largest(self, values) -> float:
        return float(max(np.max(np.abs(np.real(values))), np.max(np.abs(np.imag(values)))))

    def fastest(self, velocity, weights) -> float:
        return float(np.max(sum(w * np.abs(v) for w, v in zip(weights, velocity, strict=True))))
