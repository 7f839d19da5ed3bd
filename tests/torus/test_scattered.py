"""Fourier series between grid points."""

import numpy as np
import pytest

from torusflow.torus import scattered
from torusflow.torus import series as evaluation
from torusflow.torus.control import VelocitySpace
from torusflow.torus.grid import Torus
from torusflow.torus.scattered import BandField, TrigonometricPolynomial, momentum_coefficients
from torusflow.torus.sobolev import SobolevMetric

# FINUFFT's tolerance with room for sums. Absolute, of fields of order one.
SERIES = 1e-10


@pytest.mark.parametrize("shape", [(8,), (9,), (8, 6), (7, 8), (6, 5, 4)], ids=str)
def test_a_series_takes_the_values_on_the_grid_also_with_nyquist_modes(shape, rng):
    """White noise has all modes; on even axes the highest stands for two, and must not be counted twice."""
    torus = Torus(shape, threads=1)
    f = rng.standard_normal(shape)
    points = np.stack([axis.ravel() for axis in torus.points], axis=1)
    np.testing.assert_allclose(TrigonometricPolynomial(torus, f).value(points), f.ravel(), rtol=0, atol=SERIES)


def test_its_gradient_is_that_of_the_function(rng):
    torus, k = Torus((16, 15), threads=1), 2 * np.pi
    x, y = torus.points
    points = rng.random((20, 2))
    value, gradient = TrigonometricPolynomial(torus, np.sin(k * x) * np.cos(2 * k * y)).jet(points)
    s, t = points.T
    np.testing.assert_allclose(value, np.sin(k * s) * np.cos(2 * k * t), rtol=0, atol=SERIES)
    np.testing.assert_allclose(gradient[:, 0], k * np.cos(k * s) * np.cos(2 * k * t), rtol=0, atol=10 * SERIES)
    np.testing.assert_allclose(gradient[:, 1], -2 * k * np.sin(k * s) * np.sin(2 * k * t), rtol=0, atol=10 * SERIES)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("at_a_time", [1, 7, 100])
def test_points_a_few_at_a_time_are_points_at_once(at_a_time, threads, rng, monkeypatch):
    space = VelocitySpace(Torus((12, 13), threads=threads), SobolevMetric(), 1, (3, 2))
    field = BandField(space, space.random(rng)[0])
    points, momenta = rng.random((40, 2)), rng.standard_normal((40, 2))

    def everything():
        return field.value(points), field.jacobian(points), momentum_coefficients(space, points, momenta)

    expected = everything()
    monkeypatch.setattr(evaluation, "POINTS_AT_A_TIME", at_a_time)
    monkeypatch.setattr(evaluation, "MINIMUM_POINTS_PER_THREAD", 10)
    for got, once in zip(everything(), expected, strict=True):
        np.testing.assert_allclose(got, once, rtol=0, atol=SERIES * np.max(np.abs(once)))


@pytest.mark.parametrize("at_a_time", [1, 100])
@pytest.mark.parametrize("shape", [(11, 8), (8, 9), (7, 8, 6), (8, 5, 9)], ids=str)
def test_coefficients_a_block_at_a_time_are_all_of_them(shape, at_a_time, rng, monkeypatch):
    """As processes have them that share a grid."""
    torus, points = Torus(shape, threads=1), 3 * rng.random((40, len(shape))) - 1
    odd = torus.resized(tuple(n + 1 - n % 2 for n in shape))
    half = odd.transform(rng.standard_normal((2, *odd.shape)))
    axes = [np.fft.fftfreq(n, 1 / n) for n in odd.shape]

    def everything():
        found = evaluation.make_series(odd, half, axes)
        slopes = np.stack([1j * k * f_hat for k in found.wavenumbers for f_hat in found.coefficients])
        spectrum = scattered.characteristic_spectrum(torus, points, points[:, 0])
        return found.sums(points, found.coefficients), found.sums(points, slopes), spectrum

    expected = everything()
    monkeypatch.setattr(evaluation, "MODES_AT_A_TIME", at_a_time)
    monkeypatch.setattr(Torus, "shared", True)
    for got, once in zip(everything(), expected, strict=True):
        np.testing.assert_allclose(got, once, rtol=0, atol=SERIES * np.max(np.abs(once)))
