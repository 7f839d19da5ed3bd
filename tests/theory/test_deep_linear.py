"""The deep linear kit: what is composed, conserved and least, and the saddles on the way."""

import numpy as np
import pytest
import tolerances
from scipy.linalg import expm

import torusflow as tfl
from torusflow import deep_linear
from torusflow.losses import SquaredDistance


def test_the_matrix_composed(rng):
    X = rng.standard_normal((3, 5))
    network, residual, flow = tfl.LinearNetwork(X, (4, 2)), tfl.LinearResNet(X, 3), tfl.LinearNODE(X, 3)
    W, V, w = rng.standard_normal((4, 3)), rng.standard_normal((2, 4)), rng.standard_normal((3, 3, 3))
    np.testing.assert_allclose(deep_linear.composed(network, network.control([W, V])), V @ W, rtol=tolerances.SAME)
    A, B, C = np.eye(3) + w / 3
    np.testing.assert_allclose(deep_linear.composed(residual, w), C @ B @ A, rtol=1e-12)
    a, b, c = (expm(layer / 3) for layer in w)
    np.testing.assert_allclose(deep_linear.composed(flow, w), c @ b @ a, rtol=1e-12)
    np.testing.assert_allclose(deep_linear.composed(flow, w) @ X, flow(w), rtol=1e-12)


def test_rank(rng):
    model = tfl.LinearNetwork(np.eye(4), (2, 4))
    w = model.control([rng.standard_normal((2, 4)), rng.standard_normal((4, 2))])
    assert deep_linear.rank(model, w) == 2 and deep_linear.rank(model, 0 * w) == 0
    nearly = deep_linear.balanced(tfl.LinearNetwork(np.eye(4), (4, 4)), np.diag([1.0, 0.1, 1e-4, 1e-8]))
    wide = tfl.LinearNetwork(np.eye(4), (4, 4))
    assert [deep_linear.rank(wide, nearly, tolerance) for tolerance in (0.5, 1e-3, 1e-6, 0.0)] == [1, 2, 3, 4]


@pytest.mark.parametrize("make", [lambda X: tfl.LinearNetwork(X, (4, 3, 3)), lambda X: tfl.LinearResNet(X, 3)])
def test_gradient_flow_conserves_the_differences(make, rng):
    """C24; descent with steps does not."""
    X = rng.standard_normal((3, 6))
    model = make(X)
    risk = tfl.Risk(model, SquaredDistance(rng.standard_normal((3, 6))))
    start = 0.7 * rng.standard_normal(model.space.shape)
    before, moved = deep_linear.differences(model, start), {}
    for name, method in (("flow", tfl.GradientFlow(1.0, 1e-11)), ("steps", tfl.GradientDescent(0.02))):
        end = tfl.descend(risk, start, method, 200).control
        after = deep_linear.differences(model, end)
        moved[name] = max(np.max(np.abs(a - b)) for a, b in zip(after, before, strict=True))
        assert np.linalg.norm(end - start) > 0.1
    assert moved["flow"] < 1e-8 < 1e-3 < moved["steps"]
    np.testing.assert_allclose(deep_linear.imbalance(model, start), [np.linalg.norm(b) for b in before])


def test_gradient_flow_ends_at_the_best_matrix_of_the_least_width(rng):
    """C24, with Y X^T (X X^T)^(-1/2) for inputs that are not white."""
    X = np.linalg.qr(rng.standard_normal((9, 4)))[0].T * np.array([[1.0], [1.3], [0.8], [1.1]])
    Y = np.diag([2.0, 1.5, 1.0, 0.5]) @ X + 0.1 * rng.standard_normal((4, 9))
    values, vectors = np.linalg.eigh(X @ X.T)
    whitened = np.linalg.svd(Y @ X.T @ (vectors / np.sqrt(values)) @ vectors.T, compute_uv=False)
    for width in (1, 2):
        model = tfl.LinearNetwork(X, (width, 4))
        risk = tfl.Risk(model, SquaredDistance(Y))
        least = deep_linear.best_risks(risk)
        expected = [(np.sum(Y**2) - np.sum(whitened[:k] ** 2)) / 2 for k in range(5)]
        np.testing.assert_allclose(least, expected, rtol=1e-12)
        assert risk.least == pytest.approx(least[width], rel=1e-12)
        start = 0.3 * rng.standard_normal(model.space.shape)
        run = tfl.descend(risk, start, tfl.GradientFlow(400.0, 1e-8), risk_tolerance=1e-9)
        assert run.value == pytest.approx(least[width], rel=1e-8)
        assert deep_linear.rank(model, run.control) == width


def test_balanced_controls(rng):
    model = tfl.LinearNetwork(rng.standard_normal((3, 5)), (4, 2, 5))
    matrix = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 3))
    w = deep_linear.balanced(model, matrix)
    np.testing.assert_allclose(deep_linear.composed(model, w), matrix, atol=1e-12)
    assert np.max(deep_linear.imbalance(model, w)) < 1e-12
    assert not deep_linear.balanced(model, 0 * matrix).any()


def test_saddles_and_the_way_out(rng):
    """Of two layers: at zero the Hessian has the eigenvalues +-s_i; each saddle is left to a lower best risk."""
    X = rng.standard_normal((3, 7))
    Y = rng.standard_normal((3, 7))
    risk = tfl.Risk(tfl.LinearNetwork(X, (3, 3)), SquaredDistance(Y))
    least = deep_linear.best_risks(risk)
    for count in range(3):
        w = deep_linear.saddle(risk, range(count))
        point = tfl.critical_point(risk, w)
        assert point.value == pytest.approx(least[count], rel=1e-12) and point.gradient_norm < 1e-10
        assert point.negative > 0 and "a saddle, escape at rate" in str(point)
        run = tfl.descend(risk, w + 1e-2 * point.escape, tfl.LBFGS(), 200, gradient_tolerance=1e-8)
        assert run.value <= least[count + 1] + 1e-6
    minimum = tfl.critical_point(risk, deep_linear.saddle(risk, (0, 1, 2)))
    assert minimum.negative == 0 and minimum.zero == 9 and "no way down" in str(minimum)  # the orbit W_2 A^-1, A W_1
    other = tfl.critical_point(risk, deep_linear.saddle(risk, [0, 2]))
    assert least[2] < other.value < least[1] and other.negative > 0


def test_the_origin_of_two_layers_is_a_strict_saddle_and_of_three_none():
    X, singular = np.eye(3), np.array([3.0, 2.0, 1.0])
    two, three = (tfl.Risk(tfl.LinearNetwork(X, (3,) * n), SquaredDistance(np.diag(singular))) for n in (2, 3))
    at_zero = tfl.critical_point(two, two.space.zeros())
    # <Y, V_2 V_1> has the eigenvalues +-s_i, each three times
    expected = np.sort(np.concatenate([-singular, singular] * 3))
    np.testing.assert_allclose(at_zero.eigenvalues, expected, atol=1e-8)
    flat = tfl.critical_point(three, three.space.zeros())
    assert flat.negative == 0 and flat.zero == 27 and flat.gradient_norm == 0


def test_the_hessian_is_that_of_the_inner_product(rng):
    """Along the way out the risk bends as the least eigenvalue says, with a direction of norm one."""
    model = tfl.LinearNODE(rng.standard_normal((2, 4)), 3)
    risk = tfl.Risk(model, SquaredDistance(rng.standard_normal((2, 4))))
    w = rng.standard_normal(model.space.shape)
    point = tfl.critical_point(risk, w)
    assert model.space.inner(point.escape, point.escape) == pytest.approx(1.0)
    h = 1e-3
    bend = (risk(w + h * point.escape) - 2 * risk(w) + risk(w - h * point.escape)) / h**2
    assert bend == pytest.approx(point.eigenvalues[0], rel=1e-4, abs=1e-4) and "no critical point" in str(point)


NETWORK = tfl.LinearNetwork(np.eye(3), (2, 3))
RISK = tfl.Risk(NETWORK, SquaredDistance(np.eye(3)))
W = np.ones(12)
FIELDS = tfl.Risk(
    tfl.RKHSNODE(np.eye(2), tfl.KernelField(tfl.GaussianKernel(1.0), np.eye(2)), 1), SquaredDistance(2 * np.eye(2))
)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: deep_linear.composed(tfl.ResNet(np.eye(2), 2, 3), W), "a ResNet composes no matrix. Take a Linear"),
        (lambda: deep_linear.composed(NETWORK, np.ones(3)), r"shape \(12,\)"),
        (lambda: deep_linear.rank(NETWORK, W, 1.0), r"tolerance must be a number in \[0, 1\), got 1.0"),
        (lambda: deep_linear.imbalance(tfl.LinearNODE(np.eye(2), 2), np.ones((2, 2, 2))), "Take a LinearResNet"),
        (lambda: deep_linear.balanced(NETWORK, np.eye(3)), "rank 3 does not go through a layer of width 2"),
        (lambda: deep_linear.balanced(NETWORK, np.eye(2)), r"must be finite and \(3, 3\), got \(2, 2\)"),
        (lambda: deep_linear.balanced(tfl.LinearResNet(np.eye(2), 2), np.eye(2)), "must be a LinearNetwork"),
        (lambda: deep_linear.best_risks(tfl.Risk(NETWORK, SquaredDistance(np.eye(3)), 0.1)), "without a penalty"),
        (lambda: deep_linear.saddle(RISK, [3]), r"from 0 to 2, got \[3\]"),
        (lambda: deep_linear.saddle(RISK, [0, 1, 2]), "Take one of lower rank, or a wider network"),
        (lambda: tfl.critical_point(RISK, np.ones(3)), r"shape \(12,\)"),
        (lambda: tfl.critical_point(NETWORK, W), "must be a Risk"),
        (
            lambda: tfl.critical_point(FIELDS, np.zeros((1, 2, 2))),
            "with a KernelSpan; those of this RKHSNODE have another",
        ),
    ],
)
def test_refusals(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call()
