"""Barzilai-Borwein: the step against its formula, the rates that its theory gives, and the non-monotone search."""

import itertools

import numpy as np
import pytest
from quadratics import Counted, Identity, Rosenbrock, modes, quadratic

import torusflow as tfl

# What is asked of every method on quadratics.
SOLVED = 1e-10


def states(risk, method, start, count):
    state = method.init(risk, start)
    yield state
    for _ in range(count):
        state = method.update(risk, state)
        yield state


def test_the_step_is_the_quotient_of_the_inner_products():
    risk = quadratic(np.linspace(1, 50, 6))
    path = list(states(risk, tfl.BarzilaiBorwein(0.01), risk.space.zeros(), 8))
    for before, after in itertools.pairwise(path):
        s, y = after.control - before.control, after.gradient - before.gradient
        assert after.next_step == pytest.approx(risk.space.inner(s, s) / risk.space.inner(s, y), rel=1e-9)
        assert 1 / 50 <= after.next_step <= 1  # between the inverses of the eigenvalues


def test_one_eigenvalue_takes_two_steps():
    risk = quadratic([3.0, 3.0, 3.0])
    result = tfl.descend(risk, risk.space.zeros(), tfl.BarzilaiBorwein(0.01), 2)
    assert np.max(np.abs(modes(risk, result.control))) <= 1e-14


def test_two_eigenvalues_are_solved_superlinearly():
    """Barzilai and Borwein's theorem: R-superlinear in the plane, where steepest descent needs 570 steps."""
    risk = quadratic([1.0, 50.0])
    result = tfl.descend(risk, risk.space.zeros(), tfl.BarzilaiBorwein(), 50, gradient_tolerance=1e-12)
    assert np.max(np.abs(modes(risk, result.control))) <= SOLVED
    assert result.iterations <= 12


def test_quadratics_are_solved_r_linearly_faster_than_by_steepest_descent():
    """The gradient stays below C theta^n, with theta well below (kappa - 1)/(kappa + 1) of the best fixed step."""
    kappa = 50
    risk = quadratic(np.linspace(1, kappa, 12))
    result = tfl.descend(risk, risk.space.zeros(), tfl.BarzilaiBorwein(), 400, gradient_tolerance=1e-12)
    assert np.max(np.abs(modes(risk, result.control))) <= SOLVED
    norms = result.history["gradient_norm"]
    theta = (norms[-1] / norms[0]) ** (1 / result.iterations)
    assert theta < ((kappa - 1) / (kappa + 1)) ** 4
    assert np.all(norms <= 300 * norms[0] * theta ** np.arange(len(norms)))
    assert np.any(np.diff(result.history["risk"]) > 0)  # it is not monotone, and owes its speed to that


def test_the_risk_stays_below_the_largest_of_the_last_ones():
    risk = tfl.Risk(Counted(Identity(2)), Rosenbrock())
    for memory in (1, 3, 10):
        method = tfl.BarzilaiBorwein(memory=memory)
        path = list(states(risk, method, np.array([-1.2, 1.0]), 40))
        values = [s.value for s in path]
        for i, value in enumerate(values[1:], 1):
            assert value < max(values[max(0, i - memory) : i])
            np.testing.assert_array_equal(path[i].memory["risks"], values[max(0, i + 1 - memory) : i + 1])
        assert values[-1] < 1e-2 * values[0]


def test_where_the_gradient_does_not_change_the_step_grows():
    class Slope:
        def __call__(self, y):
            return float(y[0]) + 1e9

        def gradient(self, y):
            return np.ones(1)

        def check(self, space):
            pass

    risk = tfl.Risk(Identity(1), Slope())
    steps = [s.next_step for s in states(risk, tfl.BarzilaiBorwein(0.1), np.zeros(1), 3)]
    np.testing.assert_allclose(steps, [0.1, 1e2, 1e5, 1e8])


@pytest.mark.parametrize(("keywords", "words"), [({"step": 0.0}, "step"), ({"memory": 0}, "memory must be a whole")])
def test_numbers_out_of_range_are_refused(keywords, words):
    with pytest.raises(tfl.InputError, match=words):
        tfl.BarzilaiBorwein(**keywords)
