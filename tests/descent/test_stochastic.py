"""Stochastic descent: the steps are those of its batches, a pass sees every sample once, and it trains."""

from dataclasses import dataclass

import h5py
import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow import InputError, testing
from torusflow.descent.batches import DRAWS

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


@pytest.mark.slow
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


@pytest.mark.slow
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
        ({"schedule": "linear"}, "schedule must be one of inverse, exponential, cosine, constant, got 'linear'"),
        ({"momentum": 1.0}, r"momentum must be a number in \[0, 1\), got 1.0"),
        ({"nesterov": True}, "nesterov=True needs momentum. Write momentum=0.9, say"),
        ({"draw": ["passes"]}, "draw must be one of passes, subsets, replacement, got"),
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


LINE = np.linspace(-1, 1, 12)[None]
FIT = tfl.Risk(tfl.LinearNetwork(LINE, (1,)), tfl.losses.SquaredDistance(np.cos(LINE)), penalty=0.1)
POINTS = tfl.RKHSNODE(LINE.T, tfl.RandomFourierFeatures(1, 4), layers=2)
FLOW = tfl.Risk(POINTS, tfl.losses.SquaredDistance(np.cos(LINE.T)), penalty=0.1)


@pytest.mark.parametrize("risk", [FIT, FLOW], ids=["columns", "rows"])
@pytest.mark.parametrize("draw", ["passes", "subsets"])
def test_a_full_batch_is_gradient_descent_to_the_last_bit(risk, draw):
    start = 0.3 * risk.space.random(np.random.default_rng(3))
    whole = tfl.StochasticGradientDescent(0.02, batch=12, schedule="constant", draw=draw)
    one, two = (tfl.descend(risk, start, method, 5) for method in (whole, tfl.GradientDescent(0.02)))
    for name in one.history.keys() - {"seconds"}:
        np.testing.assert_array_equal(one.history[name], two.history[name], err_msg=name)
    np.testing.assert_array_equal(one.control, two.control)


def test_momentum_is_that_of_the_methods_of_all_samples():
    """The heavy ball's iterates, and Nesterov's, w = y - momentum v, by their own recursion."""
    start, arguments = np.array([0.7]), {"batch": 12, "schedule": "constant", "momentum": 0.8}
    ball = tfl.descend(FIT, start, tfl.HeavyBall(0.02, 0.8), 6)
    ours = tfl.descend(FIT, start, tfl.StochasticGradientDescent(0.02, **arguments), 6)
    np.testing.assert_allclose(ours.history["risk"], ball.history["risk"], rtol=1e-12)
    ours = tfl.descend(FIT, start, tfl.StochasticGradientDescent(0.02, nesterov=True, **arguments), 6)
    w, ahead = start, start
    for _ in range(6):
        w, before = ahead - 0.02 * FIT.value_and_gradient(ahead)[1], w
        ahead = w + 0.8 * (w - before)
    np.testing.assert_allclose(ours.control, w, rtol=1e-12)


def test_batches_of_one_pass():
    """Passes see every sample once; subsets repeat none within a batch; all have the sizes asked for."""
    passes, subsets, replaced = (DRAWS[name](np.random.default_rng(1), 10, 4) for name in DRAWS)
    assert sorted(np.concatenate(passes)) == list(range(10)) and [len(rows) for rows in passes] == [4, 3, 3]
    assert [len(set(rows)) for rows in subsets] == [4, 4, 4] and np.shape(replaced) == (3, 4)
    assert len(set(np.concatenate(subsets))) < 10 and np.min(replaced) >= 0 and np.max(replaced) < 10


@dataclass(frozen=True)
class Warm:
    """Half the step for two passes."""

    passes: int = 2

    def __call__(self, passes):
        return 0.5 if passes < self.passes else 1.0


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [
        ("inverse", [0.1, 0.1 / 1.5, 0.05]),
        ("exponential", [0.1, 0.1 / np.sqrt(2), 0.05]),
        ("cosine", [0.1, 0.05 * (1 + np.sqrt(0.5)), 0.05, 0.05 * (1 - np.sqrt(0.5))]),
        ("constant", [0.1] * 3),
        (Warm(), [0.05, 0.05, 0.1]),
    ],
    ids=str,
)
def test_schedules(schedule, steps):
    method = tfl.StochasticGradientDescent(0.1, batch=6, half_life=2.0, schedule=schedule)
    result = tfl.descend(FIT, np.ones(1), method, len(steps) + (schedule == "cosine"))
    np.testing.assert_allclose(result.history["step"][1:], steps, rtol=1e-14)
    np.testing.assert_allclose(result.history["time"], np.cumsum([0.0, *(2 * step for step in steps)]), rtol=1e-14)
    assert (result.status == "the step is zero after 4 passes, as its schedule says") == (schedule == "cosine")


MORE = {"momentum": {"momentum": 0.5, "schedule": "cosine"}, "Nesterov": {"momentum": 0.5, "nesterov": True}}
MORE |= {"subsets": {"draw": "subsets"}, "replacement": {"draw": "replacement"}, "own": {"schedule": Warm()}}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_promises(more):
    """Stored and resumed to the last bit among them."""
    method = tfl.StochasticGradientDescent(0.02, batch=5, seed=2, **more)
    testing.check_method(method, FIT, np.ones(1), iterations=2, classes=[Warm])


def test_files_of_before_go_on(tmp_path):
    """What is new has defaults, and these are not written, so that such a file is one of before."""
    path, method = tmp_path / "run.h5", tfl.StochasticGradientDescent(0.02, batch=5)
    tfl.descend(FIT, np.ones(1), method, 2, store=path)
    with h5py.File(path) as file:
        stored = file["problem/method"]
        assert set(stored.attrs) == {"type", "step", "batch", "half_life", "seed"}, set(stored.attrs)
    again = tfl.descend(FIT, np.ones(1), method, 4, store=path, resume=True)
    np.testing.assert_array_equal(again.control, tfl.descend(FIT, np.ones(1), method, 4).control)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch": 13}, "batch is 13, but there are 12 samples. Take a smaller one: batch=12 is plain descent"),
        ({"batch": 3, "schedule": lambda passes: 0.0}, "the schedule gives 0.0 after 0 passes"),
    ],
)
def test_what_only_a_descent_can_refuse(arguments, words):
    with pytest.raises(InputError, match=words):
        tfl.descend(FIT, np.ones(1), tfl.StochasticGradientDescent(**arguments), 1)
    for method in (tfl.StochasticGradientDescent(batch=12), tfl.StochasticGradientDescent()):
        result = tfl.descend(FIT, np.ones(1), method, 1)
        assert result.value == tfl.descend(FIT, np.ones(1), tfl.GradientDescent(0.01), 1).value
