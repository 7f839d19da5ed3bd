"""Linear networks: reference flows, what symmetry forbids, rank, and the Polyak-Lojasiewicz bounds."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow.losses import SquaredDistance
from torusflow.theory import lojasiewicz


def flow(model, targets, start, final_time, times=(), tolerance=1e-10, **limits):
    risk = tfl.Risk(model, SquaredDistance(targets))
    return tfl.descend(risk, start, tfl.GradientFlow(final_time, tolerance, times), iterations=20000, **limits)


def test_minus_identity_from_zero_shrinks():
    """C11: F = Id/x with x - log(1 + x) = t + 1 - log 2; the loss per dimension tends to 1/2."""
    model = tfl.LinearNODE(np.eye(2), 6)
    result = flow(model, -np.eye(2), model.space.zeros(), 100.0, (1.0, 10.0, 100.0))
    for control, expected in zip(
        result.controls, (0.3871356561951446, 0.07726936230109709, 0.009526530578665593), strict=True
    ):
        np.testing.assert_allclose(model(control), expected * np.eye(2), atol=tolerances.REFERENCE_FLOW)
    assert result.value == pytest.approx((1 + 0.009526530578665593) ** 2, abs=tolerances.REFERENCE_FLOW)


@pytest.mark.parametrize(
    ("eigenvalue", "time", "expected"),
    [(np.exp(0.9j * np.pi), 5.0, -1.753924425154 + 0.971389502346j), (0.5 + 0j, 4.0, -0.557756397886 + 0j)],
)
@pytest.mark.parametrize("layers", [1, 5])
def test_normal_targets(eigenvalue, time, expected, layers):
    """C12: from zero, W stays the matrix of a complex number z(t)."""

    def matrix(z):
        return np.array([[z.real, -z.imag], [z.imag, z.real]])

    model = tfl.LinearNODE(np.eye(2), layers)
    result = flow(model, matrix(eigenvalue), model.space.zeros(), time)
    np.testing.assert_allclose(result.control, [matrix(expected)] * layers, atol=tolerances.REFERENCE_FLOW)


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0, 2.0])
def test_polyak_lojasiewicz_bounds_at_random_controls(scale, rng):
    """C13, with 64 layers."""
    X = rng.standard_normal((3, 3))
    model = tfl.LinearNODE(X, 64)
    risk = tfl.Risk(model, SquaredDistance(model(rng.standard_normal(model.space.shape))))
    bounds = lojasiewicz.bounds(model, model.space.zeros())
    for _ in range(5):
        w = scale * rng.standard_normal(model.space.shape)
        radius = np.mean([np.linalg.norm(layer, 2) for layer in w])
        assert bounds.lower(radius) <= lojasiewicz.ratio(risk, w) <= bounds.upper(radius)


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda X: tfl.LinearNODE(X, 4), lambda X: tfl.LinearResNet(X, 3)])
def test_negative_eigenvalues_of_symmetric_targets_are_never_reached(make):
    """C14: from the identity the loss stays above c^2/2, with eigenvalue -c = -0.7."""
    model = make(np.eye(2))
    result = flow(model, np.diag([2.0, -0.7]), model.space.zeros(), 200.0, tolerance=1e-8)
    assert np.all(result.history["risk"] >= 0.7**2 / 2) and result.value < 0.7**2 / 2 + 0.01


@pytest.mark.slow
def test_a_perturbed_start_reaches_minus_identity(rng):
    model = tfl.LinearNODE(np.eye(2), 6)
    start = 1e-3 * model.space.random(rng)
    result = flow(model, -np.eye(2), start, 1e6, tolerance=1e-8, risk_tolerance=1e-12)
    assert result.status.startswith("converged") and result.value <= 1e-12


@pytest.mark.slow
def test_deep_networks_reach_least_squares_from_random_starts(rng):
    X = np.linalg.qr(rng.standard_normal((20, 4)))[0].T * 2  # one scale, so that the flow is not stiff
    Y = rng.standard_normal((2, 4)) @ X + 0.3 * rng.standard_normal((2, 20))
    best = Y @ np.linalg.pinv(X) @ X
    optimum = np.sum((best - Y) ** 2) / 2
    model = tfl.LinearNetwork(X, (5, 3, 2))
    for _ in range(10):
        start = 0.5 * rng.standard_normal(model.space.shape)
        result = flow(model, Y, start, 200.0, tolerance=1e-8, gradient_tolerance=1e-5)
        assert result.value - optimum <= tolerances.OPTIMUM


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_rank_is_kept_and_its_best_map_found(rank, rng):
    """A start of rank k reaches the truncated singular value decomposition (Eckart and Young)."""
    U, _, V = np.linalg.svd(rng.standard_normal((4, 4)))
    singular = np.array([3.0, 2.0, 1.2, 0.5])
    model = tfl.LinearNetwork(np.eye(4), (4, 4))
    inside = np.zeros((4, 4))
    inside[:rank] = 0.5 * rng.standard_normal((rank, 4))
    start = model.control([inside, 0.5 * rng.standard_normal((4, 4)) * (np.arange(4) < rank)])
    result = flow(model, U * singular @ V, start, 400.0, tolerance=1e-9, gradient_tolerance=1e-6)
    reached = np.linalg.svd(model(result.control), compute_uv=False)
    np.testing.assert_allclose(reached[:rank], singular[:rank], atol=1e-5)
    assert np.all(reached[rank:] < 1e-12)
    assert result.value == pytest.approx(np.sum(singular[rank:] ** 2) / 2, abs=tolerances.OPTIMUM)


def test_controls_and_matrices(rng):
    model = tfl.LinearNetwork(rng.standard_normal((3, 5)), (4, 2))
    matrices = [rng.standard_normal((4, 3)), rng.standard_normal((2, 4))]
    w = model.control(matrices)
    np.testing.assert_array_equal(model(w), matrices[1] @ (matrices[0] @ model.X))
    with pytest.raises(tfl.InputError, match=r"have shapes \[\(4, 3\), \(2, 4\)\], got"):
        model.control(matrices[::-1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tfl.LinearNetwork(np.zeros((3, 0)), (2,)), r"with at least one of each, got \(3, 0\)"),
        (lambda: tfl.LinearNetwork(np.zeros(3), (2,)), r"X must have shape \(d, N\)"),
        (lambda: tfl.LinearNetwork([[1, np.nan]], (2,)), r"entry \[0, 1\] is nan"),
        (lambda: tfl.LinearNetwork(np.eye(2), ()), "widths must be a sequence"),
        (lambda: tfl.LinearNetwork(np.eye(2), (2, 0)), "each of widths must be a whole number >= 1, got 0"),
        (lambda: tfl.LinearNODE(np.eye(2), 0), "layers must be a whole number >= 1, got 0"),
        (lambda: tfl.LinearResNet("X", 2), "X must be an array of real numbers, got an array of <U1"),
        (lambda: tfl.LinearResNet([[1, 2], [3]], 2), "X must be an array of real numbers, got a list"),
        (lambda: tfl.LinearResNet([["1", "2"]], 2), "X must be an array of real numbers, got an array of <U1"),
        (lambda: tfl.LinearResNet(np.eye(2) + 1j, 2), "X must be an array of real numbers, got an array of complex128"),
        (lambda: tfl.LinearResNet(np.ma.masked_array(np.eye(2), np.eye(2) > 0), 2), "masked entries; fill or drop"),
        (lambda: tfl.LinearNetwork(np.eye(2), (2,)).control(None), "control takes a list of matrices"),
        (lambda: tfl.LinearNetwork(np.eye(2), (2,)).control([np.full((2, 2), "a")]), "each matrix must be an array"),
        (lambda: tfl.LinearNetwork(np.eye(2), (2,)).matrices(np.zeros(3)), r"shape \(4,\), got shape \(3,\)"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3, "swish"), "activation must be one of tanh"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3, ["tanh"]), "activation must be one of tanh"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3, scale=True), "scale must be a positive number, got True"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3, inner=[[1], [1, 2]]), "inner: the matrices B_l must be an array"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3).weights(np.zeros(3)), r"shape \(2, 2, 3, 2\)"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3, scale=0), "scale must be a positive number"),
        (lambda: tfl.ResNet(np.eye(2), 2, 3, inner=np.zeros((1, 3, 2))), r"shape \(2, 3, 2\), got shape \(1, 3, 2\)"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()


def test_shapes_that_do_not_chain():
    model = tfl.LinearNetwork(np.eye(3), (2,))
    with pytest.raises(tfl.InputError, match=r"targets have shape \(3, 3\), the model's outputs \(2, 3\)"):
        tfl.Risk(model, SquaredDistance(np.eye(3)))


def test_the_nearest_output_is_least_squares_of_the_rank_and_sign_that_can_be(rng):
    """By pseudo-inverses for the rank; for the sign of the determinant among many matrices close to the best one."""
    X, Y = rng.standard_normal((4, 9)), rng.standard_normal((3, 9))
    best = Y @ np.linalg.pinv(X) @ X
    np.testing.assert_allclose(tfl.LinearNetwork(X, (5, 3)).nearest(Y), best, atol=1e-12)
    U, values, V = np.linalg.svd(best)
    np.testing.assert_allclose(tfl.LinearNetwork(X, (2, 3)).nearest(Y), U[:, :2] * values[:2] @ V[:2], atol=1e-12)
    thin, Y = np.outer([1.0, 2.0], [1.0, -1.0, 3.0]), rng.standard_normal((2, 3))  # of rank one: any map is allowed
    np.testing.assert_allclose(tfl.LinearNODE(thin, 2).nearest(Y), Y @ np.linalg.pinv(thin) @ thin, atol=1e-12)
    X = rng.standard_normal((2, 5))
    for sign in (1, -1):
        A = np.diag([2.0, 0.5 * sign])
        nearest = tfl.LinearNODE(X, 2).nearest(A @ X)
        if sign > 0:
            np.testing.assert_allclose(nearest, A @ X, atol=1e-12)
            continue
        distance = np.linalg.norm(nearest - A @ X)
        reached = nearest @ np.linalg.pinv(X)
        assert abs(np.linalg.det(reached)) < 1e-12 and distance > 0.1
        for _ in range(300):
            other = A + 0.7 * rng.standard_normal((2, 2))
            assert np.linalg.det(other) < 0 or np.linalg.norm((other - A) @ X) >= distance
    np.testing.assert_array_equal(tfl.LinearResNet(X, 2).nearest(A @ X), tfl.LinearResNet(X, 2).reach(A @ X))


def test_ratios_and_stops_measure_from_the_least_risk(rng):
    """Regression with more inputs than dimensions: the ratio along a run stays above the constant of theory."""
    X = np.linalg.qr(rng.standard_normal((20, 3)))[0].T
    model = tfl.LinearNODE(X, 3)
    risk = tfl.Risk(model, SquaredDistance(X + 0.1 * rng.standard_normal((3, 20))))
    run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.5), 500, risk_tolerance=1e-9)
    assert risk.least > 0.05 and run.status.startswith(f"converged after {run.iterations} iterations: risk")
    assert f"<= {risk.least:.6g} + 1e-09" in run.status and 0 < run.value - risk.least <= 1e-9
    bounds = lojasiewicz.bounds(model, model.space.zeros())
    farthest = run.history["distance"].max()
    assert np.all(run.history["pl_ratio"] >= bounds.lower(farthest)) and bounds.lower(farthest) > 0.3
    assert lojasiewicz.ratio(risk, run.control) == pytest.approx(run.history["pl_ratio"][-1])


def test_the_least_risk_is_zero_where_round_off_is_all_there_is(rng):
    X = rng.standard_normal((3, 2))
    risk = tfl.Risk(tfl.LinearNetwork(X, (3,)), SquaredDistance(rng.standard_normal((3, 2))))
    assert risk.least == 0.0
