"""Variable projection: least over the outer weights, its derivative exact, by formulas that share no code with it."""

import numpy as np
import pytest
import tolerances
from scipy.optimize import minimize

import torusflow as tfl
from torusflow import losses, testing
from torusflow.hilbert import Euclidean
from torusflow.losses.regularisers import REGULARISERS
from torusflow.testing.losses import curvature

RIDGE = 0.03
every_regulariser = pytest.mark.parametrize("regulariser", REGULARISERS)
# Complex steps have no truncation error; what is left is the round-off of one solution with a condition number of 1e2.
GRADIENT = 1e-11
# SciPy's minimum, of a function whose values are exact to round-off, in the place of the weights.
MINIMUM = 1e-6


def written_out(theta, inputs, y, regulariser):
    """The reduced risk of tanh neurons, by ridge regression on the M x M matrix; theta may be complex."""
    phi = np.tanh(inputs @ theta[:, :-1].T + theta[:, -1])
    n, count = phi.shape
    shift = 1.0 if regulariser == "unbiased" else 0.0
    gap = y - shift * phi.mean(axis=1)
    u = shift + np.linalg.solve(phi.T @ phi / (n * count) + RIDGE * np.eye(count), phi.T @ gap / n)
    residual = y - phi @ u / count
    return residual @ residual / (2 * n) + RIDGE / 2 * np.mean((u - shift) ** 2)


def network(rng, n=9, count=6):
    neurons = tfl.Neurons(rng.standard_normal((n, 2)), count)
    return neurons, neurons.initial(rng), rng.standard_normal(n)


@pytest.mark.parametrize("check", [check for check in testing.loss_checks() if check is not curvature])
@pytest.mark.parametrize("regulariser", ["unbiased", "entropic"])
def test_promise(regulariser, check, rng):
    loss = losses.VariableProjection(rng.standard_normal((6, 2)), RIDGE, regulariser)
    testing.check_loss(loss, Euclidean((6, 4)), rng=rng, checks=[check])


@pytest.mark.parametrize("check", [check for check in testing.loss_checks() if check is not curvature])
def test_promise_of_the_outer_layer(check, rng):
    """Also for entropic weights, which are positive at the control that is tried."""
    neurons, theta, y = network(rng)
    model = tfl.TwoLayer(neurons, 3.0)
    output = model(model.control(theta, np.exp(0.3 * rng.standard_normal(6))))
    for regulariser in ("unbiased", "entropic") if check.__name__ == "gradient" else ("unbiased",):
        testing.check_loss(losses.OuterLayer(y, RIDGE, regulariser), model, output, rng=rng, checks=[check])


@every_regulariser
def test_the_curvature_is_exact_where_residuals_vanish(regulariser, rng):
    """And not negative elsewhere, which Gauss-Newton needs."""
    neurons, theta, y = network(rng)
    phi, model, weights = neurons(theta), tfl.TwoLayer(neurons, 3.0), np.exp(rng.standard_normal((1, 6)))
    output = model(model.control(theta, weights))
    fitted = losses.OuterLayer(losses.OuterLayer(y, RIDGE).predictions(output), RIDGE, regulariser)
    testing.check_loss(fitted, model, output, rng=rng, checks=[curvature])
    taught = losses.VariableProjection(np.mean(phi, axis=1), RIDGE, regulariser)
    if regulariser != "biased":
        testing.check_loss(taught, neurons, phi, rng=rng, checks=[curvature])
    for loss, at in ((losses.VariableProjection(y, RIDGE, regulariser), phi), (fitted, output)):
        direction = rng.standard_normal(at.shape)
        assert np.vdot(direction, loss.curvature(at, direction)) > 0


@pytest.mark.parametrize("count", [6, 14])
@pytest.mark.parametrize("regulariser", ["biased", "unbiased"])
def test_the_reduced_gradient_is_exact(regulariser, count, rng):
    """By complex steps, with fewer and with more neurons than inputs."""
    neurons, theta, y = network(rng, count=count)
    risk = tfl.Risk(neurons, losses.VariableProjection(y, RIDGE, regulariser))
    value, gradient = risk.value_and_gradient(theta)
    assert value == pytest.approx(written_out(theta, neurons.inputs, y, regulariser), rel=GRADIENT)
    for _ in range(3):
        dw = rng.standard_normal(theta.shape)
        exact = written_out(theta + 1e-30j * dw, neurons.inputs, y, regulariser).imag / 1e-30
        assert neurons.space.inner(gradient, dw) == pytest.approx(exact, rel=GRADIENT)


@every_regulariser
def test_the_weights_are_the_best(regulariser, rng):
    """SciPy finds no better ones, the loss is that of the outer layer with them, and predictions are what they make."""
    neurons, theta, y = network(rng)
    phi, loss = neurons(theta), losses.VariableProjection(y, RIDGE, regulariser)
    outer, u = losses.OuterLayer(y, RIDGE, regulariser), loss.weights(phi)
    bounds = [(1e-9, None)] * 6 if regulariser == "entropic" else None
    found = minimize(
        lambda v: outer(np.vstack([phi, v])),
        np.ones(6),
        jac=lambda v: outer.gradient(np.vstack([phi, v]))[len(phi) :].ravel(),
        bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-10},
        method="L-BFGS-B",
    )
    np.testing.assert_allclose(u[0], found.x, rtol=MINIMUM)
    whole = np.vstack([phi, u])
    assert loss(phi) == pytest.approx(outer(whole), rel=tolerances.SUM)
    np.testing.assert_allclose(loss.gradient(phi), outer.gradient(whole)[: len(phi)], atol=tolerances.SUM)
    assert np.abs(outer.gradient(whole)[len(phi) :]).max() <= tolerances.SUM
    np.testing.assert_allclose(loss.predictions(phi), phi @ u[0] / 6, atol=tolerances.SUM)
    np.testing.assert_allclose(outer.predictions(whole), loss.predictions(phi), atol=tolerances.SUM)


def test_the_entropic_gradient_is_exact(rng):
    """By central differences of order six; the risk is that of the test above."""
    neurons, theta, y = network(rng)
    risk = tfl.Risk(neurons, losses.VariableProjection(y, RIDGE, "entropic"))
    dw, h = rng.standard_normal(theta.shape), 2e-3
    difference = sum(
        c * (risk(theta + k * h * dw) - risk(theta - k * h * dw)) for k, c in ((1, 45), (2, -9), (3, 1))
    ) / (60 * h)
    assert neurons.space.inner(risk.at(theta).gradient, dw) == pytest.approx(difference, rel=1e-9)


def test_what_the_teacher_says_is_learnt_by_its_own_neurons(rng):
    """Without bias at any ridge, unless the regulariser pulls weights to zero."""
    neurons, theta, _ = network(rng)
    phi = neurons(theta)
    y = phi.mean(axis=1)
    for regulariser in REGULARISERS:
        values = [losses.VariableProjection(y, ridge, regulariser)(phi) for ridge in (1.0, 1e-6)]
        assert (max(values) < 1e-25) == (regulariser != "biased"), regulariser


@every_regulariser
def test_small_ridges(regulariser, rng):
    """The loss falls like the ridge where features can fit the targets, over many powers of ten."""
    phi, y = rng.random((5, 20)), 0.5 + 0.1 * rng.random(5)
    values = [losses.VariableProjection(y, ridge, regulariser)(phi) / ridge for ridge in (1e-9, 1e-11)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    assert losses.VariableProjection(np.zeros(5), RIDGE, regulariser)(phi) >= 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: losses.VariableProjection([1.0, np.nan]), r"targets must be finite: entry \[1\]"),
        (lambda: losses.VariableProjection([]), "targets are empty"),
        (lambda: losses.VariableProjection(np.ones((2, 2, 2))), r"numbers \(N,\) or rows \(N, e\), got an array"),
        (lambda: losses.VariableProjection([1.0], 0.0), "ridge must be a positive number, got 0.0"),
        (lambda: losses.OuterLayer([1.0], np.nan), "OuterLayer: ridge must be a positive number"),
        (lambda: losses.VariableProjection([1.0], regulariser="chi2"), "one of biased, unbiased, entropic, got 'chi2'"),
        (lambda: losses.VariableProjection([1.0]).check(Euclidean((2, 3))), r"features of the inputs, an array \(1, M"),
        (lambda: losses.VariableProjection([1.0])(np.ones(3)), r"got \(3,\)"),
        (
            lambda: losses.OuterLayer([1.0]).check(Euclidean((1, 3))),
            r"TwoLayer with outputs=1, .* \(2, M\), got \(1, 3",
        ),
        (lambda: losses.OuterLayer(np.ones((1, 2))).check(Euclidean((2, 3))), "features and 2 rows of weights"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()


def test_what_cannot_be_computed():
    entropic = losses.OuterLayer([1.0], regulariser="entropic")
    with pytest.raises(tfl.NumericalError, match="entropic outer weights must be above 0, the least is -1"):
        entropic(np.array([[1.0, 2.0], [3.0, -1.0]]))
    with pytest.raises(tfl.NumericalError, match="Take a larger ridge"):
        losses.VariableProjection([1.0, 2.0], 1e-30)(np.ones((2, 5)))


@pytest.mark.parametrize(
    "method",
    [tfl.GradientDescent(0.1), tfl.LBFGS(), tfl.Nesterov(0.1), tfl.GaussNewton(), tfl.GradientFlow(5.0)],
    ids=lambda method: type(method).__name__,
)
def test_methods_of_descent_take_it(method, rng):
    neurons, theta, y = network(rng)
    result = tfl.descend(tfl.Risk(neurons, losses.VariableProjection(y, RIDGE, "entropic")), theta, method, 5)
    assert result.value < 0.999 * result.history["risk"][0] and result.error is None


def test_a_minimum_over_weights_has_no_parts(rng):
    neurons, theta, y = network(rng)
    with pytest.raises(tfl.InputError, match="a risk on some of the samples needs part"):
        tfl.descend(
            tfl.Risk(neurons, losses.VariableProjection(y)), theta, tfl.StochasticGradientDescent(0.1, batch=3), 1
        )


def test_files_commands_and_pictures(call, tmp_path, rng):
    """A picture has one point a target, though outputs are features."""
    neurons, theta, y = network(rng)
    tfl.descend(tfl.Risk(neurons, losses.VariableProjection(y)), theta, tfl.LBFGS(), 2, store="run.h5")
    assert "loss       VariableProjection" in call("info", "run.h5").output
    panel = next(axes for axes in tfl.plotting.plot_run(tfl.load("run.h5")).axes if axes.collections)
    assert len(panel.collections[0].get_offsets()) == len(y)
