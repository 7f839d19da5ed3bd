"""A verdict is given against the error that round-off allows: right, WRONG, or that it cannot be told."""

import numpy as np
import pytest
from every_model import MODELS

import torusflow as tfl
from torusflow import checks
from torusflow.risk import RiskAt

QUICK = {name: case for name, case in MODELS.items() if isinstance(case.model.space, tfl.hilbert.Euclidean)}
QUICK["MeasureNODE T1"] = MODELS["MeasureNODE T1"]


class Faulty(tfl.Risk):
    """A risk whose gradient somebody has spoilt."""

    def at(self, w):
        point = RiskAt(self, w)
        point.gradient = self.fault(point)
        return point


def factor(point):
    return 1.001 * point.gradient


def sign(point):
    return -point.gradient


def dropped_penalty(point):
    return point.gradient - point.risk.penalty * point.control


def one_wrong_coefficient(point):
    gradient = point.gradient.copy()
    largest = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
    gradient[largest] = gradient[largest] * 1.01
    return gradient


FAULTS = (factor, sign, dropped_penalty, one_wrong_coefficient)


def spoilt(risk, fault):
    wrong = Faulty(risk.model, risk.loss, risk.penalty)
    object.__setattr__(wrong, "fault", fault)
    return wrong


def penalised_on_the_circle():
    torus = tfl.Torus(64, threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(torus), layers=4)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)), 0.5)


@pytest.mark.parametrize("name", QUICK)
def test_faults_are_found_and_right_ones_are_not_blamed(name, rng):
    """At random controls every fault is WRONG."""
    case = QUICK[name]
    risk = case.risk(rng)
    risk = tfl.Risk(risk.model, risk.loss, 0.1)
    w = case.control(rng)
    assert checks.taylor(risk, w, directions=1).passed
    for fault in FAULTS:
        outcome = checks.taylor(spoilt(risk, fault), w, directions=1)
        assert outcome.wrong and not outcome.passed, fault
        assert "WRONG" in str(outcome)


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("iterations", [12, 80])
def test_near_an_optimum_right_ones_are_not_blamed(name, iterations, rng):
    """The closer the less can be told; a spoilt gradient is never called right where its error is above the bound."""
    case = QUICK[name]
    risk = case.risk(rng)
    with np.errstate(over="ignore"):  # a trial of the line search far out
        w = tfl.descend(risk, 0.5 * case.control(rng), tfl.LBFGS(), iterations=iterations).control
    outcome = checks.taylor(risk, w, directions=2)
    assert not outcome.wrong, outcome
    for fault in (factor, sign):
        assert not checks.taylor(spoilt(risk, fault), w, directions=2).passed


def test_after_fifty_iterations_with_a_penalty_it_cannot_be_told():
    risk = penalised_on_the_circle()
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), iterations=50)
    outcome = checks.taylor(risk, result.control)
    assert not outcome.wrong and not outcome.passed
    assert "cannot be told here" in str(outcome) and "another control" in str(outcome)
    # what it advises works
    assert checks.taylor(risk, risk.space.random(np.random.default_rng(0), norm=0.1)).passed
    # and an error that can be seen there is seen: a thousandth of the terms that cancel
    assert checks.taylor(spoilt(risk, dropped_penalty), result.control).wrong


def test_a_zero_gradient_is_right_or_wrong_or_nothing():
    torus = tfl.Torus(16, threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.von_mises(torus), layers=2)
    at_target = tfl.Risk(model, tfl.losses.SquaredL2(model.initial))
    outcome = checks.taylor(at_target, model.space.zeros())
    assert not outcome.wrong and not outcome.passed and "cannot be told" in str(outcome)
    away = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.2, 2.0)))
    assert checks.taylor(spoilt(away, lambda point: 0 * point.gradient), model.space.zeros()).wrong


def test_at_the_limit_of_stability_it_cannot_be_told_and_the_advice_works(rng):
    torus = tfl.Torus(24, threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, substeps=2)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    v = model.space.random(rng)
    v *= 2 * np.sqrt(2) * (1 - 1e-13) / model.courant(v)
    outcome = checks.taylor(risk, v)
    assert not outcome.wrong and not outcome.passed and "0.9 times" in str(outcome)
    assert checks.taylor(risk, 0.9 * v).passed


STIFF = [((32, 32), 8.0, 1.0), ((1024, 4), 3.0, 1.0), ((16, 16), 10.0, 10.0)]


@pytest.mark.parametrize("shape, smoothness, length", STIFF)
def test_a_stiff_metric_hides_neither_right_nor_wrong_adjoints(shape, smoothness, length):
    """Translations leave a uniform density as it is; their round-off was more than all else that the metric lets
    through."""
    torus = tfl.Torus(shape, threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(smoothness, length), tfl.densities.uniform(torus), layers=4)
    v = model.space.random(np.random.default_rng(0))
    v *= 1.4 / model.courant(v)
    assert checks.adjoint(model, v).error < 1e-13

    class Wrong:
        """One mode of the adjoint is off by a ten-thousandth."""

        space, output_space, __call__ = model.space, model.output_space, model.__call__

        def linearise(self, w):
            linearisation = model.linearise(w)
            right = linearisation.adjoint

            def adjoint(p):
                g = right(p)
                g[:, 0, 1, 1] *= 1 + 1e-4
                return g

            linearisation.adjoint = adjoint
            return linearisation

    assert checks.adjoint(Wrong(), v).wrong


def test_a_stiff_metric_does_not_fail_the_taylor_check():
    torus = tfl.Torus((32, 32), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(8, 1), tfl.densities.uniform(torus), layers=4)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    v = model.space.random(np.random.default_rng(0))
    v *= 1.4 / model.courant(v)
    outcome = checks.taylor(risk, v)  # some round-offs more and it could not be told
    assert not outcome.wrong and outcome.derivative_error < 1e-7
    assert checks.taylor(spoilt(risk, factor), v).wrong


def test_an_adjoint_cannot_be_told_where_the_derivative_vanishes():
    model = tfl.LinearNetwork(np.eye(3), (2, 2))
    outcome = checks.adjoint(model, model.space.zeros())
    assert not outcome.passed and not outcome.wrong and "cannot be told" in str(outcome)
