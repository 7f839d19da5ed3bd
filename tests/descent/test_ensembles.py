"""Ensembles of starts: how many come to the optimum, when, and by which law."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.losses import SquaredDistance

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


@pytest.fixture(scope="module")
def half_turn():
    """LinearNODE from the identity to -Id."""
    return tfl.Risk(tfl.LinearNODE(np.eye(2), 4), SquaredDistance(-np.eye(2)))


def from_the_turn(risk, distances):
    starts = [np.tile(eps * TURN, (4, 1, 1)) for eps in distances]
    return tfl.ensemble(risk, starts, tfl.GradientFlow(1e6, 1e-6))


@pytest.mark.slow
def test_the_time_grows_like_one_over_the_distance(half_turn):
    """C23, whose digits are those of whole steps."""
    distances = [1e-1, 1e-2, 1e-3, 1e-4]
    found = from_the_turn(half_turn, distances)
    np.testing.assert_allclose(found.times, [69, 635, 6289, 62838], atol=1.2)
    law = found.law(distances)
    assert found.fraction == 1.0 and law.exponent == pytest.approx(-1, abs=0.02)
    assert "4 of 4 starts" in str(found) and "distance^p, p = -0.98" in str(law)


@pytest.mark.slow
def test_starts_on_the_stable_manifold_never_come(half_turn, rng):
    """Multiples of the identity stay such and can only shrink; others turn."""
    starts = [np.tile(a * np.eye(2), (4, 1, 1)) for a in (-0.5, 0.0, 0.5)] + [rng.standard_normal((4, 2, 2))]
    found = tfl.ensemble(half_turn, starts, tfl.GradientFlow(300.0, 1e-6))
    assert found.reached.tolist() == [False, False, False, True] and found.fraction == 0.25
    assert np.all(found.risks[:3] > 1.0) and found.risks[3] <= 1e-6
    low, high = found.fraction_interval
    assert low == pytest.approx(0.0456, abs=1e-4) and high == pytest.approx(0.6994, abs=1e-4)  # Wilson's, 1 of 4


def test_times_lie_between_iterates():
    """Of the risk exp(-2 t)/2 under the flow, for any steps; and at once where the start is near."""
    model = tfl.LinearNetwork(np.eye(1), (1,))
    risk = tfl.Risk(model, SquaredDistance(np.zeros((1, 1))))
    found = tfl.ensemble(risk, [np.ones(1), 1e-4 * np.ones(1)], tfl.GradientFlow(50.0, 1e-10))
    assert found.times == pytest.approx([np.log(0.5e6) / 2, 0.0], abs=1e-6)


def test_an_interrupt_keeps_what_is_done(half_turn):
    starts = [np.tile(0.1 * TURN, (4, 1, 1))] * 3
    found = tfl.ensemble(half_turn, starts, tfl.GradientFlow(1e6, 1e-6), stop=lambda: "enough")
    assert len(found.results) == 1 and np.isnan(found.times).all() and str(found).startswith("0 of 1 starts")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda risk: tfl.ensemble(risk, [], tfl.LBFGS()), "takes a list of controls to start from"),
        (lambda risk: tfl.ensemble(risk, 3, tfl.LBFGS()), "takes a list of controls to start from"),
        (lambda risk: tfl.ensemble(risk, [np.ones(3)], tfl.LBFGS()), r"shape \(4, 2, 2\)"),
        (lambda risk: tfl.ensemble(risk, [risk.space.zeros()], tfl.LBFGS(), within=0), "within must be a positive"),
        (lambda risk: tfl.ensemble(risk, [risk.space.zeros()], tfl.LBFGS(), risk_tolerance=1e-3), "say within="),
        (lambda risk: from_the_turn(risk, [0.5, 0.4]).law([0.5, 0.4]), "needs three descents.*here 2 came"),
        (lambda risk: from_the_turn(risk, [0.5]).law([0.0]), "a positive distance for each of the 1 starts"),
    ],
)
def test_refusals(call, words, half_turn):
    with pytest.raises(tfl.InputError, match=words):
        call(half_turn)
