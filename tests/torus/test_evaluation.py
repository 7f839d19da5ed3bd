"""Fourier series between grid points."""

import numpy as np
import pytest

from torusflow.torus.evaluation import TrigonometricPolynomial
from torusflow.torus.grid import Torus

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
