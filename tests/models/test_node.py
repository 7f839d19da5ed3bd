"""Networks of time-dependent fields: the limit of residual networks, orders in depth, the space of their controls."""

import numpy as np
import pytest
import reference
import tolerances

import torusflow as tfl
from torusflow import InputError
from torusflow.models.piecewise_linear import PiecewiseLinear

X = np.random.default_rng(3).standard_normal((6, 2))
NEURONS = tfl.Perceptrons(3)
ORDER = 0.1


def coefficients(s):
    """Smooth in time: rows (a, b, bias) of three neurons in the plane."""
    return np.cos(np.arange(15).reshape(3, 5) + 3 * s)


def resnet(layers):
    """(1): the network x_(l+1) = x_l + v_(l/L)(x_l)/L."""
    model = tfl.ResNet(X.T, layers, 3, bias=True)
    return model(np.stack([coefficients(layer / layers) for layer in range(layers)])).T


def fitted(error, steps):
    errors = [error(n) for n in steps]
    return reference.observed_order(1 / np.array(steps), errors), errors


def test_a_residual_network_comes_to_its_limit_with_order_one():
    """Equation (1) to equation (2), whose control here is linear on 100 layers, as near to the smooth one as 1e-5."""
    limit = tfl.NODE(X, NEURONS, 100, 2)
    exact = limit(limit.from_function(coefficients))
    order, errors = fitted(lambda layers: np.max(np.abs(resnet(layers) - exact)), [32, 64, 128])
    assert abs(order - 1) <= ORDER and errors[-1] < 0.01


@pytest.mark.parametrize("scheme, expected, worst", [("euler", 1, 0.03), ("rk3", 3, 3e-5), ("rk4", 4, 1e-6)])
def test_order_in_the_steps(scheme, expected, worst):
    """For a control that bends between layers, where steps end."""

    def output(scheme, substeps):
        model = tfl.NODE(X, NEURONS, 4, substeps, scheme)
        return model(model.from_function(coefficients))

    exact = output("rk5", 64)
    order, errors = fitted(lambda n: np.max(np.abs(output(scheme, n) - exact)), [8, 16, 32])
    assert abs(order - expected) <= ORDER and errors[0] < worst


def test_euler_is_the_residual_network_to_the_bit():
    model = tfl.NODE(X, NEURONS, 16, scheme="euler")
    np.testing.assert_array_equal(model(model.from_function(coefficients)), resnet(16))


def test_euler_makes_a_residual_network_of_features(rng):
    features = tfl.RandomFourierFeatures(2, 20)
    model, x = tfl.RKHSNODE(X, features, 5, scheme="euler"), X
    v = model.space.random(rng)
    for layer in v:
        x = x + features.values(x) @ layer.T / 5
    assert reference.relative_error(model(v), x) <= tolerances.SAME


def test_the_same_field_at_all_times_is_a_constant_one(rng):
    """An RKHSNODE of one layer, in both families' own inner products."""
    for family in (tfl.RandomFourierFeatures(2, 20), tfl.KernelField(tfl.GaussianKernel(0.8), X)):
        constant, model = tfl.RKHSNODE(X, family, 1, 6), tfl.NODE(X, family, 3, 2)
        v, p = constant.space.random(rng), rng.standard_normal(X.shape)
        w = np.repeat(v, 4, axis=0)
        assert reference.relative_error(model(w), constant(v)) <= tolerances.SAME
        assert model.space.inner(w, w) == pytest.approx(constant.space.inner(v, v), rel=1e-12)
        gradients = model.linearise(w).adjoint(p), constant.linearise(v).adjoint(p)
        assert model.space.inner(gradients[0], w) == pytest.approx(constant.space.inner(gradients[1], v), rel=1e-10)


def test_a_velocity_that_only_depends_on_time():
    """x(1) = x(0) + int a_s ds tanh(beta), which the trapezoidal rule and Runge-Kutta know exactly."""
    model = tfl.NODE(X, tfl.Perceptrons(1), 3)
    control = np.zeros((4, 1, 5))
    control[:, 0, :2], control[:, 0, 4] = [[1, 0], [2, -1], [0, 5], [3, 3]], 0.7
    integral = np.array([(1 / 2 + 2 + 0 + 3 / 2) / 3, (0 - 1 + 5 + 3 / 2) / 3])
    np.testing.assert_allclose(model(control), X + np.tanh(0.7) * integral, rtol=0, atol=1e-14)


def test_inner_products_are_integrals(rng):
    """Simpson's rule on every layer, exact for products of linear functions."""
    space = PiecewiseLinear(tfl.Euclidean((4, 2, 3), 1 / 4))
    u, w = space.random(rng), space.random(rng)
    middle = [(f[1:] + f[:-1]) / 2 for f in (u, w)]
    exact = sum(
        np.vdot(u[i], w[i]) + 4 * np.vdot(middle[0][i], middle[1][i]) + np.vdot(u[i + 1], w[i + 1]) for i in range(3)
    )
    assert space.inner(u, w) == pytest.approx(exact / 6 / 3, rel=1e-13) and space.inner(u, u) == pytest.approx(1)
    assert space.inner(space.riesz(u), w) == pytest.approx(np.vdot(u, w), rel=1e-12)


def test_it_trains():
    """By L-BFGS from random neurons, with the derivative in all of them."""
    model = tfl.NODE(X, tfl.Perceptrons(8, scale=0.5), 4, scheme="euler")
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(-X))
    start = model.initial(np.random.default_rng(0))
    assert tfl.descend(risk, start, tfl.LBFGS(), 40).value < 1e-3 * risk(start)


def test_widths_and_biases_of_layers(rng):
    """By hand, and there and back."""
    model = tfl.ResNet(X.T, 3, (4, 1, 2), "softplus", scale=0.5, bias=True)
    w, x = model.space.random(rng), X.T
    outer, inner = model.weights(w)
    assert [a.shape for a in outer] == [(2, 4), (2, 1), (2, 2)] and [b.shape for b in inner] == [(4, 3), (1, 3), (2, 3)]
    for a, b in zip(outer, inner, strict=True):
        x = x + 0.5 / 3 * a @ np.logaddexp(0, b[:, :2] @ x + b[:, 2:])
    assert reference.relative_error(model(w), x) <= tolerances.SAME
    np.testing.assert_array_equal(model.control(outer, inner), w)


def test_the_same_widths_are_one_width(rng):
    """In another layout, with the same outputs and inner products; without biases that of before."""
    several, one = tfl.ResNet(X.T, 3, (4, 4, 4)), tfl.ResNet(X.T, 3, 4)
    v, w = (several.space.random(rng) for _ in range(2))
    v_one, w_one = (one.control(*map(np.stack, several.weights(u))) for u in (v, w))
    np.testing.assert_array_equal(one(w_one), several(w))
    assert one.space.inner(v_one, w_one) == pytest.approx(several.space.inner(v, w), rel=1e-13)
    bounds = [model.derivative_bounds(u).lipschitz(0.1) for model, u in ((one, w_one), (several, w))]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-12)


@pytest.mark.parametrize("width", [4, (4, 2, 5)])
def test_how_fast_the_derivative_of_one_with_biases_changes(width, rng):
    """Never faster than the bound says."""
    model = tfl.ResNet(X.T, 3, width, bias=True)
    w, p = 0.3 * model.space.random(rng), model.output_space.random(rng)
    kappa = model.derivative_bounds(w).lipschitz(0.02)
    assert np.isfinite(kappa)
    for _ in range(20):
        dw = 0.02 * model.space.random(rng)
        change = model.linearise(w + dw).adjoint(p) - model.linearise(w - dw).adjoint(p)
        assert np.sqrt(model.space.inner(change, change)) <= kappa * 0.04


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tfl.NODE(X, 3), "NODE moves points by Perceptrons, Features, .*, got a int"),
        (lambda: tfl.NODE(X, tfl.RandomFourierFeatures(3, 5)), r"functions on R\^3, the points lie in R\^2"),
        (lambda: tfl.NODE(X, NEURONS, scheme="rk6"), "scheme must be one of 'euler', 'rk3', 'rk4', 'rk5', got 'rk6'"),
        (lambda: tfl.NODE(X, NEURONS, layers=0), "layers must be a whole number >= 1"),
        (lambda: tfl.NODE(X, NEURONS, 2)(np.zeros((2, 3, 5))), r"expected a real array of shape \(3, 3, 5\)"),
        (lambda: tfl.Perceptrons(0), "width must be a whole number"),
        (lambda: tfl.Perceptrons(3, "gelu"), "activation must be one of tanh, softplus"),
        (lambda: tfl.Perceptrons(3, scale=-1), "scale must be a positive number"),
        (lambda: tfl.ResNet(X.T, 3, (4, 4)), "or one for each of the 3 layers, got 2"),
        (lambda: tfl.ResNet(X.T, 2, (4, 0)), "each of width must be a whole number >= 1, got 0"),
        (lambda: tfl.ResNet(X.T, 2, 4, bias=1), "bias must be True or False"),
        (
            lambda: tfl.ResNet(X.T, 2, 4, inner=np.zeros((2, 4, 2)), bias=True),
            "inner fixes the B_l of layers of one w",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(InputError, match=words):
        call()
