"""Neurons in the plane and on the circle, and the outer layer behind them: formulas written out, rates, refusals."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl

METRIC = tfl.SobolevMetric(1.0, 0.1)


def circle(n=11, count=6, band=5):
    return tfl.CircleNeurons(np.arange(n)[:, None] / n, count, METRIC, band)


def kernel(x, band=5):
    modes = np.arange(-band, band + 1)
    return np.cos(2 * np.pi * np.multiply.outer(x, modes)) @ (1 / (1 + (0.2 * np.pi * modes) ** 2))


@pytest.mark.parametrize("activation", ["tanh", "softplus", "sine", "relu"])
def test_neurons_are_written_out(activation, rng):
    neurons = tfl.Neurons(rng.standard_normal((5, 3)), 4, activation)
    theta = neurons.initial(rng)
    sigma = {"tanh": np.tanh, "softplus": lambda z: np.log1p(np.exp(z)), "sine": np.sin, "relu": lambda z: z * (z > 0)}
    for i, m in ((0, 0), (4, 3), (2, 1)):
        z = neurons.inputs[i] @ theta[m, :3] + theta[m, 3]
        assert neurons(theta)[i, m] == pytest.approx(sigma[activation](z), rel=tolerances.SUM)


def test_circle_neurons_are_the_kernel(rng):
    """Moved with their places, whole turns or not, and integrated exactly at as many inputs as they have modes."""
    neurons, theta = circle(), rng.random(6)
    np.testing.assert_allclose(neurons(theta), kernel(neurons.inputs - theta), rtol=1e-12)
    np.testing.assert_allclose(neurons(theta + np.arange(-3, 3)), neurons(theta), rtol=1e-12)
    fine, coarse = (circle(n)(theta) for n in (60, 11))
    np.testing.assert_allclose(coarse.T @ coarse / 11, fine.T @ fine / 60, rtol=1e-12)


def test_the_mean_field_is_that_of_many_neurons():
    """A density given by its cell means, against its closed form: a mode of the density is one of the outputs."""
    neurons, cells = circle(), 32
    x = (np.arange(cells) + 0.5) / cells
    means = 1 + 0.5 * np.sinc(3 / cells) * np.cos(2 * np.pi * 3 * (x - 0.1))
    expected = 1 + 0.5 * np.cos(2 * np.pi * 3 * (neurons.inputs[:, 0] - 0.1)) / (1 + (0.6 * np.pi) ** 2)
    np.testing.assert_allclose(neurons.mean_field(means), expected, rtol=1e-12)
    even = circle(count=40)
    np.testing.assert_allclose(even(np.arange(40) / 40).mean(axis=1), even.mean_field(np.ones(cells)), rtol=1e-12)


def test_outer_weights_move_at_their_rate(rng):
    """The gradient in theta is that with the weights fixed, the one in the weights the ratio times as large."""
    neurons = tfl.Neurons(rng.standard_normal((5, 2)), 4)
    theta, u, y = neurons.initial(rng), rng.standard_normal(4), rng.standard_normal(5)
    parts = {}
    for ratio in (1.0, 50.0):
        model = tfl.TwoLayer(neurons, ratio)
        gradient = tfl.Risk(model, tfl.losses.OuterLayer(y, 0.1)).at(model.control(theta, u)).gradient
        parts[ratio] = model.parts(gradient)
    residual = neurons(theta) @ u / 4 - y
    np.testing.assert_allclose(parts[1.0][1][0], neurons(theta).T @ residual / 5 + 0.1 * (u - 1), rtol=1e-12)
    np.testing.assert_allclose(parts[50.0][1], 50 * parts[1.0][1], rtol=1e-12)
    np.testing.assert_array_equal(parts[50.0][0], parts[1.0][0])


def test_any_model_can_be_the_features(rng):
    """Points that have flowed, whose outer layer is found by regression."""
    x = rng.standard_normal((12, 2))
    flow = tfl.RKHSNODE(x, tfl.KernelField(tfl.GaussianKernel(1.0), x), layers=2)
    risk = tfl.Risk(flow, tfl.losses.VariableProjection(np.tanh(2 * x[:, 0] * x[:, 1]), 1e-3))
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 20)
    assert result.value < 0.2 * result.history["risk"][0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tfl.Neurons(np.ones(3), 2), r"\(N, d\), one point per row"),
        (lambda: tfl.Neurons(np.ones((3, 1)), 0), "Neurons: count must be a whole number >= 1"),
        (lambda: tfl.Neurons(np.ones((3, 1)), 2, "gelu"), "one of tanh, softplus, sine, relu, got 'gelu'"),
        (lambda: tfl.CircleNeurons(np.ones((3, 2)), 2, METRIC), r"one number a row, got an array \(3, 2\)"),
        (lambda: tfl.CircleNeurons(np.ones((3, 1)), 2, 0.1), "metric must be a SobolevMetric, got 0.1"),
        (lambda: tfl.CircleNeurons(np.ones((3, 1)), 2, METRIC, 0), "band must be a whole number >= 1"),
        (lambda: circle().mean_field(np.ones(10)), r"more than 2 band = 10, got an array \(10,\)"),
        (lambda: circle().mean_field(np.ones((3, 20))), "a row of finite numbers"),
        (lambda: tfl.TwoLayer(np.tanh), "features must be a model such as"),
        (lambda: tfl.TwoLayer(tfl.SampleNODE(np.ones((3, 1)), METRIC)), r"outputs \(N, M\), those of a SampleNODE are"),
        (lambda: tfl.TwoLayer(circle(), 0.0), "ratio must be a positive number, got 0.0"),
        (lambda: tfl.TwoLayer(circle(), outputs=0), "outputs must be a whole number >= 1"),
        (lambda: tfl.TwoLayer(circle()).control(np.ones(6), np.ones(5)), "part 1 has shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:smoothness")
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()


def test_features_that_overflow():
    neurons = tfl.Neurons(np.full((2, 1), 1e200), 1, "relu")
    with pytest.raises(tfl.NumericalError, match="features are not finite"):
        neurons(np.full((1, 2), 1e200))
