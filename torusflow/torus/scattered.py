"""Band-limited fields at scattered points, by non-uniform Fourier transforms, and the transpose of that."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import checked_whole, real_array
from ..errors import InputError
from .control import VelocitySpace
from .grid import LARGEST_SIZE, TWO_PI, Torus
from .series import (
    NONUNIFORM_TOLERANCE,
    angles,
    blocks,
    check_points_alike,
    in_parts,
    make_series,
    nufft,
    pack,
    reflect,
    too_many,
)


class BandField:
    """v(x) = sum_k v^_k exp(2 pi i k.x) at any points (`torusflow.transport.particles.Field`).

    Parameters
    ----------
    space : VelocitySpace
    coefficients : complex array (d, *modes)
        Of one layer.
    """

    def __init__(self, space: VelocitySpace, coefficients):
        axes = [np.concatenate([np.arange(b + 1), np.arange(-b, 0)]) for b in space.band]
        self._series = make_series(space.torus, coefficients, axes)

    def value(self, points) -> np.ndarray:
        """v(x), array (N, d)."""
        return self._series.sums(points, self._series.coefficients).T

    def jacobian(self, points) -> np.ndarray:
        """d v_i / d x_j, array (d, d, N) with i first."""
        d, v = points.shape[1], self._series.coefficients
        derivatives = np.stack([TWO_PI * 1j * k * component for component in v for k in self._series.wavenumbers])
        return self._series.sums(points, derivatives).reshape(d, d, -1)

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
        return [TWO_PI * 1j * k for k in self._series.wavenumbers]

    def _derivatives(self, points, factors) -> np.ndarray:
        """Every factor times every component, array (N, factor, component)."""
        v = self._series.coefficients
        sums = self._series.sums(points, np.stack([factor * component for factor in factors for component in v]))
        return np.moveaxis(sums.reshape(len(factors), len(v), -1), -1, 0)


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
    packed = pack(np.ascontiguousarray(momenta.T))
    parts = in_parts(points, space.torus)
    sums = np.empty((len(parts), len(packed), *shape), complex)

    def transform(part):
        index, pieces = part
        plan, sums[index] = nufft(1, shape, len(packed)), 0
        for here in pieces:
            plan.setpts(*angles(points[here]))
            sums[index] += plan.execute(np.ascontiguousarray(packed[:, here])).reshape(-1, *shape)

    space.torus.parallel(transform, parts)
    sums = sums.sum(axis=0)
    # The coefficients of the real and of the imaginary part of what was packed.
    mirrored = reflect(sums, len(shape)).conj()
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
        half, axes = odd.transform(torus.resample(f, odd)), [np.fft.fftfreq(n, 1 / n) for n in odd.shape]
        self._series = make_series(odd, half[None], axes)

    def value(self, points) -> np.ndarray:
        """f(x), array (N,)."""
        return self._series.sums(points, self._series.coefficients)[0]

    def jet(self, points) -> tuple[np.ndarray, np.ndarray]:
        """f(x) and grad f(x), arrays (N,) and (N, d), from one transform."""
        symbols, f_hat = [TWO_PI * 1j * k for k in self._series.wavenumbers], self._series.coefficients
        value, *gradient = self._series.sums(points, np.concatenate([factor * f_hat for factor in [1.0, *symbols]]))
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
    return transform(*angles(points), strengths, shape, isign=-1, eps=NONUNIFORM_TOLERANCE, modeord=1, nthreads=1)


def characteristic_spectrum(torus: Torus, points, weights=None) -> np.ndarray:
    """What is here of `characteristic_function` on the modes of a torus with k_d >= 0, complex array (*spectral_shape).

    Where processes share the torus, and it has many modes, each of them computes some rows of axis 0, from all points.
    """
    check_points_alike(torus, points)
    half, division = torus.shape[-1] // 2 + 1, torus.division
    if not too_many(torus, torus.size):
        return characteristic_function(points, torus.shape, weights)[..., :half][torus.spectral_slice]
    pieces = blocks(torus.shape[0], math.prod(torus.shape[1:]))
    weights = np.ones(len(points)) if weights is None else weights
    mine = pieces[division.rank :: division.processes]
    sums = [_rows(points, weights, torus.shape, rows)[..., :half] for rows in mine]
    columns = torus.everyone(torus.spectral_slice[1])
    parts = division.exchange([[rows[:, theirs] for rows in sums] for theirs in columns])
    here = np.empty(torus.spectral_shape, complex)
    for rank, part in enumerate(parts):
        for rows, values in zip(pieces[rank :: division.processes], part, strict=True):
            here[rows] = values
    return here


def _rows(points, weights, shape, rows: slice) -> np.ndarray:
    """Those of `characteristic_function` along axis 0, which have successive wavenumbers."""
    count = rows.stop - rows.start
    middle = rows.start + count // 2 - (0 if 2 * rows.start < shape[0] else shape[0])
    turn = np.exp(-TWO_PI * 1j * middle * (points[:, 0] % 1.0))
    return np.fft.fftshift(characteristic_function(points, (count, *shape[1:]), weights * turn), axes=0)


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
    return odd.resample(odd.inverse(characteristic_spectrum(odd, points, weights)), torus)


def evaluate(points, coefficients) -> np.ndarray:
    """The real parts of sum_k c_k exp(2 pi i k.x), array (fields, N), for c (fields, *shape) in FFT order."""
    import finufft

    transform = {1: finufft.nufft1d2, 2: finufft.nufft2d2, 3: finufft.nufft3d2}[points.shape[1]]
    return transform(*angles(points), coefficients, isign=1, eps=NONUNIFORM_TOLERANCE, modeord=1, nthreads=1).real


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
