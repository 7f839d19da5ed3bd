"""Stochastic descent: the steps are those of its batches, a pass sees every sample once, and it trains."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow import InputError

METRIC = tfl.SobolevMetric(2.0, 0.2)


def likelihood(samples, **more):
    model = tfl.SampleNODE(samples, METRIC, layers=2, band=3, substeps=2, threads=1)
    return tfl.Risk(model, tfl.losses.LogLikelihood(), **more)


def test_batches_are_averages_of_the_whole(rng):
    """Weighted by their sizes, the gradients of the batches are that of all samples."""
    risk = likelihood(rng.random((10, 2)), penalty=0.1)
    v = 0.1 * risk.space.random(rng)
    parts = [risk.part(rows).value_and_gradient(v) for rows in np.split(rng.permutation(10), [3])]
    value, gradient = risk.value_and_gradient(v)
    assert 0.3 * parts[0][0] + 0.7 * parts[1][0] == pytest.approx(value, rel=tolerances.SAME)
    mean = 0.3 * parts[0][1] + 0.7 * parts[1][1]
    np.testing.assert_allclose(mean, gradient, rtol=0, atol=tolerances.SAME * np.max(np.abs(gradient)))


def test_one_batch_of_all_samples_is_gradient_descent(rng):
    risk = likelihood(rng.random((20, 1)))
    start = risk.space.zeros()
    plain = tfl.descend(risk, start, tfl.GradientDescent(1e-3), 3)
    whole = tfl.descend(risk, start, tfl.StochasticGradientDescent(1e-3, batch=20, half_life=np.inf), 3)
    np.testing.assert_allclose(whole.history["risk"], plain.history["risk"], rtol=1e-10)


def test_orders_depend_on_seed_and_pass_alone(rng):
    risk = likelihood(rng.random((40, 1)))
    start = risk.space.zeros()
    method = tfl.StochasticGradientDescent(1e-3, batch=7, seed=5)
    once = tfl.descend(risk, start, method, 4)
    state = method.init(risk, start)
    for _ in range(4):
        state = method.update(risk, state)
    np.testing.assert_array_equal(state.control, once.control)
    assert int(state.memory["passes"]) == 4 and once.history["step"][-1] == pytest.approx(1e-3 / 1.6)
    other = tfl.descend(risk, start, tfl.StochasticGradientDescent(1e-3, batch=7, seed=6), 4)
    assert np.max(np.abs(other.control - once.control)) > 0


def test_it_trains_in_few_passes():
    samples = np.random.default_rng(2).vonmises(0.5, 2.0, 1000)[:, None] / (2 * np.pi)
    risk = likelihood(samples)
    result = tfl.descend(risk, risk.space.zeros(), tfl.StochasticGradientDescent(0.02, batch=100), 6)
    plain = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.02), 6)
    assert result.value < plain.value - 0.05 and result.value < -0.4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"step": 0}, "step must be a positive number"),
        ({"batch": 0}, "batch must be a whole number >= 1"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"half_life": 0}, "half_life must be positive"),
    ],
)
def test_bad_input(arguments, words):
    with pytest.raises(InputError, match=words):
        tfl.StochasticGradientDescent(**arguments)


def test_models_without_samples_are_refused():
    uniform = tfl.densities.uniform(tfl.Torus(16))
    risk = tfl.Risk(tfl.MeasureNODE(uniform.torus, METRIC, uniform, 2, 3), tfl.losses.SquaredL2(uniform))
    with pytest.raises(InputError, match=r"needs part\(rows\), which a MeasureNODE lacks"):
        tfl.descend(risk, risk.space.zeros(), tfl.StochasticGradientDescent(), 1)
