"""The losses: closed forms, first variations, the continuation below zero, and what they refuse."""

import numpy as np
import pytest
import reference
import tolerances
from every_loss import DENSITY_LOSSES

import torusflow as tfl
from torusflow import losses, testing
from torusflow.testing.losses import gradient
from torusflow.torus.density import DensitySpace


@pytest.fixture(params=[(32,), (15, 12), (8, 9, 10)], ids=reference.name)
def torus(request):
    return tfl.Torus(request.param, threads=1)


def smooth_density(torus, seed):
    rng = np.random.default_rng(seed)
    f = reference.TrigonometricPolynomial.random(rng, [min(2, n // 3) for n in torus.shape], terms=3)(torus.points)
    return tfl.densities.from_array(torus, np.exp(0.3 * f), normalise=True)


every_loss = pytest.mark.parametrize("make", DENSITY_LOSSES.values(), ids=DENSITY_LOSSES)


@every_loss
def test_zero_at_the_target_and_positive_elsewhere(torus, make):
    target, other = smooth_density(torus, 1), smooth_density(torus, 2)
    loss = make(target)
    assert abs(loss(target.values)) <= tolerances.SUM
    assert loss(other.values) > 1e-4


@every_loss
@pytest.mark.parametrize("check", testing.loss_checks())
def test_promise(check, torus, make, rng):
    """Of `torusflow.testing`, which other packages call with their own losses."""
    testing.check_loss(make(smooth_density(torus, 1)), DensitySpace(torus), rng=rng, checks=[check])


@every_loss
def test_gradient_is_the_first_variation_where_the_density_has_undershot_zero(torus, make, rng):
    rho = smooth_density(torus, 2).values - 0.5 * (rng.random(torus.shape) < 0.05)
    testing.check_loss(make(smooth_density(torus, 1)), DensitySpace(torus), rho, rng=rng, checks=[gradient])


@pytest.mark.parametrize("name", [name for name in DENSITY_LOSSES if name not in ("L2", "MMD 0", "MMD 1.5")])
def test_curvature_is_positive(torus, name, rng):
    """That it is the second variation is one of the promises."""
    loss = DENSITY_LOSSES[name](smooth_density(torus, 1))
    direction = rng.standard_normal(torus.shape)
    direction -= direction.mean()
    assert torus.inner(loss.curvature(smooth_density(torus, 2).values, direction), direction) > 0


def test_closed_forms_of_two_cosines():
    torus = tfl.Torus((64,))
    x = torus.points[0]
    target = tfl.densities.uniform(torus)
    rho = 1 + 0.5 * np.cos(2 * np.pi * x)
    assert losses.SquaredL2(target)(rho) == pytest.approx(0.0625, abs=tolerances.SUM)
    assert losses.L2(target)(rho) == pytest.approx(np.sqrt(0.125), abs=tolerances.SUM)
    # With b^2 = 1 - a^2, (1 + a cos) log(1 + a cos) has mean 1 - b + log((1 + b)/2), log(1 + a cos) log((1 + b)/2).
    b = np.sqrt(0.75)
    assert losses.KullbackLeibler(target)(rho) == pytest.approx(1 - b + np.log((1 + b) / 2), abs=tolerances.SUM)
    assert losses.KullbackLeibler(target, reverse=True)(rho) == pytest.approx(-np.log((1 + b) / 2), abs=tolerances.SUM)
    root = np.mean(np.sqrt(1 + 0.5 * np.cos(2 * np.pi * np.arange(4096) / 4096)))  # an elliptic integral
    assert losses.Hellinger(target)(rho) == pytest.approx(1 - root, abs=tolerances.SUM)
    expected = 0.5 / np.sqrt(2) / (1 + 4 * np.pi**2)
    assert losses.SobolevMMD(target, order=2)(rho) == pytest.approx(expected, abs=tolerances.SUM)


def test_order_zero_mmd_is_the_l2_norm(torus):
    target, rho = smooth_density(torus, 1), smooth_density(torus, 2).values
    assert losses.SobolevMMD(target, 0)(rho) == pytest.approx(losses.L2(target)(rho), rel=tolerances.SUM)


@pytest.mark.parametrize("reverse", [False, True])
def test_kullback_leibler_below_the_floor_is_convex_and_smooth(reverse):
    """Along a density that sinks through zero in one half, the loss has increasing slopes without a jump."""
    torus = tfl.Torus((8,))
    loss = losses.KullbackLeibler(tfl.densities.uniform(torus), reverse=reverse, floor=0.1)
    sink = np.where(np.arange(8) < 4, -1.0, 1.0)
    t = np.linspace(0, 1.5, 301)
    slopes = np.array([torus.inner(loss.gradient(1 + s * sink), sink) for s in t])
    assert np.all(np.isfinite(slopes)) and np.all(np.diff(slopes) > 0)
    # Twice continuously differentiable: neighbouring second differences stay close across the floor at t = 0.9.
    curvature = np.diff(slopes) / np.diff(t)
    near = curvature[175:185]
    assert np.max(np.abs(np.diff(near))) < 0.1 * near.max()


def test_hellinger_below_the_floor_is_smooth_and_zero_at_the_target_only():
    """The same descent through zero, towards a target with values below the floor."""
    torus = tfl.Torus((8,))
    target = tfl.densities.from_array(torus, np.where(np.arange(8) < 4, 1.95, 0.05))
    loss = losses.Hellinger(target, floor=0.1)
    assert loss(target.values) == 0 and torus.norm(loss.gradient(target.values)) == 0
    sink = np.where(np.arange(8) < 4, -1.0, 1.0)
    t = np.linspace(0, 2.5, 501)
    values = np.array([loss(1.0 + s * sink) for s in t])
    slopes = np.array([torus.inner(loss.gradient(1.0 + s * sink), sink) for s in t])
    curvature = np.diff(slopes) / np.diff(t)
    assert np.all(values > 0) and np.all(np.isfinite(slopes))
    near = curvature[175:185]  # the floor is met at t = 0.9
    assert np.max(np.abs(np.diff(near))) < 0.1 * np.abs(near).max()
    assert np.all(slopes[t > 1] > 0)  # what has sunk below zero is lifted


def test_zero_targets_only_where_the_divergence_is_finite():
    torus = tfl.Torus((8,))
    half = tfl.densities.from_array(torus, np.where(np.arange(8) < 4, 2.0, 0.0))
    with pytest.raises(tfl.InputError, match=r"infinite because the target vanishes.*reverse=True"):
        losses.KullbackLeibler(half)
    assert losses.KullbackLeibler(half, reverse=True)(np.ones(8)) == pytest.approx(np.log(2), abs=tolerances.SUM)


def test_refusals():
    torus = tfl.Torus((8,))
    target = tfl.densities.uniform(torus)
    with pytest.raises(tfl.InputError, match=r"must be a Density, got a ndarray"):
        losses.SquaredL2(np.ones(8))
    with pytest.raises(tfl.InputError, match=r"floor must be a number between 0 and 1, got 0"):
        losses.KullbackLeibler(target, floor=0)
    with pytest.raises(tfl.InputError, match=r"Hellinger: floor must be a number between 0 and 1, got True"):
        losses.Hellinger(target, floor=True)
    with pytest.raises(tfl.InputError, match=r"order and length must be numbers between 0 and 10, got order=-1"):
        losses.SobolevMMD(target, order=-1)
    model = tfl.MeasureNODE(tfl.Torus((16,)), tfl.SobolevMetric(), tfl.densities.uniform(tfl.Torus((16,))), band=3)
    with pytest.raises(tfl.InputError, match=r"Make the target on the model's torus"):
        tfl.Risk(model, losses.L2(target))
