"""The checks a person runs must pass on what is right and fail on what is wrong."""

import dataclasses
import datetime
import warnings

import numpy as np
import pytest

import torusflow as tfl
from torusflow import checks


@pytest.fixture
def risk():
    torus = tfl.Torus((16, 15))
    target = tfl.densities.von_mises(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=2, band=3)
    return tfl.Risk(model, tfl.losses.SquaredL2(target))


class Tampered:
    """A model whose adjoint is wrong by a factor."""

    def __init__(self, model, factor):
        self.model, self.factor = model, factor
        self.space, self.output_space = model.space, model.output_space

    def __call__(self, w):
        return self.model(w)

    def linearise(self, w):
        right, factor = self.model.linearise(w), self.factor

        class Wrong:
            output, tangent = right.output, right.tangent

            def adjoint(self, p):
                return factor * right.adjoint(p)

        return Wrong()


def test_right_ones_pass_and_say_so(risk, rng):
    v = risk.space.random(rng, norm=0.2)
    outcomes = checks.adjoint(risk.model, v), checks.taylor(risk, v)
    assert all(outcome.passed for outcome in outcomes)
    assert "exact to round-off" in str(outcomes[0]) and "is that of the risk" in str(outcomes[1])


@pytest.mark.parametrize("factor", [-1.0, 1.001, 1 + 1e-6])
def test_wrong_adjoints_are_found(risk, rng, factor):
    v = risk.space.random(rng, norm=0.2)
    wrong = dataclasses.replace(risk, model=Tampered(risk.model, factor))
    outcome = checks.adjoint(wrong.model, v)
    assert not outcome.passed and "WRONG" in str(outcome)
    outcome = checks.taylor(wrong, v)
    assert not outcome.passed and "WRONG" in str(outcome)


def test_same_seed_same_numbers(risk):
    v = risk.space.random(np.random.default_rng(1), norm=0.2)
    assert checks.taylor(risk, v, seed=4).slope == checks.taylor(risk, v, seed=4).slope


def test_at_the_minimum_there_is_nothing_to_fit(risk):
    """With the initial density as target, v = 0 has a zero gradient; the check neither divides by it nor blames it."""
    same = dataclasses.replace(risk, loss=tfl.losses.SquaredL2(risk.model.initial))
    outcome = checks.taylor(same, same.space.zeros())
    assert not outcome.wrong and not outcome.passed and "cannot be told" in str(outcome)


class TestLikelihood:
    """A field that compresses: short steps are sound; a few long ones make another density, or fold."""

    def model(self, substeps):
        points = np.random.default_rng(1).random((40, 1))
        return tfl.SampleNODE(points, tfl.SobolevMetric(3.0, 0.2), layers=1, band=3, substeps=substeps)

    def control(self, model, a):
        return model.space.from_function(lambda s, x: (a * np.sin(2 * np.pi * x) / (2 * np.pi),))

    def test_short_steps_are_sound(self):
        model = self.model(8)
        outcome = tfl.checks.likelihood(model, self.control(model, 2.0))
        assert outcome.passed and abs(outcome.mass - 1) < 1e-5 and "sound" in str(outcome)

    def test_long_steps_are_seen(self):
        model = self.model(1)
        outcome = tfl.checks.likelihood(model, self.control(model, 2.0))
        assert not outcome.passed and abs(outcome.change) > 5e-3 and "steps are too long" in str(outcome)

    def test_a_density_that_is_not_that_of_the_flow_is_seen(self):
        """With a determinant that is not the map's the mass is not one: the trap of quadratures of div v."""

        class Wrong(tfl.SampleNODE):
            def log_density(self, v, points):
                return 1.1 * super().log_density(v, points)

        model = self.model(8)
        wrong = Wrong(model.points, model.metric, layers=1, band=3, substeps=8)
        outcome = tfl.checks.likelihood(wrong, self.control(model, 2.0))
        assert not outcome.passed and abs(outcome.mass - 1) > 1e-2


def test_near_convergence_where_round_off_rules_a_right_gradient_is_not_called_wrong():
    """After fifty iterations of L-BFGS the gradient is 1e-9, and what cancels in it is 1."""
    torus = tfl.Torus((64,))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(torus))
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)), penalty=0.5)
    control = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), iterations=50).control
    for seed in range(3):
        outcome = checks.taylor(risk, control, seed=seed)
        assert not outcome.wrong and "WRONG" not in str(outcome)


def test_a_misfit_of_round_off_has_no_tail_to_warn_of():
    """What is left of the density is rounding, which is in all modes alike."""
    torus = tfl.Torus((64,))
    wave = tfl.densities.from_function(torus, lambda x: 1 + 1e-3 * np.cos(2 * np.pi * x))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), wave, layers=4)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), iterations=40)
    assert run.value < 1e-18 and run.history["tail"][-1] < 1e-6


def test_what_has_a_resolution_but_is_no_model_is_refused():
    with pytest.raises(tfl.InputError, match="the first argument must be a SampleNODE"):
        checks.likelihood(datetime.date(2024, 2, 29), np.zeros(3))
