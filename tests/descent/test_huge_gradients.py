"""Gradients and steps beyond what numbers or stability allow: a status that says so, and advice that works."""

import re

import numpy as np
import pytest

import torusflow as tfl

TORUS = tfl.Torus(32, threads=1)
TARGET = tfl.densities.von_mises(TORUS)
METHODS = [
    tfl.LBFGS(),
    tfl.GradientDescent(0.1, "armijo"),
    tfl.GradientDescent(0.1),
    tfl.GaussNewton(),
    tfl.BarzilaiBorwein(),
    tfl.Nesterov(0.1),
    tfl.HeavyBall(0.1),
    tfl.GradientFlow(1.0),
    tfl.GreedyDescent(0.1),
]


class Steep(tfl.losses.SquaredL2):
    """Half the squared distance, with a gradient that is too large by a factor."""

    factor = 1.0

    def gradient(self, rho):
        return self.factor * super().gradient(rho)


def steep_risk(factor, substeps=None):
    model = tfl.MeasureNODE(TORUS, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(TORUS), layers=2, substeps=substeps)
    loss = Steep(TARGET)
    object.__setattr__(loss, "factor", factor)
    return tfl.Risk(model, loss)


@pytest.mark.parametrize("factor", [1e100, 1e160, 1e300, 0.0])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_a_gradient_of_any_size_ends_in_a_status(method, factor):
    risk = steep_risk(factor)
    with np.errstate(over="ignore", invalid="ignore"):
        result = tfl.descend(risk, risk.space.zeros(), method, iterations=3)
    assert result.status.startswith("stalled at" if factor else "converged") or "diverged at" in result.status
    assert not re.search(r"substeps=\d{7}", result.status)  # a number that nobody can follow


def test_the_status_of_a_gradient_without_a_square_says_so():
    risk = steep_risk(1e300)
    with np.errstate(over="ignore"):
        status = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), iterations=3).status
    assert "so large that its square overflows" in status


def test_the_substeps_named_are_those_of_the_shortest_step_refused():
    """The first trial of a quasi-Newton step may be absurd; nobody needs the substeps that would make it stable."""
    torus = tfl.Torus((24, 24), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(torus), layers=4, substeps=1)
    target = tfl.densities.from_function(
        torus, lambda x, y: np.exp(6 * np.cos(2 * np.pi * x) * np.cos(2 * np.pi * y)), normalise=True
    )
    risk = tfl.Risk(model, tfl.losses.SquaredL2(target))
    status = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), iterations=60).status
    assert status.startswith("stalled") and "stability of the transport" in status
    assert int(re.search(r"use substeps=(\d+)", status)[1]) <= 4
