"""Sums of losses, and every loss in run files and problem files."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow import losses
from torusflow.config import make_problem
from torusflow.losses import WeightedSum

TORUS = tfl.Torus((12, 13), threads=1)
TARGET = tfl.densities.von_mises(TORUS, 0.3, 1.0)
SAMPLES = np.random.default_rng(1).random((9, 2))


def test_a_sum_is_the_sum(rng):
    parts, weights = (losses.SquaredL2(TARGET), losses.KullbackLeibler(TARGET)), (0.5, 2.0)
    total = WeightedSum(list(parts), weights)
    rho, direction = 1 + 0.1 * rng.random(TORUS.shape), rng.standard_normal(TORUS.shape)
    assert total(rho) == pytest.approx(0.5 * parts[0](rho) + 2 * parts[1](rho), rel=1e-15)
    np.testing.assert_allclose(total.gradient(rho), 0.5 * parts[0].gradient(rho) + 2 * parts[1].gradient(rho))
    expected = 0.5 * direction + 2 * parts[1].curvature(rho, direction)
    np.testing.assert_allclose(total.curvature(rho, direction), expected)
    assert total.target is TARGET and WeightedSum([losses.CrossEntropy(SAMPLES, TORUS)], [1]).target is None


EVERY = {
    "Hellinger": lambda torus, target: losses.Hellinger(target, floor=1e-2),
    "Sinkhorn": lambda torus, target: losses.Sinkhorn(target, 0.02, floor=1e-2),
    "CrossEntropy": lambda torus, target: losses.CrossEntropy(SAMPLES, torus),
    "MMD of samples": lambda torus, target: losses.SobolevMMD(SAMPLES, 3.0, torus=torus),
    "MMD of a density": lambda torus, target: losses.SobolevMMD(target, 1.5),
    "sum": lambda torus, target: WeightedSum(
        [losses.SquaredL2(target), WeightedSum([losses.CrossEntropy(SAMPLES, torus)], [0.5]), losses.Sinkhorn(target)],
        [1, 2, 0.3],
    ),
}


@pytest.mark.parametrize("name", EVERY)
def test_a_run_with_it_comes_back(name, tmp_path):
    model = tfl.MeasureNODE(TORUS, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(TORUS), layers=3, band=3)
    risk = tfl.Risk(model, EVERY[name](TORUS, TARGET))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), 2, store=tmp_path / "run.h5")
    back = tfl.load(tmp_path / "run.h5")
    assert back.risk(back.control) == result.value  # to the last bit
    assert type(back.risk.loss) is type(risk.loss)
    if name == "sum":
        assert back.risk.loss.weights == (1.0, 2.0, 0.3) and back.risk.loss.losses[2].epsilon == 0.01
        assert back.risk.loss.losses[0].target is back.risk.loss.losses[2].target


@pytest.mark.parametrize("name", EVERY)
def test_on_another_grid_it_is_the_same_loss(name):
    """To what the finer grid resolves: target and density have few modes."""
    finer = tfl.Torus((24, 25), threads=1)
    rho = 1 + 0.3 * np.cos(2 * np.pi * TORUS.points[0])
    coarse = EVERY[name](TORUS, TARGET)
    fine = coarse.on(finer)
    fine.check(tfl.MeasureNODE(finer, tfl.SobolevMetric(), tfl.densities.uniform(finer)).output_space)
    assert fine(TORUS.resample(rho, finer)) == pytest.approx(coarse(rho), rel=0.02)


def test_on_a_coarse_grid_epsilon_is_what_it_resolves():
    coarse = losses.Sinkhorn(TARGET, 0.01, floor=1e-2).on(tfl.Torus((6, 8), threads=1))
    assert (coarse.epsilon, coarse.floor, coarse.torus.shape) == (1 / 36, 1e-2, (6, 8))


def test_a_run_on_the_circle_comes_back(tmp_path):
    torus = tfl.Torus((24,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=3, band=3)
    risk = tfl.Risk(model, losses.CircleWasserstein(tfl.densities.von_mises(torus, 0.3, 1.0)))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), 2, store=tmp_path / "run.h5")
    assert result.history["risk"][-1] < result.history["risk"][0]
    assert tfl.load(tmp_path / "run.h5").risk(result.control) == result.value


def problem(**loss):
    return make_problem({"torus": {"shape": [16, 15]}, "target": {"kind": "von_mises"}, "loss": loss}).risk.loss


def test_losses_of_problem_files():
    assert problem(kind="Sinkhorn").epsilon == 0.01 and problem(kind="Sinkhorn", epsilon=0.02).epsilon == 0.02
    assert problem(kind="Hellinger", floor=0.01).floor == 0.01
    terms = [{"kind": "SquaredL2", "weight": 0.5}, {"kind": "Sinkhorn", "epsilon": 0.02}]
    total = problem(kind="WeightedSum", terms=terms)
    assert total.weights == (0.5, 1.0) and [type(part) for part in total.losses] == [losses.SquaredL2, losses.Sinkhorn]
    assert total.losses[1].epsilon == 0.02 and terms[0] == {"kind": "SquaredL2", "weight": 0.5}
    circle = {"torus": {"shape": [16]}, "target": {"kind": "von_mises"}, "loss": {"kind": "CircleWasserstein"}}
    assert isinstance(make_problem(circle).risk.loss, losses.CircleWasserstein)


@pytest.mark.parametrize(
    ("make_loss", "words"),
    [
        (lambda: WeightedSum([], []), "at least one loss .* got 0 losses and 0 weights"),
        (lambda: WeightedSum([losses.L2(TARGET)], [1, 2]), "got 1 losses and 2 weights"),
        (lambda: WeightedSum([losses.L2(TARGET)], [-1]), "each weight must be a positive number, got -1"),
        (lambda: WeightedSum([losses.L2(TARGET)], [True]), "each weight must be a positive number, got True"),
        (lambda: WeightedSum([losses.L2], [1]), "each loss must be one of tfl.losses, got <class"),
        (lambda: WeightedSum(losses.L2(TARGET), 1), r"losses must be a list, got a L2. Write WeightedSum\(\[first"),
        (
            lambda: WeightedSum([losses.L2(TARGET)], [1]).curvature(1, 1),
            r"needs curvature\(output, direction\), which a L2 lacks",
        ),
        (lambda: problem(kind="Sinkhorn", epsilon=1e-4), r"\[loss\] Sinkhorn: epsilon=0.0001 is too small .* 15 grid"),
        (lambda: problem(kind="CircleWasserstein"), r"this torus has 2 dimensions"),
        (lambda: problem(kind="WeightedSum"), r"\[loss\] terms must be a list of tables"),
        (lambda: problem(kind="WeightedSum", terms="both"), "terms must be a list of tables"),
        (lambda: problem(kind="WeightedSum", terms=[{"weight": 1}]), r"needs a kind: one of CircleWasserstein"),
        (lambda: problem(kind="WeightedSum", terms=[{"kind": "L2", "order": 1}]), r"unknown \[term\] key 'order'"),
        (lambda: problem(kind="WeightedSum", terms=[{"kind": "L2", "weight": 0}]), "must be a positive number, got 0"),
        (
            lambda: tfl.Risk(tfl.LinearNODE(np.eye(2), 2), WeightedSum([losses.L2(TARGET)], [1])),
            "L2 compares densities .* the model gives no densities",
        ),
    ],
)
def test_refusals(make_loss, words):
    with pytest.raises(tfl.InputError, match=words):
        make_loss()
