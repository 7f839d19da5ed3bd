"""What every model promises, checked on each."""

import numpy as np
import pytest
import reference
import tolerances
from every_model import MODELS

import torusflow as tfl
from torusflow import checks
from torusflow.hilbert import norm

every_model = pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)


@every_model
def test_is_a_model(case):
    assert isinstance(case.model, tfl.model.Model)


@every_model
def test_adjoint_identity(case, rng):
    assert checks.adjoint(case.model, case.control(rng)).error <= case.adjoint


@every_model
def test_gradient_of_the_risk(case, rng):
    outcome = checks.taylor(case.risk(rng), case.control(rng))
    assert abs(outcome.slope - 2) <= tolerances.TAYLOR_SLOPE
    assert outcome.derivative_error <= tolerances.FINITE_DIFFERENCE


@every_model
def test_tangent_is_the_derivative(case, rng):
    model, w = case.model, case.control(rng)
    dw = model.space.random(rng) * norm(model.space, w)
    h = 1e-3
    difference = (8 * (model(w + h * dw) - model(w - h * dw)) - (model(w + 2 * h * dw) - model(w - 2 * h * dw))) / (
        12 * h
    )
    assert reference.relative_error(model.linearise(w).tangent(dw), difference) <= tolerances.FINITE_DIFFERENCE


@every_model
def test_all_ways_to_the_output_agree_and_arguments_stay(case, rng):
    model, w = case.model, case.control(rng)
    before = w.copy()
    linearisation = model.linearise(w)
    np.testing.assert_array_equal(linearisation.output, model(w))
    dw, p = model.space.random(rng), model.output_space.random(rng)
    first = linearisation.tangent(dw), linearisation.adjoint(p)
    w *= 0.5  # the caller's array; the linearisation has its own
    second = linearisation.tangent(dw), linearisation.adjoint(p)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(2 * w, before)


@every_model
def test_controls_of_another_kind_are_refused(case):
    model = case.model
    with pytest.raises(tfl.InputError, match="shape"):
        model(np.zeros((2, 2, 99)))
    bad = model.space.zeros()
    bad.flat[0] = np.nan
    with pytest.raises(tfl.InputError, match="not finite"):
        model.linearise(bad)


@every_model
def test_directions_and_weights_of_another_kind_are_refused(case):
    """The tangent takes controls, the adjoint takes outputs; nothing is broadcast to them."""
    model = case.model
    linearisation = model.linearise(model.space.zeros())
    for wrong in (None, 1.0, np.zeros((2, 2, 99))):
        with pytest.raises(tfl.InputError, match="shape"):
            linearisation.tangent(wrong)
        with pytest.raises(tfl.InputError, match="shape"):
            linearisation.adjoint(wrong)
    with pytest.raises(tfl.InputError, match="finite"):
        linearisation.adjoint(np.full(model.output_space.shape, np.nan))


@pytest.mark.parametrize(
    "case", [c for n, c in MODELS.items() if n.startswith(("TorusNODE", "MeasureNODE", "RKHSNODE"))]
)
def test_trajectories_lead_from_the_start_to_the_output(case, rng):
    w = case.control(rng)
    trajectory = case.model.trajectory(w)
    assert len(trajectory) == case.model.space.shape[0] + 1
    np.testing.assert_array_equal(trajectory[-1], case.model(w))
    assert reference.relative_error(trajectory[0], case.model(case.model.space.zeros())) <= tolerances.SAME


@every_model
def test_runs_are_stored_and_come_back(case, rng, tmp_path):
    risk = case.risk(rng)
    method = tfl.GradientDescent(1e-3)
    if "given features" in next(name for name, c in MODELS.items() if c is case):
        with pytest.raises(tfl.InputError, match="a Features holds functions"):
            tfl.descend(risk, risk.space.zeros(), method, iterations=1, store=tmp_path / "run.h5")
        return
    result = tfl.descend(risk, risk.space.zeros(), method, iterations=2, store=tmp_path / "run.h5")
    back = tfl.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(back.control, result.control)
    assert back.risk(back.control) == result.value


@every_model
def test_copies_and_pickles_compute_the_same(case, rng):
    import copy
    import pickle

    w = case.control(rng)
    for twin in (copy.deepcopy(case.model), pickle.loads(pickle.dumps(case.model))):
        np.testing.assert_array_equal(twin(w), case.model(w))
