"""A validation by the model of the risk itself: the same numbers, and no more runs of the model."""

import dataclasses

import numpy as np
import pytest

import torusflow as tfl

TORUS = tfl.Torus((16, 16))


def samples(n, seed):
    return np.random.default_rng(seed).vonmises([0.5, 2.0], [30.0, 8.0], (n, 2)) / (2 * np.pi) % 1.0


def problem(substeps=2):
    model = tfl.LogDensityNODE(TORUS, tfl.SobolevMetric(2.5, 0.1), None, 2, 4, substeps)
    risk = tfl.Risk(model, tfl.losses.NormalisedLikelihood(samples(200, 0), TORUS), 1e-3)
    return risk, tfl.Risk(model, tfl.losses.NormalisedLikelihood(samples(100, 1), TORUS))


def test_the_same_as_by_a_model_of_its_own():
    risk, validation = problem(12)
    other = tfl.Risk(dataclasses.replace(risk.model), validation.loss)
    runs = [
        tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 6, validation=held_out) for held_out in (validation, other)
    ]
    np.testing.assert_array_equal(*[run.history["validation"] for run in runs])


def test_no_run_more_of_the_model(monkeypatch):
    risk, validation = problem(12)
    called = []
    monkeypatch.setattr(type(risk.model), "__call__", lambda *given: called.append(given))
    tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 3, validation=validation)
    assert not called


def test_refined_with_the_model(tmp_path):
    """A faster flow than the first substeps take is validated too, and goes on when it is resumed."""
    risk, validation = problem()
    start, store = risk.space.zeros(), tmp_path / "run.h5"
    run = tfl.descend(risk, start, tfl.LBFGS(), 16, validation=validation, patience=99, refine=True)
    assert run.history["substeps"][-1] > 2 and np.all(np.isfinite(run.history["validation"]))
    for count in (10, 16):
        again = tfl.descend(
            risk, start, tfl.LBFGS(), count, validation=validation, patience=99, refine=True, store=store, resume=True
        )
    np.testing.assert_array_equal(again.history["validation"], run.history["validation"])
    assert again.status == pytest.approx(run.status)
