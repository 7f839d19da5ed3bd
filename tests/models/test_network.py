"""Networks: maps one after another, derivatives by complex steps and differences, lifting, what is refused."""

import numpy as np
import pytest
import reference
import tolerances

import torusflow as tfl
from torusflow import InputError, NumericalError

X = np.random.default_rng(5).standard_normal((7, 3))
WAVES = tfl.RandomFourierFeatures(4, 9, length=1.5, seed=2)
FLOW = tfl.RKHSNODE(np.zeros((1, 4)), WAVES, layers=3, scheme="euler")


def control(model, rng, size=2.0):
    return size * model.space.random(rng)


def test_by_hand(rng):
    """B_2 (x + sum_l W_l phi(x_l)/L) + b_2 with x = B_1 x_0 + b_1, in plain NumPy."""
    model = tfl.Network(X, [tfl.Affine(4), FLOW, tfl.Affine(2)])
    w = control(model, rng)
    first, layers, last = model.space.parts(w)
    x = X @ first[:, :3].T + first[:, 3]
    for coefficients in layers:
        x = x + WAVES.values(x) @ coefficients.T / 3
    assert reference.relative_error(model(w), x @ last[:, :4].T + last[:, 4]) <= tolerances.SAME


def test_gradient_by_complex_steps(rng):
    """Of a network whose every map is analytic, written out again for complex numbers: to 1e-9 and much better."""
    model = tfl.Network(X, [tfl.Affine(4), FLOW, tfl.Affine(2)])
    labels = np.arange(7) % 2
    risk = tfl.Risk(model, tfl.losses.SoftmaxCrossEntropy(labels))
    w, size, (omega, phase) = control(model, rng), *WAVES._features.function.args[:1], WAVES._features.function.args[1:]

    def value(w):
        first, layers, last = w[:16].reshape(4, 4), w[16:124].reshape(3, 4, 9), w[124:].reshape(2, 5)
        x = X @ first[:, :3].T + first[:, 3]
        for coefficients in layers:
            x = x + size * np.cos(x @ omega.T + phase) @ coefficients.T / 3
        y = x @ last[:, :4].T + last[:, 4]
        return np.mean(np.log(np.exp(y).sum(axis=1)) - y[np.arange(7), labels])

    gradient = risk.at(w).gradient
    for _ in range(5):
        dw = model.space.random(rng)
        exact = value(w + 1e-200j * dw).imag / 1e-200
        assert model.space.inner(gradient, dw) == pytest.approx(exact, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("weights", [None, (0.5, 2.0, 7.0)])
def test_points_that_move(weights, rng):
    """The pair of the adjoint and what comes back to the points."""
    model = tfl.Network(X, [tfl.Affine(4), tfl.ResNet(np.zeros((4, 1)), 2, (3, 5), bias=True), tfl.Affine(2)], weights)
    w, dw, dx = control(model, rng), model.space.random(rng), rng.standard_normal(X.shape)
    p = model.output_space.random(rng)
    lin = model.linearise(w)
    change, (gradient, start) = lin.tangent(dw, dx), lin.transpose(p)
    assert np.vdot(p, change) == pytest.approx(model.space.inner(gradient, dw) + np.vdot(start, dx), abs=1e-14)
    h = 1e-4
    near, far = (model.starting(X + e * dx)(w + e * dw) - model.starting(X - e * dx)(w - e * dw) for e in (h, 2 * h))
    assert reference.relative_error(change, (8 * near - far) / (12 * h)) <= 1e-9


def test_a_lifted_flow_is_the_flow_of_lifted_points(rng):
    lifted = np.hstack([X, np.zeros((7, 1))])
    network, flow = tfl.Network(X, [tfl.Padding(4), FLOW]), tfl.RKHSNODE(lifted, WAVES, 3, scheme="euler")
    w, p = flow.space.random(rng), rng.standard_normal((7, 4))
    (flat,) = [network.space.join([w])]
    np.testing.assert_array_equal(network(flat), flow(w))
    np.testing.assert_array_equal(network.linearise(flat).adjoint(p), flow.linearise(w).adjoint(p).ravel())


def test_what_is_fixed_is_that_of_the_trained_one(rng):
    """The same output; gradients of what is still trained are the same."""
    maps = [tfl.Affine(4), FLOW, tfl.Affine(2)]
    model = tfl.Network(X, maps)
    w, p = control(model, rng), model.output_space.random(rng)
    parts, gradients = model.space.parts(w), model.space.parts(model.linearise(w).adjoint(p))
    for kept in range(3):
        fixed = [each if i == kept else tfl.Fixed(each, parts[i]) for i, each in enumerate(maps)]
        other = tfl.Network(X, fixed)
        np.testing.assert_array_equal(other(parts[kept].ravel()), model(w))
        np.testing.assert_array_equal(other.linearise(parts[kept].ravel()).adjoint(p), gradients[kept].ravel())


def test_weights_slow_a_map_down(rng):
    """A gradient is divided by them."""
    one, other = (tfl.Network(X, [tfl.Affine(4), tfl.Affine(2)], weights) for weights in (None, (1.0, 4.0)))
    w, p = control(one, rng), one.output_space.random(rng)
    expected, found = (model.space.parts(model.linearise(w).adjoint(p)) for model in (one, other))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-15)
    np.testing.assert_allclose(found[1], expected[1] / 4, rtol=1e-15)


def test_features_are_a_map(rng):
    """A phi(x), which a trained matrix before turns round too; many points are taken some at a time."""
    model = tfl.Network(X, [tfl.RandomFourierFeatures(3, 50), tfl.Affine(2, bias=False)])
    w = control(model, rng)
    np.testing.assert_allclose(model(w), tfl.RandomFourierFeatures(3, 50).values(X) @ w.reshape(2, 50).T, rtol=1e-13)


def test_where_training_starts():
    """Rows of B of norm near one, no bias, the flow at rest; as the model says where it does."""
    rng = np.random.default_rng(0)
    model = tfl.Network(rng.standard_normal((2, 500)), [tfl.Affine(4), FLOW, tfl.ResNet(np.zeros((4, 1)), 2, 3)])
    first, flow, last = model.space.parts(model.initial(rng))
    assert not first[:, -1].any() and np.linalg.norm(first, axis=1) == pytest.approx(1, abs=0.1)
    assert not flow.any() and last.shape == (2, 2, 3, 4) and np.std(last) == pytest.approx(1, abs=0.2)


def test_controls_go_there_and_back(rng):
    model = tfl.Network(X, [tfl.Padding(4), FLOW, tfl.Fixed(tfl.Affine(2), np.ones((2, 5))), tfl.Affine(1)])
    w = control(model, rng)
    none, flow, fixed, last = model.controls(w)
    assert none is None and fixed is None
    np.testing.assert_array_equal(model.space.join([flow, last]), w)
    said = model.describe()
    assert said["points"] == "7 in R^3" and said["control"] == "111 numbers in 2 of 4 maps"
    assert said["maps"] == "Padding to R^4, RKHSNODE to R^4, Fixed to R^2, Affine to R^1"


@pytest.mark.parametrize(
    "maps, words",
    [
        (
            [FLOW],
            r"map 0 of a Network: this RKHSNODE moves points in R\^4, but points in R\^3 come to it\. Make it with",
        ),
        ([tfl.Affine(5), tfl.Padding(4)], r"map 1 of a Network: Padding\(4\) adds coordinates, but points in R\^5"),
        ([tfl.RandomFourierFeatures(2, 5), tfl.Affine(1)], r"map 0 .* functions on R\^2, the points lie in R\^3"),
        ([tfl.Padding(4)], "needs a map that is trained: a flow, or"),
        ([], "needs a map that is trained"),
        (tfl.Affine(3), "maps must be a list"),
        ([tfl.Affine], "a network is made of tfl.Affine, tfl.Padding"),
        ([np.eye(3)], "a network is made of"),
        (
            [tfl.Fixed(tfl.Affine(2), np.eye(2)), tfl.Affine(2)],
            r"the control of a Fixed Affine: .* shape \(2, 4\), got",
        ),
        ([tfl.Fixed(tfl.Padding(4), 0.0), FLOW], "map 0 of a Network: a Padding has nothing to train: leave Fixed out"),
    ],
)
def test_maps_that_do_not_fit(maps, words):
    with pytest.raises(InputError, match=words):
        tfl.Network(X, maps)


def test_other_bad_input():
    for call, words in (
        (lambda: tfl.Affine(0), "width must be a whole number"),
        (lambda: tfl.Affine(2, bias="no"), "bias must be True or False"),
        (lambda: tfl.Padding(2.5), "width must be a whole number"),
        (lambda: tfl.Fixed(3, np.eye(2)), "a network is made of"),
        (lambda: tfl.Network(X, [tfl.Affine(2)], [1.0, 2.0]), "a positive weight for each"),
        (lambda: tfl.Network(X.ravel(), [tfl.Affine(2)]), "one point per row"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    model = tfl.Network(X, [tfl.Affine(4), tfl.Affine(2)])
    with (
        np.errstate(over="ignore"),
        pytest.raises(NumericalError, match="map 0 of a Network gives points that are not"),
    ):
        model(np.full(model.space.shape, 1e308))
