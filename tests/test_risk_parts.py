"""A risk on some of its samples is an unbiased estimate of it, whatever the model, and the penalty stays whole."""

from itertools import combinations

import numpy as np
import pytest
import tolerances
from every_model import MODELS

import torusflow as tfl
from torusflow import InputError, losses
from torusflow.model import sample_axis

ON_SAMPLES = {n: c for n, c in MODELS.items() if hasattr(c.model, "part") and not n.endswith("T3")}
FEW = np.array([[0.0, 1.0, 2.0, 4.0]])
AIMS = np.array([[1.0, 3.0, 5.0, 8.0]])
ROWS = tfl.RKHSNODE(FEW.T, tfl.RandomFourierFeatures(1, 3), layers=2)


def wrapped(kind):
    model = MODELS["ResNet tanh"].model
    return kind(model, 0.3 * model.space.random(np.random.default_rng(1)))


MORE = {"Linearised": wrapped(tfl.Linearised), "Scaled": wrapped(lambda model, w: tfl.Scaled(model, w, 3.0))}


@pytest.mark.parametrize("model", [*(c.model for c in ON_SAMPLES.values()), *MORE.values()], ids=[*ON_SAMPLES, *MORE])
def test_parts_weighted_by_their_sizes_are_the_whole(model, rng):
    """With a sum for loss, which every part multiplies by N/B."""
    targets = model(model.space.zeros()) + 0.3 * rng.standard_normal(model.output_space.shape)
    risk = tfl.Risk(model, losses.SquaredDistance(targets), penalty=0.1)
    w = 0.2 * model.space.random(rng)
    few, many = np.split(rng.permutation(risk.samples), [2])
    value, gradient = risk.value_and_gradient(w)
    parts = [(len(rows) / risk.samples, *risk.part(rows).value_and_gradient(w)) for rows in (few, many)]
    assert sum(size * part for size, part, _ in parts) == pytest.approx(value, rel=tolerances.SAME)
    mean = sum(size * slope for size, _, slope in parts)
    np.testing.assert_allclose(mean, gradient, rtol=0, atol=1e-11 * np.max(np.abs(gradient)))


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("mean", [False, True], ids=["sum", "mean"])
def test_the_mean_over_all_batches_is_the_risk(batch, mean):
    """In closed form: half the squares 1, 4, 9, 16 of the distances at w = 1, whose sum is 15 and mean 15/4."""
    if mean:
        model, loss = tfl.SampleNODE(FEW.T / 4, tfl.SobolevMetric(), layers=1, band=1), losses.LogLikelihood()
        w, whole = np.zeros(model.space.shape), 0.0
    else:
        model, loss = tfl.LinearNetwork(FEW, (1,)), losses.SquaredDistance(AIMS)
        w, whole = np.ones(1), 15.0
    risk = tfl.Risk(model, loss)
    values = [risk.part(list(rows))(w) for rows in combinations(range(4), batch)]
    assert np.mean(values) == pytest.approx(whole, abs=1e-13) and risk(w) == pytest.approx(whole, abs=1e-13)
    if not mean:
        assert values[0] == pytest.approx(4 / batch * sum(k**2 / 2 for k in range(1, batch + 1)))


@pytest.mark.parametrize("loss", [losses.GeodesicDistance(FEW.T), losses.SquaredDistance(FEW.T)])
def test_losses_keep_their_promise(loss):
    """The check that other packages run; a sum without its factor is found."""
    from torusflow import testing
    from torusflow.testing.losses import parts_are_unbiased

    testing.check_loss(loss, ROWS, checks=[parts_are_unbiased])
    testing.check_loss(losses.WeightedSum([loss], [3.0]), ROWS, checks=[parts_are_unbiased])

    class WithoutFactor(type(loss)):
        def part(self, rows, axis=0):
            return type(loss)(np.take(self.targets, rows, axis))

    with pytest.raises(AssertionError, match="a sum becomes their sum times N/B"):
        testing.check_loss(WithoutFactor(loss.targets), ROWS, checks=[parts_are_unbiased])


def test_rows_that_stand_twice_count_twice():
    risk = tfl.Risk(tfl.LinearNetwork(FEW, (1,)), losses.SquaredDistance(AIMS))
    assert risk.part([3, 3])(np.ones(1)) == risk.part([3])(np.ones(1)) == 4 * 16 / 2
    assert risk.part(np.array([False, True, True, False]))(np.ones(1)) == risk.part(slice(1, 3))(np.ones(1)) == 13


class Halves(losses.SquaredDistance):
    """The same as a mean, whose parts have targets too."""

    def __call__(self, y):
        return super().__call__(y) / y.size

    def gradient(self, y):
        return super().gradient(y) / y.size

    def part(self, rows, axis=0):
        return Halves(np.take(self.targets, rows, axis))


def test_only_the_whole_is_warned_of():
    """Warnings are errors here."""
    with pytest.warns(UserWarning, match="2 of 3 inputs stand at the same place"):
        risk = tfl.Risk(tfl.LinearNetwork([[1.0, 1.0, 2.0]], (1,)), Halves([[1.0, 2.0, 3.0]]))
    assert risk.part([0, 1])(np.ones(1)) == 0.25 and risk.part([0, 1]).samples == 2


def test_samples_are_columns_or_rows():
    assert sample_axis(MODELS["ResNet tanh"].model) == 1 and sample_axis(ROWS) == 0
    assert MORE["Scaled"].sample_axis == 1 and tfl.Risk(ROWS, losses.SquaredDistance(FEW.T)).samples == 4


def test_bad_input():
    risk = tfl.Risk(ROWS, losses.SquaredDistance(FEW.T))
    for rows in ([4], [], 2, "all", [[0]]):
        with pytest.raises(InputError, match="rows must choose some of 4 samples by their numbers, got"):
            risk.part(rows)
    torus = tfl.Torus(16)
    cloud = tfl.Risk(tfl.TorusNODE(FEW.T / 4, tfl.SobolevMetric(), layers=1, band=1), losses.CloudMMD(FEW.T / 4, torus))
    density = tfl.densities.uniform(torus)
    measure = tfl.MeasureNODE(torus, tfl.SobolevMetric(), density, layers=1, band=1)
    for other, words in (
        (cloud, r"needs part\(rows, axis\), which a CloudMMD lacks. Use .* a sum or mean over them such as Squared"),
        (tfl.Risk(measure, losses.SquaredL2(density)), r"needs part\(rows\), which a MeasureNODE lacks"),
        (
            tfl.Linearised(measure, measure.space.zeros()),
            "samples of a Linearised need.*which a MeasureNODE",
        ),
        (tfl.Risk(ROWS, losses.WeightedSum([losses.CloudMMD(FEW.T / 4, torus)], [1.0])), "Leave that loss out"),
    ):
        with pytest.raises(InputError, match=words):
            other.part([0])
