"""Accuracies, and risks on data that training does not see, as columns of the history."""

import dataclasses

import numpy as np
import pytest

import torusflow as tfl
from torusflow.losses import SoftmaxCrossEntropy

METHOD = tfl.GradientDescent(step=1.0)


def problem(seed=0, n=40):
    """Three clouds, some of whose points lie in another one, and a network on them."""
    rng = np.random.default_rng(seed)
    labels = np.array(["a", "b", "c"])[np.arange(n) % 3]
    x = np.array([[0, 1.5], [1.5, 0], [0, 0]])[np.arange(n) % 3] + 0.7 * rng.standard_normal((n, 2))
    flow = tfl.RKHSNODE(np.zeros((1, 2)), tfl.RandomFourierFeatures(2, 20), layers=2)
    model = tfl.Network(x, [flow, tfl.Affine(3)])
    return tfl.Risk(model, SoftmaxCrossEntropy(labels))


RISK, VALIDATION, TEST = problem(0), problem(1, 20), problem(2, 10)
START = RISK.model.initial(np.random.default_rng(3))
COLUMNS = ("accuracy", "validation", "validation_accuracy", "test", "test_accuracy")


def run(iterations=4, **options):
    recorder = tfl.Recorder(TEST, every=2, name="test")
    return tfl.descend(RISK, START, METHOD, iterations, validation=VALIDATION, record=recorder, **options)


def test_columns_are_what_losses_say():
    seen = []
    history = run(callback=lambda i, row, state: seen.append(state.control)).history
    for i, w in enumerate(seen):
        assert history["accuracy"][i] == RISK.loss.accuracy(RISK.model(w))
        assert history["validation"][i] == VALIDATION(w)
        assert history["validation_accuracy"][i] == VALIDATION.loss.accuracy(VALIDATION.model(w))
        expected = (TEST(w), TEST.loss.accuracy(TEST.model(w))) if i % 2 == 0 else (np.nan, np.nan)
        np.testing.assert_array_equal((history["test"][i], history["test_accuracy"][i]), expected)
    assert history["accuracy"][-1] > history["accuracy"][0] and set(COLUMNS) <= set(history)


def test_files_have_them_and_runs_go_on(tmp_path):
    """To the last bit; only what a recorder made is missed where that is left out."""
    path = tmp_path / "run.h5"
    run(2, store=path)
    assert set(COLUMNS) <= set(tfl.load(path).history)
    resumed, whole = run(4, store=path, resume=True), run(4)
    for name in COLUMNS:
        np.testing.assert_array_equal(resumed.history[name], whole.history[name])
    loaded = tfl.load(path)
    assert loaded.validation(loaded.control) == VALIDATION(whole.control) and loaded.risk.loss.classes == (
        "a",
        "b",
        "c",
    )
    with pytest.warns(UserWarning, match=r"the run recorded test, test_accuracy and goes on without"):
        tfl.descend(RISK, START, METHOD, 5, validation=loaded.validation, store=path, resume=True)


def test_info_and_pictures_have_them(tmp_path, call):
    run(2, store=tmp_path / "run.h5")
    row = tfl.load(tmp_path / "run.h5").history
    said = call("info", "run.h5").output
    assert f"accuracy   {row['accuracy'][-1]:.4g}, {row['validation_accuracy'][-1]:.4g} in validation" in said
    assert "20 in R^2" not in said and "40 in R^2" in said and "RKHSNODE to R^2, Affine to R^3" in said


def test_a_validation_that_is_refused_has_no_accuracy():
    """Points so far away that they leave the range of numbers: the validation is infinite, the descent goes on."""
    far = tfl.Risk(VALIDATION.model.starting(np.full((20, 2), 1e308)), VALIDATION.loss)
    with np.errstate(over="ignore", invalid="ignore"):
        history = tfl.descend(RISK, START, METHOD, 1, validation=far).history
    assert np.isinf(history["validation"][0]) and "validation_accuracy" not in history


def test_of_a_function_there_is_its_number_only():
    history = tfl.descend(RISK, START, METHOD, 1, validation=lambda w: VALIDATION(w)).history
    assert "validation_accuracy" not in history and history["validation"][0] == VALIDATION(START)


def test_a_loss_of_your_own_has_scores_of_its_own():
    """By any names; of the validation too."""
    loss = WithMargin(RISK.loss.labels, RISK.loss.classes)
    history = tfl.descend(
        tfl.Risk(RISK.model, loss), START, METHOD, 1, validation=tfl.Risk(VALIDATION.model, loss.part(range(20)))
    ).history
    assert history["lead"][0] == loss.scores(RISK.model(START))["lead"] and "validation_lead" in history


@dataclasses.dataclass(frozen=True, eq=False)
class WithMargin(SoftmaxCrossEntropy):
    """With the mean lead of the best class."""

    def scores(self, output):
        first, second = np.sort(output, axis=1)[:, :-3:-1].T
        return {"lead": float(np.mean(first - second))}
