"""Successive halving: the candidate that validates best wins, with no more iterations than its rounds."""

from dataclasses import dataclass

import numpy as np
import pytest

import torusflow as tfl
from torusflow import InputError, NumericalError


@dataclass(frozen=True)
class Shifted:
    """The squared distance of a control from a place: what validation asks for."""

    place: np.ndarray

    def __call__(self, w):
        return float(np.sum((w - self.place) ** 2))


def candidate(target, place=(1.0, 0.0)):
    """Train towards one point, validate near another."""
    model = tfl.LinearNetwork(np.eye(2), (1,))
    return tfl.Risk(model, tfl.losses.SquaredDistance(np.array([target]))), Shifted(np.array([place]).ravel())


TARGETS = [(0.0, 1.0), (0.9, 0.1), (-1.0, 0.0), (0.5, 0.5)]


def test_the_best_of_the_last_round_is_chosen():
    seen = []
    selection = tfl.select(
        [candidate(target) for target in TARGETS],
        tfl.GradientDescent(0.5),
        rounds=(2, 4),
        keep=0.5,
        callback=lambda *done: seen.append(done),
    )
    assert selection.best == 1
    np.testing.assert_array_equal(selection.iterations, [2, 6, 2, 6])
    assert [done[:2] for done in seen] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 3)]
    assert seen[-2][2] == selection.validation[1] == min(selection.validation)


def test_a_candidate_that_cannot_be_trained_loses():
    risk, validation = candidate(TARGETS[1])

    def refuses(w):
        raise NumericalError("out of range")

    selection = tfl.select([(risk, refuses), (risk, validation)], tfl.GradientDescent(0.5), rounds=(2,))
    assert selection.best == 1 and selection.validation[0] == np.inf
    with pytest.raises(NumericalError, match="none of the candidates could be trained"):
        tfl.select([(risk, refuses)], tfl.GradientDescent(0.5), rounds=(2,))


@pytest.mark.parametrize("in_callback", [False, True])
def test_an_interrupt_ends_the_selection_with_the_best_so_far(monkeypatch, in_callback):
    candidates, told, update = [candidate(target) for target in TARGETS], [], tfl.GradientDescent.update

    def interrupted(self, risk, state):
        if told and risk is candidates[1][0] and not in_callback:
            raise KeyboardInterrupt
        return update(self, risk, state)

    def callback(*arguments):
        told.append(arguments)
        if in_callback:
            raise KeyboardInterrupt

    monkeypatch.setattr(tfl.GradientDescent, "update", interrupted)
    selection = tfl.select(candidates, tfl.GradientDescent(0.5), callback=callback)
    assert selection.status.startswith("interrupted") and len(told) == 1
    assert np.isfinite(selection.validation[0])
    assert candidates[selection.best][1](selection.control) == selection.validation[selection.best]


def test_stop_ends_the_selection():
    selection = tfl.select([candidate(t) for t in TARGETS], tfl.GradientDescent(0.5), stop=lambda: "SIGTERM")
    assert selection.status == "interrupted after 0 iterations: SIGTERM"


@pytest.mark.parametrize(
    "keywords", [{"candidates": []}, {"rounds": ()}, {"keep": 0.0}, {"keep": 1.0}], ids=lambda keywords: str(keywords)
)
def test_bad_input(keywords):
    arguments = {"candidates": [candidate(TARGETS[0])], "method": tfl.GradientDescent(0.5), **keywords}
    with pytest.raises(InputError, match="at least one candidate, at least one round, and 0 < keep < 1"):
        tfl.select(**arguments)
