"""The gradient of the risk is exact: every loss, every dimension, even and odd grids, far from zero."""

import numpy as np
import pytest
import reference
import tolerances
from every_loss import DENSITY_LOSSES

import torusflow as tfl
from torusflow import checks, losses

SHAPES = [(24,), (25,), (16, 18), (15, 17), (10, 9, 12)]


def make_risk(shape, make_loss, penalty=0.3):
    torus = tfl.Torus(shape, threads=2)
    initial = tfl.densities.from_function(torus, lambda *x: np.exp(0.5 * np.cos(2 * np.pi * sum(x))), normalise=True)
    target = tfl.densities.von_mises(torus, mean=0.3, concentration=1.0)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.5, 0.15), initial, layers=3, band=2, substeps=2)
    return tfl.Risk(model, make_loss(target), penalty)


def far_control(model, rng, courant=1.5):
    v = model.space.random(rng)
    return v * (courant / model.courant(v))


@pytest.mark.parametrize("make_loss", DENSITY_LOSSES.values(), ids=DENSITY_LOSSES)
@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_gradient_is_exact(shape, make_loss, rng):
    risk = make_risk(shape, make_loss)
    v = far_control(risk.model, rng)
    assert checks.adjoint(risk.model, v).error <= tolerances.ADJOINT
    outcome = checks.taylor(risk, v)
    assert abs(outcome.slope - 2) <= tolerances.TAYLOR_SLOPE
    assert outcome.derivative_error <= tolerances.FINITE_DIFFERENCE


def test_penalty_adds_half_its_weight_times_the_squared_norm(rng):
    plain, penalised = make_risk((16, 15), losses.SquaredL2, 0.0), make_risk((16, 15), losses.SquaredL2, 0.7)
    v = far_control(plain.model, rng)
    space = plain.space
    assert penalised(v) - plain(v) == pytest.approx(0.35 * space.inner(v, v), rel=tolerances.SAME)
    difference = penalised.value_and_gradient(v)[1] - plain.value_and_gradient(v)[1]
    assert reference.relative_error(difference, 0.7 * v) <= tolerances.PUSH


def test_all_ways_to_the_value_agree(rng):
    risk = make_risk((16, 15), losses.SquaredL2)
    v = far_control(risk.model, rng)
    assert risk(v) == risk.at(v).value == risk.value_and_gradient(v)[0]
    np.testing.assert_array_equal(risk.at(v).output, risk.model(v))


def test_refusals():
    risk = make_risk((16, 15), losses.SquaredL2)
    with pytest.raises(tfl.InputError, match=r"penalty must be a number >= 0, got -1"):
        tfl.Risk(risk.model, risk.loss, penalty=-1)
    with pytest.raises(tfl.InputError, match=r"first argument must be a model, got a Torus"):
        tfl.Risk(risk.model.torus, risk.loss)


def test_inputs_with_two_targets_are_said_and_allowed():
    model = tfl.LinearNODE([[1.0, 1.0, 2.0]], 2)
    with pytest.warns(UserWarning, match="2 of 3 inputs stand at the same place as another with a different target"):
        tfl.Risk(model, losses.SquaredDistance([[1.0, 2.0, 3.0]]))


@pytest.mark.parametrize("loss", [None, np.ones(3), tfl.losses.SquaredDistance], ids=["None", "array", "class"])
def test_what_is_no_loss(loss):
    with pytest.raises(tfl.InputError, match="second argument must be a loss"):
        tfl.Risk(tfl.LinearNODE(np.eye(2), 2), loss)


def test_what_a_loss_that_is_begun_lacks():
    class Begun(losses.PointLoss):
        def __call__(self, y):
            return 0.0

    for loss, words in ((Begun(np.eye(2)), "a Begun, which has no gradient"), (np.sum, "no gradient and no check")):
        with pytest.raises(tfl.InputError, match=words):
            tfl.Risk(tfl.LinearNODE(np.eye(2), 2), loss)


def test_what_is_no_model_or_method():
    risk = tfl.Risk(tfl.LinearNODE(np.eye(2), 2), tfl.losses.SquaredDistance(np.eye(2)))
    with pytest.raises(tfl.InputError, match="got the class LinearNODE itself"):
        tfl.Risk(tfl.LinearNODE, risk.loss)
    for method in (None, tfl.GradientDescent):
        with pytest.raises(tfl.InputError, match="takes a Risk and a method"):
            tfl.descend(risk, risk.space.zeros(), method)
    with pytest.raises(tfl.InputError, match="rows of unequal lengths"):
        risk.space.element([[1.0], [1.0, 2.0]])
