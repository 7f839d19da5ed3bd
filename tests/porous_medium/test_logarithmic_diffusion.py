"""The logarithmic diffusion, limit of entropic outer weights: its steady state, and rates known in closed form."""

import math

import numpy as np
import pytest
from profiles import waves
from tolerances import FINITE_VOLUME_MASS, STEADY

from torusflow.errors import InputError
from torusflow.porous_medium import FiniteVolume, LogarithmicDiffusion


def test_the_weight_is_steady(rng):
    g = np.exp(rng.normal(size=(12, 15)))
    f = FiniteVolume((12, 15), LogarithmicDiffusion(g)).solve(3 * g, [1.0]).density[0]
    np.testing.assert_allclose(f, 3 * g, rtol=STEADY)


def test_small_waves_decay_like_heat():
    """rho_t = Laplacian(log rho) with g = 1; the square of the amplitude is below the tolerance."""
    wave = waves(64, 1, 0.0)
    f = FiniteVolume(64, LogarithmicDiffusion(np.ones(64))).solve(1 + 1e-3 * wave, [0.02], 1e-9).density[0]
    left = np.vdot(f - 1, wave) / np.vdot(wave, wave)
    assert left == pytest.approx(1e-3 * math.exp(-4 * math.pi**2 * 0.02), rel=1e-4)


def test_the_divergence_falls_as_its_dissipation_says():
    """-d/dt KL(g | rho) = mean rho |grad(g/rho)|^2, and mass stays."""
    n, step = 128, 1e-5
    g, start = 1 + 0.5 * waves(n, 1, 0.1), 1 + 0.4 * waves(n, 2, 0.3)
    before, middle, after = FiniteVolume(n, LogarithmicDiffusion(g)).solve(start, [0.0, step, 2 * step], 1e-9).density
    fall = np.mean(g * np.log(after / before)) / (2 * step)
    ratio = g / middle
    slope = n * (np.roll(ratio, -1) - ratio)
    face = (middle + np.roll(middle, -1)) / 2
    assert fall == pytest.approx(np.mean(face * slope**2), rel=2e-3)
    assert after.mean() == pytest.approx(start.mean(), rel=FINITE_VOLUME_MASS)


def test_refusals():
    for weight in (1.0, np.array([1.0, 0.0]), np.array([1.0, np.nan])):
        with pytest.raises(InputError, match="weight of LogarithmicDiffusion must be an array of finite numbers > 0"):
            LogarithmicDiffusion(weight)
    with pytest.raises(InputError, match="LogarithmicDiffusion divides by the density"):
        FiniteVolume(8, LogarithmicDiffusion(np.ones(8))).solve(np.arange(8.0), [1.0])
