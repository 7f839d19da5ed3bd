"""The Kullback-Leibler losses below their floor: never negative, least at the target, the gradient exact."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow.losses import KullbackLeibler


def low_target(torus):
    """A density most of which is below the floor."""
    return tfl.densities.from_function(torus, lambda x: np.exp(-60 * np.sin(np.pi * x) ** 2), normalise=True)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("floor", [1e-3, 0.5])
def test_never_negative_and_least_at_the_target(reverse, floor, rng):
    torus = tfl.Torus(64, threads=1)
    target = low_target(torus)
    loss = KullbackLeibler(target, reverse=reverse, floor=floor)
    least = loss(target.values)
    assert 0 <= least <= (floor / 3 if reverse else 1e-15)
    assert np.max(np.abs(loss.gradient(target.values))) < 1e-12
    for size in (1e-6, 1e-3, 1e-1, 1.0):
        noise = rng.standard_normal(64)
        assert loss(target.values + size * noise) > least
        assert loss(target.values + size * (noise - noise.mean())) > least


@pytest.mark.parametrize("reverse", [False, True])
def test_gradient_and_curvature_below_the_floor(reverse, rng):
    torus = tfl.Torus(64, threads=1)
    loss = KullbackLeibler(low_target(torus), reverse=reverse, floor=0.1)
    rho, direction, h = 0.3 * rng.standard_normal(64), rng.standard_normal(64), 1e-4
    slope = (loss(rho + h * direction) - loss(rho - h * direction)) / (2 * h)
    assert torus.inner(loss.gradient(rho), direction) == pytest.approx(slope, rel=1e-6)
    change = (loss.gradient(rho + h * direction) - loss.gradient(rho - h * direction)) / (2 * h)
    assert np.median(np.abs(loss.curvature(rho, direction) - change)) < 1e-6
    assert np.all(loss.curvature(rho, np.ones(64)) >= 0)


def test_exact_above_the_floor():
    torus = tfl.Torus(64, threads=1)
    rho, target = tfl.densities.von_mises(torus, 0.3, 1.0).values, tfl.densities.von_mises(torus)
    for reverse, (p, q) in ((False, (rho, target.values)), (True, (target.values, rho))):
        loss = KullbackLeibler(target, reverse=reverse)
        assert loss(rho) == pytest.approx(np.mean(p * np.log(p / q)), rel=tolerances.SUM)
