"""The likelihood of some coordinates given others."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow import checks, testing
from torusflow.errors import InputError
from torusflow.losses import NormalisedLikelihood
from torusflow.torus.density import LogDensitySpace
from torusflow.torus.log_density import NormalisedDensity

CASES = [((16, 17), (0,)), ((15, 16), (1,)), ((9, 10, 8), (0, 1)), ((8, 9, 10), (1,))]
MASS, SERIES = 1e-12, 1e-9


def smooth(torus, rng):
    """A log-density of low modes."""
    u = torus.zeros(torus.shape)
    for _ in range(4):
        k, phase = rng.integers(-1, 2, torus.dimension), rng.random()
        u += 0.2 * np.cos(2 * np.pi * (sum(n * x for n, x in zip(k, torus.points, strict=True)) + phase))
    return u


@pytest.mark.parametrize("check", testing.loss_checks())
@pytest.mark.parametrize(("shape", "given"), CASES)
def test_promise(check, shape, given, rng):
    torus = tfl.Torus(shape)
    loss = NormalisedLikelihood(rng.random((9, len(shape))), torus, rng.random(9), given)
    testing.check_loss(loss, LogDensitySpace(torus, given), rng=rng, checks=[check])


@pytest.mark.parametrize(("shape", "given"), CASES)
def test_mass_is_one_for_each_condition(shape, given, rng):
    torus = tfl.Torus(shape)
    density = NormalisedDensity(torus, smooth(torus, rng), given)
    conditions = rng.random((5, len(given)))
    for condition in conditions:
        axes = [np.arange(40) / 40] * len(shape)
        for axis, x in zip(given, condition, strict=True):
            axes[axis] = np.array([x])
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))
        assert np.mean(np.exp(density.log_density(points))) == pytest.approx(1, abs=SERIES)


@pytest.mark.parametrize(("shape", "given"), CASES)
def test_it_is_the_mean_over_the_samples(shape, given, rng):
    torus = tfl.Torus(shape)
    u, samples, weights = smooth(torus, rng), rng.random((20, len(shape))), rng.random(20)
    loss = NormalisedLikelihood(samples, torus, weights, given)
    expected = -np.average(NormalisedDensity(torus, u, given).log_density(samples), weights=weights)
    assert loss(u) == pytest.approx(expected, abs=SERIES)
    # What depends on the conditions alone is no part of it.
    shift = np.cos(2 * np.pi * torus.points[given[0]])
    assert loss(u + shift) == pytest.approx(expected, abs=SERIES)


@pytest.mark.parametrize(("shape", "given"), CASES)
def test_samples_follow_the_conditional_density(shape, given, rng):
    """Means of waves along the other axes, for the same condition each time."""
    torus, n = tfl.Torus(shape), 4000
    density = NormalisedDensity(torus, smooth(torus, rng), given)
    condition = rng.random(len(given))
    points = density.sample(n, rng, np.tile(condition, (n, 1)))
    np.testing.assert_array_equal(points[:, list(given)], np.tile(condition, (n, 1)))
    axes = [np.arange(40) / 40] * len(shape)
    for axis, x in zip(given, condition, strict=True):
        axes[axis] = np.array([x])
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))
    heights = np.exp(density.log_density(lattice))
    for axis in set(range(len(shape))) - set(given):
        for wave in (np.cos, np.sin):
            exact = np.mean(heights * wave(2 * np.pi * lattice[:, axis]))
            assert np.mean(wave(2 * np.pi * points[:, axis])) == pytest.approx(exact, abs=5 / np.sqrt(n))


def test_without_conditions_nothing_has_changed(rng):
    """Jets and gradients of a conditional density have those of log Z."""
    torus = tfl.Torus((16, 17))
    u, x = smooth(torus, rng), rng.random((4, 2))
    value, slope = NormalisedDensity(torus, u, (0,)).jet(x)
    step, density = 1e-5, NormalisedDensity(torus, u, (0,))
    for axis in range(2):
        moved = [density.log_density((x + sign * step * np.eye(2)[axis]) % 1.0) for sign in (1, -1)]
        np.testing.assert_allclose(slope[:, axis], (moved[0] - moved[1]) / (2 * step), atol=1e-7)
    np.testing.assert_allclose(value, density.log_density(x), atol=1e-12)


def test_training_and_checks(rng):
    torus, x = tfl.Torus((20, 21)), rng.random(300)
    samples = np.stack([x, (x + rng.vonmises(0, 4.0, 300) / (2 * np.pi)) % 1.0], axis=1)
    model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3.0, 0.1), layers=2, band=4, substeps=4, components=(1,))
    assert model.given == (0,) and model.output_space.given == (0,)
    risk = tfl.Risk(model, NormalisedLikelihood(samples, torus, given=(0,)), 0.01)
    result = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 15)
    assert checks.taylor(risk, result.control / 2).passed and checks.likelihood(model, result.control).passed
    exact = np.mean(4 * np.cos(2 * np.pi * (samples[:, 1] - x)) - np.log(np.i0(4.0)))
    assert exact - 0.05 < np.mean(model.log_density(result.control, samples)) < exact + 0.15


def test_bad_input(rng):
    torus = tfl.Torus((8, 9))
    samples = rng.random((9, 2))
    for given in ((2,), (0, 1), (0, 0), "x", (0.0,)):
        with pytest.raises(InputError, match="given must be different axes from 0 to 1"):
            NormalisedLikelihood(samples, torus, given=given)
    model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3.0, 0.2), layers=1, band=2, components=(1,))
    with pytest.raises(InputError, match=r"given=model\.given"):
        tfl.Risk(model, NormalisedLikelihood(samples, torus))
    with pytest.raises(InputError, match=r"take an array \(3, 1\) of conditions"):
        model.density(model.space.zeros()).sample(3, rng, np.zeros((2, 1)))
