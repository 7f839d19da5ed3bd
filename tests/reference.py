"""The mathematics once more in plain NumPy, with full complex spectra and no line shared with the package.

Fields have the grid as their last axes; `shape` is the grid. Slow and short on purpose.
"""

import math
from dataclasses import dataclass

import numpy as np

TWO_PI = 2 * math.pi

# Grids every statement about "any grid" is checked on: even, odd, mixed and non-cubic, in each dimension.
SHAPES = [(16,), (15,), (12, 16), (15, 13), (16, 9), (9, 14), (8, 10, 12), (9, 7, 11), (8, 9, 10), (7, 8, 9)]


def name(value):
    """Short test ids: 12x16."""
    return "x".join(str(v) for v in value) if isinstance(value, tuple) else None


def points(shape):
    return np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")


def wavenumbers(shape):
    """k_1, ..., k_d, each an integer array (*shape), -n/2 for the Nyquist mode of an even axis."""
    return np.meshgrid(*(np.rint(np.fft.fftfreq(n) * n).astype(int) for n in shape), indexing="ij")


def coefficients(f, shape):
    """f^_k for all k."""
    return np.fft.fftn(f, axes=range(-len(shape), 0)) / math.prod(shape)


def values(f_hat, shape):
    """The real part of sum_k f^_k exp(2 pi i k.x)."""
    return np.fft.ifftn(f_hat, axes=range(-len(shape), 0)).real * math.prod(shape)


def within(shape, modes):
    """Which k have |k_j| <= modes_j for every j."""
    modes = np.broadcast_to(modes, len(shape))
    return np.all([np.abs(k) <= m for k, m in zip(wavenumbers(shape), modes, strict=True)], axis=0)


def truncate(f, shape, modes):
    return values(coefficients(f, shape) * within(shape, modes), shape)


def derivative(f, shape, axis):
    """d_j f, the Nyquist mode of an even axis dropped."""
    k = wavenumbers(shape)[axis]
    symbol = np.where(2 * np.abs(k) == shape[axis], 0, 2j * math.pi * k)
    return values(symbol * coefficients(f, shape), shape)


def gradient(f, shape):
    return np.stack([derivative(f, shape, axis) for axis in range(len(shape))])


def divergence(u, shape):
    return sum(derivative(u[axis], shape, axis) for axis in range(len(shape)))


def sobolev_symbol(shape, metric):
    squared = sum((TWO_PI * k) ** 2 for k in wavenumbers(shape))
    return (1 + metric.length**2 * squared) ** metric.smoothness


def smooth(f, shape, metric):
    """K*f."""
    return values(coefficients(f, shape) / sobolev_symbol(shape, metric), shape)


def sobolev_inner(u, w, shape, metric):
    """sum_k (1 + l^2 |2 pi k|^2)^s u^_k . conj w^_k over all k and components."""
    products = coefficients(u, shape) * coefficients(w, shape).conj()
    return float(np.sum(sobolev_symbol(shape, metric) * products).real)


def advance(rho, velocity, shape, modes):
    """A(v) rho = -div P(v rho)."""
    return -divergence(truncate(velocity * rho, shape, modes), shape)


def push(rho, velocities, shape, modes, substeps):
    """The classical Runge-Kutta method for d rho/ds = A(v) rho, v = velocities[l] on layer l."""
    rho = truncate(rho, shape, modes)
    h = 1 / (len(velocities) * substeps)
    for velocity in velocities:
        for _ in range(substeps):
            k1 = advance(rho, velocity, shape, modes)
            k2 = advance(rho + h / 2 * k1, velocity, shape, modes)
            k3 = advance(rho + h / 2 * k2, velocity, shape, modes)
            k4 = advance(rho + h * k3, velocity, shape, modes)
            rho = rho + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return rho


def relative_error(got, expected):
    """max |got - expected| / max |expected|."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return np.max(np.abs(got - expected)) / np.max(np.abs(expected))


def observed_order(step_sizes, errors):
    """The slope of log error over log step size."""
    return np.polyfit(np.log(step_sizes), np.log(errors), 1)[0]


@dataclass(frozen=True)
class TrigonometricPolynomial:
    """f(x) = c + sum_m a_m cos(2 pi k_m.x + phi_m), known at every point together with its derivatives."""

    constant: float
    wavenumbers: np.ndarray
    amplitudes: np.ndarray
    phases: np.ndarray

    @classmethod
    def random(cls, rng, modes, terms=6):
        """Terms with |k_j| <= modes_j, one of them at the corner so that the highest modes are there."""
        modes = np.asarray(modes)
        k = np.vstack([modes, rng.integers(-modes, modes + 1, size=(terms - 1, modes.size))])
        return cls(rng.normal(), k, rng.normal(size=terms), rng.uniform(0, TWO_PI, terms))

    def __call__(self, x):
        return self.constant + sum(a * np.cos(t) for a, t in zip(self.amplitudes, self._arguments(x), strict=True))

    def derivative(self, axis, x):
        terms = zip(self.amplitudes, self.wavenumbers[:, axis], self._arguments(x), strict=True)
        return sum(-a * TWO_PI * k * np.sin(t) for a, k, t in terms)

    def _arguments(self, x):
        for k, phase in zip(self.wavenumbers, self.phases, strict=True):
            yield TWO_PI * sum(kj * xj for kj, xj in zip(k, x, strict=True)) + phase
