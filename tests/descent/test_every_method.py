"""What every method promises, checked on each, on every model."""

import dataclasses

import numpy as np
import pytest
from every_model import MODELS
from quadratics import quadratic

import torusflow as tfl
from torusflow import testing
from torusflow.testing.methods import lowers_the_risk

METHODS = {
    "GradientDescent": tfl.GradientDescent(line_search="armijo"),
    "HeavyBall": tfl.HeavyBall(line_search="armijo"),
    "Nesterov": tfl.Nesterov(line_search="armijo"),
    "BarzilaiBorwein": tfl.BarzilaiBorwein(),
    "LBFGS": tfl.LBFGS(),
    "GaussNewton": tfl.GaussNewton(products=6),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
# Fields at particles are FINUFFT's, some milliseconds each in three dimensions.
slow = ("TorusNODE T3", "SampleNODE T3")
every_model = pytest.mark.parametrize(
    "case", [pytest.param(c, id=n, marks=[pytest.mark.slow] * n.startswith(slow)) for n, c in MODELS.items()]
)


@every_method
@every_model
def test_lowers_the_risk_and_stays_a_control(case, method, rng):
    start = 0.3 * case.control(rng)
    testing.check_method(method, case.risk(rng), start, iterations=3, checks=[lowers_the_risk])


def samples():
    """A likelihood, which can be taken apart."""
    points = np.random.default_rng(0).random((30, 1))
    return tfl.Risk(tfl.SampleNODE(points, tfl.SobolevMetric(), layers=2, band=2), tfl.losses.LogLikelihood())


OTHERS = {
    "fixed steps": tfl.GradientDescent(1e-2),
    "GradientFlow": tfl.GradientFlow(final_time=0.05, times=(0.0, 0.01, 0.05)),
    "GreedyDescent": tfl.GreedyDescent(1e-2),
    "StochasticGradientDescent": tfl.StochasticGradientDescent(1e-2, batch=7),
}


@pytest.mark.parametrize("name", [*METHODS, *OTHERS])
@pytest.mark.parametrize("check", testing.method_checks())
def test_promise(check, name, rng):
    """Of `torusflow.testing`, which other packages call with their own methods."""
    if name == "StochasticGradientDescent":
        testing.check_method(OTHERS[name], samples(), iterations=2, checks=[check])
    elif name in OTHERS:
        testing.check_method(OTHERS[name], iterations=2, checks=[check])
    else:
        case = MODELS["MeasureNODE T1"]
        testing.check_method(METHODS[name], case.risk(rng), 0.1 * case.control(rng), checks=[check])


@every_method
def test_states_hold_the_risk_at_their_controls(method, rng):
    risk = MODELS["MeasureNODE T1"].risk(rng)
    state = method.init(risk, risk.space.zeros())
    for _ in range(4):
        state = method.update(risk, state)
    point = risk.at(state.control.copy())
    assert state.value == point.value
    np.testing.assert_array_equal(state.gradient, point.gradient)
    np.testing.assert_array_equal(state.output, point.output)


@every_method
@pytest.mark.parametrize("length", [1e-6, 1e6])
def test_respects_stability_whatever_the_first_step(method, length):
    """Controls longer than the solution by a little are refused; no method steps there or gives up before."""
    first = {"radius": length} if isinstance(method, tfl.GaussNewton) else {"step": length}
    method = dataclasses.replace(method, **first)
    risk = quadratic(np.linspace(1, 20, 6), limit=1.05 * np.sqrt(6))
    result = tfl.descend(risk, risk.space.zeros(), method, 400, risk_tolerance=1e-8)
    assert result.status.startswith("converged"), result.status


@every_method
def test_says_that_the_transport_stops_it(method):
    """A density that only fast fields reach, with one Runge-Kutta step a layer."""
    torus = tfl.Torus((24,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.0, 0.1), tfl.densities.uniform(torus), 2, 7, substeps=1)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 4.0)))
    result = tfl.descend(risk, model.space.zeros(), method, 200)
    assert model.courant(result.control) <= 2.83
    assert result.value < result.history["risk"][0]
    assert "stability of the transport stops the descent" in result.status and "use substeps=" in result.status


@every_method
def test_the_solution_is_a_place_to_stop(method):
    """At a control whose gradient is zero: a sentence, not a division by zero."""
    risk = quadratic([4.0])
    solution = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(1e3, 1e-13), 5, gradient_tolerance=0.0).control
    result = tfl.descend(risk, solution, method, 50)
    assert result.value < 1e-28
    assert result.status.startswith(("converged", "stalled"))


@every_method
def test_problem_files_know_it(method):
    from torusflow.config.problem import METHODS as KNOWN

    assert KNOWN[type(method).__name__] is type(method)
