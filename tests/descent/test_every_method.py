"""What every method promises, checked on each, on every model."""

import dataclasses

import numpy as np
import pytest
from every_model import MODELS
from quadratics import quadratic

import torusflow as tfl
from torusflow.descent.method import State

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
    risk = case.risk(rng)
    start = 0.3 * case.control(rng)
    result = tfl.descend(risk, start, method, 3)
    assert result.iterations == 3, result.status
    assert result.value < result.history["risk"][0]
    assert np.all(np.isfinite(result.history["risk"]))
    np.testing.assert_array_equal(risk.space.element(result.control), result.control)
    assert result.value == risk(result.control)


@every_method
def test_is_frozen_and_leaves_the_start_and_the_states_as_they_are(method, rng):
    assert dataclasses.is_dataclass(method) and hash(method) == hash(dataclasses.replace(method))
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.step = 3.0
    risk = MODELS["MeasureNODE T1"].risk(rng)
    start = 0.1 * MODELS["MeasureNODE T1"].control(rng)
    state = method.init(risk, start.copy())
    for _ in range(3):
        kept = {name: np.array(value) for name, value in state.memory.items()}
        control, gradient = state.control.copy(), state.gradient.copy()
        first, second = method.update(risk, state), method.update(risk, state)
        np.testing.assert_array_equal(first.control, second.control)  # the state is all there is
        np.testing.assert_array_equal(state.control, control)
        np.testing.assert_array_equal(state.gradient, gradient)
        for name, value in kept.items():
            np.testing.assert_array_equal(state.memory[name], value)
        state = first


@every_method
def test_goes_on_from_its_arrays_as_if_nothing_had_happened(method, rng):
    """A state rebuilt from its control, its numbers and the arrays of its memory continues the same run, to the bit."""
    risk = MODELS["MeasureNODE T1"].risk(rng)
    state = method.init(risk, risk.space.zeros())
    for _ in range(4):
        state = method.update(risk, state)
    assert all(isinstance(value, np.ndarray) for value in state.memory.values())
    memory = {name: np.array(value) for name, value in state.memory.items()}
    again = State.at(risk.at(state.control.copy()), state.step, state.next_step, state.time, memory=memory)
    for _ in range(3):
        state, again = method.update(risk, state), method.update(risk, again)
    np.testing.assert_array_equal(again.control, state.control)
    assert (again.value, again.step, again.next_step, again.time) == (
        state.value,
        state.step,
        state.next_step,
        state.time,
    )


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
def test_runs_are_stored_and_problem_files_know_it(method, rng, tmp_path):
    from torusflow.config.problem import METHODS as KNOWN

    assert KNOWN[type(method).__name__] is type(method)
    risk = MODELS["MeasureNODE T1"].risk(rng)
    tfl.descend(risk, risk.space.zeros(), method, 2, store=tmp_path / "run.h5")
    assert tfl.load(tmp_path / "run.h5").method == method
