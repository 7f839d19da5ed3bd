"""Band-limited fields at scattered points, by non-uniform Fourier transforms, and the transpose of that."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arguments import checked_whole, real_array
from ..backends import split, to_host
from ..errors import InputError
from .control import VelocitySpace
from .grid import LARGEST_SIZE, TWO_PI, Torus

# Relative accuracy asked of FINUFFT; a type 1 transform with the same setting is the transpose of type 2 to round-off.
NONUNIFORM_TOLERANCE = 1e-12
# Below this many points a second thread costs more than it saves.
MINIMUM_POINTS_PER_THREAD = 2000
# Points that a thread takes at a time, which stay in its cache with what is spread from them: time for a point is
# then the same for ten thousand and a million (measured, docs/performance.md).
POINTS_AT_A_TIME = 2**15


class BandField:
    """v(x) = sum_k v^_k exp(2 pi i k.x) at any points (`torusflow.transport.particles.Field`).

    Parameters
    ----------
    space : VelocitySpace
    coefficients : complex array (d, *modes)
        Of one layer.
    """

    def __init__(self, space: VelocitySpace, coefficients):
        self._space = space
        self._full = full_spectrum(to_host(space.torus.gather_spectrum(coefficients)), len(space.band))

    def value(self, points) -> np.ndarray:
        """v(x), array (N, d)."""
        return _sum_modes(points, self._full, self._space.torus).T

    def jacobian(self, points) -> np.ndarray:
        """d v_i / d x_j, array (d, d, N) with i first."""
        d = points.shape[1]
        symbols = full_wavenumbers(self._space)
        derivatives = np.stack([[TWO_PI * 1j * k * component for k in symbols] for component in self._full])
        flat = derivatives.reshape(d * d, *self._full.shape[1:])
        return _sum_modes(points, flat, self._space.torus).reshape(d, d, -1)

    def jet(self, points) -> tuple[np.ndarray, np.ndarray]:
        """v(x) and Dv(x), arrays (N, d) and (N, d, d) with entry i, j = d v_i / d x_j, from one transform."""
        sums = self._derivatives(points, [1.0, *self._symbols()])
        return sums[:, 0].copy(), np.swapaxes(sums[:, 1:], 1, 2).copy()

    def second_derivative(self, points) -> np.ndarray:
        """D^2 v(x), array (N, d, d, d), entry i, j, l the second derivative of v_i along x_j and x_l."""
        d, symbols = points.shape[1], self._symbols()
        pairs = [(j, k) for j in range(d) for k in range(j, d)]
        sums = self._derivatives(points, [symbols[j] * symbols[k] for j, k in pairs])
        second = np.empty((len(points), d, d, d))
        for index, (j, k) in enumerate(pairs):
            second[:, :, j, k] = second[:, :, k, j] = sums[:, index]
        return second

    def tangent(self, points, change) -> np.ndarray:
        """Dv(x) x', array (N, d)."""
        return np.einsum("ijn,nj->ni", self.jacobian(points), change)

    def transpose(self, points, weight) -> np.ndarray:
        """Dv(x)^T p, array (N, d)."""
        return np.einsum("ijn,ni->nj", self.jacobian(points), weight)

    def _symbols(self):
        return [TWO_PI * 1j * k for k in full_wavenumbers(self._space)]

    def _derivatives(self, points, factors) -> np.ndarray:
        """Every factor times every component, array (N, factor, component)."""
        spectra = np.stack([factor * component for factor in factors for component in self._full])
        sums = _sum_modes(points, spectra, self._space.torus)
        return np.moveaxis(sums.reshape(len(factors), len(self._full), -1), -1, 0)


def momentum_coefficients(space: VelocitySpace, points, momenta) -> np.ndarray:
    """m^_k = sum_i p_i exp(-2 pi i k.x_i) within the band: the measure sum_i p_i delta_{x_i}.

    With these, <K*m, v>_V = sum_i p_i.v(x_i) for every field v of the space.

    Parameters
    ----------
    space : VelocitySpace
    points, momenta : array (N, d)

    Returns
    -------
    complex array (d, *modes)
    """
    space.torus.refuse_divided("the momentum of points is summed by", "make their space on a torus without comm.")
    shape = tuple(2 * b + 1 for b in space.band)
    packed = _pack(np.ascontiguousarray(momenta.T))
    parts = _parts(points, space.torus)
    sums = np.empty((len(parts), len(packed), *shape), complex)

    def transform(part):
        index, pieces = part
        plan, sums[index] = _nufft(1, shape, len(packed)), 0
        for here in pieces:
            _set_points(plan, points[here])
            sums[index] += plan.execute(np.ascontiguousarray(packed[:, here])).reshape(-1, *shape)

    space.torus.parallel(transform, parts)
    sums = sums.sum(axis=0)
    # The coefficients of the real and of the imaginary part of what was packed.
    mirrored = _reflect(sums, len(shape)).conj()
    pairs = np.stack([(sums + mirrored) / 2, (sums - mirrored) / 2j], axis=1)
    return pairs.reshape(-1, *shape)[: momenta.shape[1], ..., : space.band[-1] + 1]


class TrigonometricPolynomial:
    """f(x) = sum_k f^_k exp(2 pi i k.x) at any points, to 1e-12, from values on a grid.

    Parameters
    ----------
    torus : Torus
    f : array (*n)
    """

    def __init__(self, torus: Torus, f):
        odd = torus.resized(tuple(n + 1 - n % 2 for n in torus.shape))
        # So that no Nyquist mode stands for two.
        half = to_host(odd.gather_spectrum(odd.transform(torus.resample(f, odd))))
        self._torus, self._full = torus, full_spectrum(half[None], torus.dimension)

    def value(self, points) -> np.ndarray:
        """f(x), array (N,)."""
        return _sum_modes(points, self._full, self._torus)[0]

    def jet(self, points) -> tuple[np.ndarray, np.ndarray]:
        """f(x) and grad f(x), arrays (N,) and (N, d), from one transform."""
        axes = [np.fft.fftfreq(n, 1 / n) for n in self._full.shape[1:]]
        symbols = [TWO_PI * 1j * k for k in np.meshgrid(*axes, indexing="ij", sparse=True)]
        value, *gradient = _sum_modes(points, np.concatenate([f * self._full for f in [1.0, *symbols]]), self._torus)
        return value, np.stack(gradient, axis=1)


def interpolate(torus: Torus, f, points) -> np.ndarray:
    """f(x) by the Fourier series of f, array (N,); see `TrigonometricPolynomial`."""
    return TrigonometricPolynomial(torus, f).value(points)


def characteristic_function(points, shape: tuple[int, ...], weights=None) -> np.ndarray:
    """c_k = (1/N) sum_i w_i exp(-2 pi i k.x_i), complex array (*shape) in FFT order, to 1e-12.

    Parameters
    ----------
    points : array (N, d)
    shape : tuple of int
        Modes per axis.
    weights : array (N,), optional
        w; ones if not given.
    """
    import finufft

    points = checked_points(points, least=1)
    shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    shape = tuple(checked_whole("each of the modes per axis", n) for n in shape)
    if len(shape) != points.shape[1] or math.prod(shape) > LARGEST_SIZE:
        raise InputError(f"shape must be the modes per axis, {points.shape[1]} numbers for these points, got {shape}.")
    transform = {1: finufft.nufft1d1, 2: finufft.nufft2d1, 3: finufft.nufft3d1}[points.shape[1]]
    strengths = np.ones(len(points)) if weights is None else weights
    strengths = np.asarray(strengths, complex) / len(points)
    return transform(*_angles(points), strengths, shape, isign=-1, eps=NONUNIFORM_TOLERANCE, modeord=1, nthreads=1)


def weighted_samples(torus: Torus, points, weights) -> np.ndarray:
    """The modes |k_j| < n_j/2 of the measure (1/N) sum_i w_i delta_{x_i}, on the grid.

    Parameters
    ----------
    torus : Torus
    points : array (N, d)
    weights : array (N,)

    Returns
    -------
    array (*n)
    """
    odd = without_nyquist(torus)
    sums = characteristic_function(points, odd.shape, weights)
    half = sums[..., : odd.shape[-1] // 2 + 1]
    return odd.resample(odd.inverse(half[odd.spectral_slice]), torus)


def evaluate(points, coefficients) -> np.ndarray:
    """The real parts of sum_k c_k exp(2 pi i k.x), array (fields, N), for c (fields, *shape) in FFT order."""
    import finufft

    transform = {1: finufft.nufft1d2, 2: finufft.nufft2d2, 3: finufft.nufft3d2}[points.shape[1]]
    angles = _angles(points)
    return transform(*angles, coefficients, isign=1, eps=NONUNIFORM_TOLERANCE, modeord=1, nthreads=1).real


def without_nyquist(torus: Torus) -> Torus:
    """The largest grid with an odd number of points along each axis, so that each coefficient stands for one mode."""
    return torus.resized(tuple(2 * ((n - 1) // 2) + 1 for n in torus.shape))


def checked_points(points, dimension: int | None = None, who: str = "", least: int = 0) -> np.ndarray:
    """Points (N, d) as an array of finite numbers of its own; for d = 1 also (N,).

    Parameters
    ----------
    points : array (N, d)
    dimension : int, optional
        d; from one to three if not given.
    who : str
        Begins the message, as in "from_samples: ".
    least : int
        Of N.

    Raises
    ------
    InputError
        If they have another shape, or are not finite real numbers, for which FINUFFT would read beyond its arrays.
    """
    points = real_array(points, f"{who}the points")
    if points.ndim == 1 and dimension in (1, None):
        points = points[:, None]
    given = (dimension,) if dimension else (1, 2, 3)
    if points.ndim != 2 or points.shape[1] not in given or len(points) < least:
        d = dimension or "1..3"
        with_least = f" with N >= {least}" if least else ""
        raise InputError(f"{who}points must have shape (N, {d}){with_least}, got {points.shape}.")
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise InputError(
            f"{who}{len(bad)} of {len(points)} points are not finite, the first is row {bad[0]}: {points[bad[0]]}."
        )
    return points


def full_spectrum(half, dimension: int) -> np.ndarray:
    """All coefficients of real fields, FFT order along odd axes, from those with k_d >= 0."""
    negative = _reflect(half[..., 1:], dimension - 1).conj()[..., ::-1]
    return np.concatenate([half, negative], axis=-1)


def full_wavenumbers(space: VelocitySpace) -> Sequence[np.ndarray]:
    """k_1, ..., k_d with both signs along every axis, in FFT order, broadcasting against a full spectrum."""
    axes = [np.concatenate([np.arange(b + 1), np.arange(-b, 0)]) for b in space.band]
    return np.meshgrid(*axes, indexing="ij", sparse=True)


def _sum_modes(points, full, torus) -> np.ndarray:
    """sum_k f^_k exp(2 pi i k.x) of real fields, array (components, N); two of them in each complex transform."""
    packed = _pack(full)
    values = np.empty((len(packed), 2, len(points)))

    def transform(part):
        plan = _nufft(2, full.shape[1:], len(packed))
        for here in part[1]:
            _set_points(plan, points[here])
            sums = plan.execute(packed).reshape(len(packed), -1)
            values[:, 0, here], values[:, 1, here] = np.real(sums), np.imag(sums)

    torus.parallel(transform, _parts(points, torus))
    return values.reshape(2 * len(packed), len(points))[: len(full)]


def _parts(points, torus) -> list[tuple[int, list[slice]]]:
    """For each thread its number and slices of the points, to be taken one after another."""
    cuts = split(len(points), min(torus.threads, max(1, len(points) // MINIMUM_POINTS_PER_THREAD)))
    pieces = [split(stop - start, -(-(stop - start) // POINTS_AT_A_TIME)) for start, stop in cuts]
    return [(index, [slice(cut[0] + a, cut[0] + b) for a, b in pieces[index]]) for index, cut in enumerate(cuts)]


def _pack(fields) -> np.ndarray:
    """f_1 + i f_2, f_3 + i f_4, ... along the first axis."""
    even = fields[0::2].astype(complex, order="C")
    even[: len(fields) // 2] += 1j * fields[1::2]
    return even


def _reflect(coefficients, axes: int) -> np.ndarray:
    """k -> -k in FFT order along the axes after the first that have both signs of k."""
    for axis in range(1, axes + 1):
        coefficients = np.roll(np.flip(coefficients, axis), 1, axis)
    return coefficients


def _nufft(kind, modes, count):
    """One thread each: FINUFFT's own are OpenMP's, which wait by spinning (docs/design_decisions.md)."""
    import finufft

    sign = -1 if kind == 1 else 1
    options = {"n_trans": count, "eps": NONUNIFORM_TOLERANCE, "isign": sign, "modeord": 1, "nthreads": 1}
    return finufft.Plan(kind, modes, **options)


def _set_points(plan, points) -> None:
    plan.setpts(*_angles(points))


def _angles(points) -> list[np.ndarray]:
    """The coordinates as FINUFFT takes them."""
    return [np.ascontiguousarray(TWO_PI * (axis % 1.0)) for axis in points.T]
