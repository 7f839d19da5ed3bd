"""Armijo's rule and Wolfe's conditions: that they hold, at the edge of stability, and where values are round-off."""

import numpy as np
import pytest
from quadratics import Counted, Identity, Rosenbrock, quadratic

import torusflow as tfl
from torusflow.descent.line_search import EDGE, armijo, wolfe
from torusflow.descent.method import StalledError, State

STEPS = [1e-8, 1e-4, 1e-2, 1.0, 1e3, 1e7]


def at(risk, control):
    return State.at(risk.at(control), 0.0, 1.0)


def rosenbrock(limit=np.inf):
    return tfl.Risk(Counted(Identity(2, limit)), Rosenbrock())


def slopes(state, point):
    direction = -state.gradient
    return np.vdot(state.gradient, direction), np.vdot(point.gradient, direction)


@pytest.mark.parametrize("first", STEPS)
def test_wolfe_conditions_hold_from_any_first_step(first, rng):
    risk = rosenbrock()
    for c in [1e-4, 0.1] * 6:
        state = at(risk, rng.uniform(-2, 2, 2))
        point, t = wolfe(risk, state, -state.gradient, first, c)
        before, after = slopes(state, point)
        assert point.value <= state.value + c * t * before
        assert abs(after) <= 0.9 * abs(before)
        np.testing.assert_array_equal(point.control, state.control - t * state.gradient)


@pytest.mark.parametrize("first", STEPS)
def test_armijo_takes_the_first_halving_that_lowers_the_risk_enough(first, rng):
    risk = rosenbrock()
    for c in (0.1, 0.5):
        state = at(risk, rng.uniform(-2, 2, 2))
        point, t = armijo(risk, state, -state.gradient, first, c)
        slope = slopes(state, point)[0]
        halvings = np.log2(first / t)
        assert halvings == round(halvings) >= 0
        assert point.value <= state.value + c * t * slope
        if halvings:
            assert risk(state.control - 2 * t * state.gradient) > state.value + 2 * c * t * slope


def test_with_decrease_one_half_a_step_ends_before_the_minimum_of_a_quadratic_along_it():
    """The risk of a quadratic is least along g at t = 1/lambda: the largest step with c = 1/2; 1.8/lambda with 0.1."""
    risk = quadratic([4.0])
    state = at(risk, risk.space.zeros())
    for c, limit in ((0.5, 0.25), (0.1, 0.45)):
        assert armijo(risk, state, -state.gradient, 0.999 * limit, c)[1] == 0.999 * limit
        assert armijo(risk, state, -state.gradient, 1.001 * limit, c)[1] == 1.001 * limit / 2


def test_a_reference_above_the_risk_lets_it_rise():
    risk = quadratic([4.0])
    state = at(risk, risk.space.zeros())
    point, t = armijo(risk, state, -state.gradient, 0.6, 1e-4, reference=2 * state.value)
    assert t == 0.6 and state.value < point.value < 2 * state.value
    assert armijo(risk, state, -state.gradient, 0.6, 1e-4)[1] == 0.3


def test_wolfe_at_the_edge_of_stability_takes_a_step_close_to_it_without_searching_on():
    """Slopes are steep up to the limit of the model, so no stable step meets the curvature condition."""
    risk = quadratic([1.0], limit=0.05)
    state = at(risk, risk.space.zeros())
    longest = 0.05 / abs(risk.space.inner(state.gradient, state.gradient)) ** 0.5
    for first in (1e-3 * longest, longest, 50 * longest):
        before = risk.model.pushes
        point, t = wolfe(risk, state, -state.gradient, first)
        assert (1 - EDGE) * longest <= t <= longest
        assert point.value < state.value
        assert risk.model.pushes - before <= 16


def test_only_stable_steps_that_do_not_matter_stall_and_name_the_substeps():
    risk = quadratic([1.0, 2.0], limit=0.3)
    state = at(risk, risk.space.zeros())
    away = 0.3 * state.gradient / risk.space.inner(state.gradient, state.gradient) ** 0.5
    edge = at(risk, (1 - 1e-9) * -away)
    for search in (armijo, wolfe):
        with pytest.raises(StalledError, match=r"stability of the transport .* substeps=7"):
            search(risk, edge, -edge.gradient, 1.0)


def test_directions_that_do_not_go_down_are_refused():
    risk = quadratic([1.0])
    state = at(risk, risk.space.zeros())
    for search in (armijo, wolfe):
        with pytest.raises(StalledError, match=r"slope .* is not negative"):
            search(risk, state, state.gradient, 1.0)


@pytest.mark.parametrize("search", [armijo, wolfe])
def test_slopes_decide_where_the_values_are_round_off(search):
    """A minimum of value 1 with gradient 1e-10 left: the risk has 1e-20 to fall, which no double shows."""
    penalty = 1.0
    risk = quadratic([1.0, 3.0], penalty)
    solution = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(1e3, 1e-13), 5).control
    off = solution + 1e-10 * risk.space.random(np.random.default_rng(0))
    state = at(risk, off)
    assert risk(solution) > 0.1 and abs(state.value - risk(solution)) < 4e-16
    point, _ = search(risk, state, -state.gradient, 0.2)
    assert risk.space.inner(point.gradient, point.gradient) < 0.5 * risk.space.inner(state.gradient, state.gradient)
    for too_long in (1.0, 30.0):  # beyond 2/lambda the slopes tell that the step overshoots
        assert search(risk, state, -state.gradient, too_long)[1] < 0.5


def test_a_search_that_finds_nothing_says_so():
    class Uphill(tfl.losses.SquaredDistance):
        def gradient(self, y):
            return -super().gradient(y)

    risk = tfl.Risk(Identity(2), Uphill(np.array([1.0, 2.0])))
    state = at(risk, np.zeros(2))
    for search in (armijo, wolfe):
        with pytest.raises(StalledError, match=r"no step from 1 down to .* the gradient is wrong"):
            search(risk, state, -state.gradient, 1.0)
