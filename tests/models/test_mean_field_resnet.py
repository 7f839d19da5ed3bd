"""The ResNet whose layers are means of units: against its formula, and as a function of measures."""

import itertools

import numpy as np
import pytest
import reference

import torusflow as tfl
from torusflow.theory import lojasiewicz

SIGMAS = {"tanh": np.tanh, "sine": np.sin, "softplus": lambda z: np.log1p(np.exp(z))}


def formula(X, w, sigma, alpha):
    """x_L, unit by unit, in complex numbers too."""
    layers, units, d = len(w), len(w[0]), len(X)
    x = X
    for layer in w:
        x = x + alpha / (layers * units) * sum(np.outer(t[:d], sigma(t[d : 2 * d] @ x + t[2 * d])) for t in layer)
    return x


@pytest.fixture
def X(rng):
    return rng.standard_normal((2, 4))


@pytest.mark.parametrize("activation", SIGMAS)
def test_value_and_gradient_are_those_of_the_formula_by_complex_steps(activation, X, rng):
    model = tfl.MeanFieldResNet(X, 3, 5, activation, alpha=1.7)
    w, targets = 2 * model.initial(rng), rng.standard_normal(X.shape)
    value, gradient = tfl.Risk(model, tfl.losses.SquaredDistance(targets)).value_and_gradient(w)
    expected = np.empty_like(w)
    for entry in np.ndindex(w.shape):
        moved = w.astype(complex)
        moved[entry] += 1e-30j
        difference = formula(X, moved, SIGMAS[activation], 1.7) - targets
        expected[entry] = (difference**2).sum().imag / 2e-30
    assert value == pytest.approx(((formula(X, w, SIGMAS[activation], 1.7) - targets) ** 2).sum() / 2, rel=1e-13)
    assert reference.relative_error(gradient, expected * 15) <= 1e-12  # in the inner product (1/(L M)) sum


def test_without_biases_it_is_the_resnet_of_the_scale_alpha_over_width(X, rng):
    model, other = tfl.MeanFieldResNet(X, 3, 5, alpha=2.0), tfl.ResNet(X, 3, 5, scale=2.0 / 5)
    w, p = model.initial(rng), rng.standard_normal(X.shape)
    w[..., -1] = 0
    matrices = np.stack([w[..., :2], w[..., 2:4]], axis=1)
    assert reference.relative_error(model(w), other(matrices)) <= 1e-14
    there, here = other.linearise(matrices).adjoint(p), model.linearise(w).adjoint(p)
    assert reference.relative_error(here[..., :2], 5 * there[:, 0]) <= 1e-13
    assert reference.relative_error(here[..., 2:4], 5 * there[:, 1]) <= 1e-13


def test_it_is_a_function_of_the_laws_of_units(X, rng):
    """Units in another order, or all of them twice, give the same output, and the same gradient at each of them."""
    model, twice = tfl.MeanFieldResNet(X, 3, 4), tfl.MeanFieldResNet(X, 3, 8)
    w, p = model.initial(rng), rng.standard_normal(X.shape)
    gradient = model.linearise(w).adjoint(p)
    order = np.array([2, 0, 3, 1])
    for other, change in ((model, lambda u: u[:, order]), (twice, lambda u: np.repeat(u, 2, axis=1))):
        at = other.linearise(change(w))
        assert reference.relative_error(at.output, model(w)) <= 1e-14
        assert reference.relative_error(at.adjoint(p), change(gradient)) <= 1e-13
        assert other.space.inner(change(w), change(gradient)) == pytest.approx(model.space.inner(w, gradient))


def test_it_stands_in_a_network(X, rng):
    """Where points come to it from elsewhere, and what comes out goes on."""
    flow = tfl.MeanFieldResNet(np.zeros((3, 1)), 2, 4)
    model = tfl.Network(X.T, [tfl.Affine(3), flow, tfl.Affine(1)])
    w = model.initial(rng)
    assert tfl.checks.adjoint(model, w).passed
    lifted, control, last = (model.space.parts(w)[k] for k in range(3))
    lifted = tfl.Network(X.T, [tfl.Affine(3)])(lifted.ravel())
    out = tfl.MeanFieldResNet(lifted.T, 2, 4)(control)
    assert reference.relative_error(model(w), tfl.Network(out.T, [tfl.Affine(1)])(last.ravel())) <= 1e-14


@pytest.mark.parametrize("layers", [1, 4])
def test_for_large_alpha_fields_are_linear_in_the_control_but_the_flow_is_not(layers, X, rng):
    """With steps divided by alpha outputs converge like 1/alpha: with one layer to the linearised ones, else not."""
    units, step = 3 * rng.standard_normal((2, layers, 8, 5))
    units = np.concatenate([units, units * [-1, -1, 1, 1, 1]], axis=1)  # then the network is the identity
    step = np.concatenate([step, step], axis=1)
    outputs = []
    for alpha in (64, 128, 256, 512):
        model = tfl.MeanFieldResNet(X, layers, 16, alpha=alpha)
        outputs.append(model(units + step / alpha))
    linear = X + model.linearise(units).tangent(step / alpha)
    changes = [np.linalg.norm(b - a) for a, b in itertools.pairwise(outputs)]
    assert changes[1:] == pytest.approx([changes[0] / 2, changes[0] / 4], rel=0.2)
    gap = np.linalg.norm(linear - outputs[-1])
    assert gap < 2 * changes[-1] if layers == 1 else gap > 10 * changes[-1]


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_the_derivative_changes_no_faster_than_the_bound(seed):
    """Most where one unit alone is moved: the bound has to grow with the width for that."""
    rng = np.random.default_rng(seed)
    layers, width, alpha = int(rng.integers(1, 3)), int(rng.integers(1, 30)), 10 ** rng.uniform(-1, 0)
    model = tfl.MeanFieldResNet(rng.standard_normal((2, 3)), layers, width, rng.choice(list(SIGMAS)), alpha)
    w, radius = model.initial(rng), 10.0 ** rng.uniform(-5, -4)
    basis = np.eye(w.size).reshape(-1, *w.shape) * np.sqrt(layers * width)

    def derivative(control):
        at = model.linearise(control)
        return np.stack([at.tangent(unit).ravel() for unit in basis], axis=1)

    moved = [w + radius * unit for unit in basis[rng.permutation(len(basis))[:8]]]
    changes = [np.linalg.norm(derivative(u) - derivative(w), 2) / radius for u in moved]
    assert 0 < max(changes) <= lojasiewicz.bounds(model, w).lipschitz(radius) < np.inf


def test_a_certified_descent_keeps_its_certificate(X, rng):
    model = tfl.MeanFieldResNet(X, 2, 40)
    start = model.initial(rng)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(model(start) + 1e-6))
    certificate = lojasiewicz.certificate(risk, start)
    run = tfl.descend(risk, start, tfl.GradientDescent(certificate.largest_step), 20)
    assert certificate.holds and certificate.check(run).passed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"alpha": 0}, "alpha must be a positive number, got 0"),
        ({"alpha": "big"}, "alpha must be a positive number, got 'big'"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
        ({"layers": 1.5}, "layers must be a whole number >= 1, got 1.5"),
        ({"activation": "swish"}, "activation must be one of tanh"),
        ({"X": np.ones(3)}, "one input per column"),
    ],
)
def test_bad_input(arguments, words):
    with pytest.raises(tfl.InputError, match=words):
        tfl.MeanFieldResNet(**{"X": np.eye(2), "layers": 2, "width": 3, **arguments})


def test_rectifiers_have_no_bounds():
    model = tfl.MeanFieldResNet(np.eye(2), 2, 3, "relu")
    with pytest.raises(tfl.InputError, match="rectifiers jumps"):
        model.derivative_bounds(model.space.zeros())
