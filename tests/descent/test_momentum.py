"""The heavy ball and Nesterov's method: their recurrences and rates on quadratics, restarts, line searches."""

import itertools

import numpy as np
import pytest
from quadratics import Counted, Identity, Rosenbrock, modes, quadratic

import torusflow as tfl

# What is asked of every method on quadratics.
SOLVED = 1e-10
# Some hundred steps of a recurrence that contracts.
RECURRENCE = 1e-11
KAPPA = 50.0
EIGENVALUES = np.linspace(1, KAPPA, 12)
ROOT = np.sqrt(KAPPA)
# The best parameters for eigenvalues between 1 and KAPPA.
HEAVY_BALL = {"step": 4 / (ROOT + 1) ** 2, "momentum": ((ROOT - 1) / (ROOT + 1)) ** 2}
NESTEROV = {"step": 1 / KAPPA, "momentum": (ROOT - 1) / (ROOT + 1), "restart": False}


def errors(method, iterations):
    """The modes of the error at every iterate, array (iterations + 1, n)."""
    risk = quadratic(EIGENVALUES)
    state = method.init(risk, risk.space.zeros())
    kept = [modes(risk, state.control)]
    for _ in range(iterations):
        state = method.update(risk, state)
        kept.append(modes(risk, state.control))
    return np.array(kept)


def rate(errors, first, last):
    """The factor an iteration by which the largest mode falls, for a double root: |e_n| = (a + b n) factor^n."""
    sizes = np.max(np.abs(errors), axis=1)
    return ((sizes[last] / last) / (sizes[first] / first)) ** (1 / (last - first))


def test_heavy_ball_follows_its_recurrence():
    """e_(n+1) = (1 + momentum - step lambda) e_n - momentum e_(n-1), from rest."""
    got = errors(tfl.HeavyBall(**HEAVY_BALL), 60)
    step, momentum = HEAVY_BALL["step"], HEAVY_BALL["momentum"]
    expected = [np.ones(12), 1 - step * EIGENVALUES]
    for _ in range(59):
        expected.append((1 + momentum - step * EIGENVALUES) * expected[-1] - momentum * expected[-2])
    np.testing.assert_allclose(got, expected, atol=RECURRENCE)


def test_nesterov_follows_its_recurrence():
    """e_(n+1) = (1 - step lambda)((1 + momentum) e_n - momentum e_(n-1)), from rest, at the points y."""
    got = errors(tfl.Nesterov(**NESTEROV), 60)
    step, momentum = NESTEROV["step"], NESTEROV["momentum"]
    at_w = [np.ones(12), 1 - step * EIGENVALUES]
    at_y = [np.ones(12), (1 + momentum) * at_w[1] - momentum * at_w[0]]
    for _ in range(59):
        at_w.append((1 - step * EIGENVALUES) * at_y[-1])
        at_y.append((1 + momentum) * at_w[-1] - momentum * at_w[-2])
    np.testing.assert_allclose(got, at_y, atol=RECURRENCE)


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        (tfl.HeavyBall(**HEAVY_BALL), (ROOT - 1) / (ROOT + 1)),
        (tfl.Nesterov(**NESTEROV), 1 - 1 / ROOT),
        (tfl.GradientDescent(2 / (1 + KAPPA)), (KAPPA - 1) / (KAPPA + 1)),
    ],
    ids=["HeavyBall", "Nesterov", "GradientDescent"],
)
def test_the_error_falls_at_the_rate_of_the_theory(method, factor):
    got = errors(method, 120)
    if isinstance(method, tfl.GradientDescent):
        observed = (np.max(np.abs(got[-1])) / np.max(np.abs(got[60]))) ** (1 / 60)
        assert observed == pytest.approx(factor, rel=1e-6)
    else:
        assert rate(got, 60, 100) == pytest.approx(factor, rel=2e-2)


@pytest.mark.parametrize(
    ("method", "iterations"),
    [
        # n steps of rate q for 1e-10, the polynomial in n in front of the power counted in.
        (tfl.HeavyBall(**HEAVY_BALL), 130),
        (tfl.Nesterov(**NESTEROV), 190),
        (tfl.Nesterov(1 / KAPPA), 200),
        (tfl.Nesterov(line_search="armijo"), 200),
        (tfl.HeavyBall(line_search="armijo"), 250),
    ],
    ids=str,
)
def test_quadratics_are_solved(method, iterations):
    risk = quadratic(EIGENVALUES)
    result = tfl.descend(risk, risk.space.zeros(), method, iterations, gradient_tolerance=1e-11)
    assert np.max(np.abs(modes(risk, result.control))) <= SOLVED
    assert result.iterations < iterations


def test_momentum_grows_as_t_and_a_step_uphill_restarts_it():
    risk = quadratic(EIGENVALUES)
    method = tfl.Nesterov(1 / KAPPA)
    state, sizes = method.init(risk, risk.space.zeros()), []
    for _ in range(60):
        before, state = state, method.update(risk, state)
        reached = before.control - before.gradient / KAPPA
        np.testing.assert_allclose(state.memory["previous"], reached, rtol=1e-12)
        move, t = reached - before.memory["previous"], float(before.memory["t"])
        if risk.space.inner(before.gradient, move) > 0:
            assert state.memory["t"] == 1
            np.testing.assert_array_equal(state.control, state.memory["previous"])
        else:
            following = (1 + np.sqrt(1 + 4 * t**2)) / 2
            assert state.memory["t"] == pytest.approx(following)
            np.testing.assert_allclose(state.control, reached + (t - 1) / following * move, rtol=1e-11)
        sizes.append(t)
    assert 3 <= sizes.count(1.0) <= 10


def test_restarts_make_it_much_faster():
    iterations = [
        tfl.descend(risk, risk.space.zeros(), method, 2000, gradient_tolerance=1e-10).iterations
        for risk, method in ((quadratic(EIGENVALUES), tfl.Nesterov(1 / KAPPA, restart=r)) for r in (True, False))
    ]
    assert 3 * iterations[0] < iterations[1]


@pytest.mark.parametrize("method", [tfl.Nesterov(line_search="armijo"), tfl.HeavyBall(line_search="armijo")], ids=str)
def test_with_a_line_search_the_risk_never_rises(method):
    risk = tfl.Risk(Counted(Identity(2)), Rosenbrock())
    result = tfl.descend(risk, np.array([-1.2, 1.0]), method, 300)
    assert all(after <= before for before, after in itertools.pairwise(result.history["risk"]))
    assert result.value < 1e-2 * result.history["risk"][0]


def test_fixed_steps_take_one_gradient_each():
    for method in (tfl.HeavyBall(0.01), tfl.Nesterov(0.01)):
        risk = quadratic(EIGENVALUES)
        tfl.descend(risk, risk.space.zeros(), method, 7)
        assert (risk.model.pushes, risk.model.adjoints) == (8, 8)
    risk = quadratic(EIGENVALUES)
    tfl.descend(risk, risk.space.zeros(), tfl.Nesterov(0.01, line_search="armijo"), 7)
    assert risk.model.adjoints == 8


def test_momentum_that_leads_beyond_stability_is_dropped():
    """The solution lies at the edge of what is stable, so that overshooting it is refused."""
    risk = quadratic(EIGENVALUES, limit=1.001 * np.sqrt(12))
    for method in (tfl.Nesterov(line_search="armijo"), tfl.HeavyBall(line_search="armijo")):
        result = tfl.descend(risk, risk.space.zeros(), method, 400, gradient_tolerance=1e-11)
        assert result.status.startswith("converged")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tfl.HeavyBall(0.0), "HeavyBall: step must be a positive number"),
        (lambda: tfl.HeavyBall(momentum=1.0), "HeavyBall: momentum must be a number in .0, 1., got 1.0"),
        (lambda: tfl.HeavyBall(momentum=None), "HeavyBall: momentum"),
        (lambda: tfl.HeavyBall(line_search="wolfe"), "HeavyBall: line_search must be None or 'armijo', got 'wolfe'"),
        (lambda: tfl.Nesterov(momentum=-0.1), "Nesterov: momentum"),
        (lambda: tfl.Nesterov(restart="yes"), "Nesterov: restart must be True or False, got 'yes'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()
