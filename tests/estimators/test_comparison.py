"""Scores of rows that neither a fit nor the kernel estimate beside it has seen."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.estimators.comparison import mean_and_error, on_other_rows, on_rows_held_out
from torusflow.estimators.kernel_estimate import KernelEstimate
from torusflow.estimators.tables import Rows, training_rows

# One setting only, so that a fit takes a moment.
SETTING = {"smoothness": 2.5, "length": 0.1, "penalty": 100.0, "band": 4, "grid": 16}


def test_the_scores_are_of_rows_that_no_part_was_fitted_to():
    """A kernel estimate of each part's other rows, by hand."""
    rng = np.random.default_rng(0)
    points, parts = rng.vonmises(0, 1, (40, 2)) / 7 % 1.0, np.split(rng.permutation(40), 4)
    estimate, scores = KernelEstimate.validated(points, np.ones(40), parts, parts)
    for part, some in zip(parts, np.split(scores, 4), strict=True):
        rest = KernelEstimate(np.delete(points, part, axis=0), estimate.concentrations, estimate.shares)
        np.testing.assert_allclose(some, rest.log_density(points[part]), atol=1e-12)
    np.testing.assert_array_equal(estimate.points, points)


def test_weights_count_like_copies():
    rng = np.random.default_rng(0)
    points, at = rng.random((30, 2)), rng.random((5, 2))
    twice = KernelEstimate(np.concatenate([points, points[:10]]), (5.0, 20.0), (0.5, 0.4, 0.1))
    weighted = KernelEstimate(points, (5.0, 20.0), (0.5, 0.4, 0.1), np.repeat([2.0, 1.0], [10, 20]))
    np.testing.assert_allclose(weighted.log_density(at), twice.log_density(at), atol=1e-12)


@pytest.mark.parametrize("d", [1, 2])
def test_series_are_the_sums_over_pairs(d, monkeypatch):
    rng = np.random.default_rng(0)
    points, weights, at = rng.vonmises(0, 2, (60, d)) / 7 % 1.0, rng.random(60) + 0.5, rng.random((40, d))
    estimate = KernelEstimate(points, (3.0, 600.0), (0.5, 0.4, 0.1), weights)
    pairs = estimate.log_density(at)
    monkeypatch.setattr("torusflow.estimators.kernel_estimate.AT_A_TIME", 1)
    np.testing.assert_allclose(estimate.log_density(at), pairs, atol=1e-8)


@pytest.mark.slow
def test_comparisons_of_many_rows_take_some(monkeypatch):
    values = np.random.default_rng(0).vonmises([0.5, 2.0], [4.0, 3.0], (200, 2)) / (2 * np.pi)
    density = tfl.TorusDensity("turns", **SETTING, max_iter=4)
    rows = training_rows(Rows(values, None), np.ones(200), "turns")
    density.fit_rows(rows)
    whole = on_rows_held_out(density, rows)
    assert len(whole.density) == whole.held_out == 200
    assert np.mean(whole.density) == pytest.approx(density.validation_score_)
    others = on_other_rows(density, rows, rows)
    np.testing.assert_allclose(others.density, density.score_samples(values), atol=1e-12)
    assert on_other_rows(density, rows, rows).density.mean() > whole.density.mean()  # these were trained on
    monkeypatch.setattr("torusflow.estimators.comparison.MOST_SCORED", {2: 50})
    some = on_rows_held_out(density, rows)
    assert len(some.density) == len(some.kernel) == 50 and some.held_out == 200
    assert set(some.density) <= set(whole.density)


def test_weighted_errors_are_those_of_copies():
    values, weights = np.array([1.0, 2.0, 5.0]), np.array([3.0, 3.0, 3.0])
    assert mean_and_error(values, weights) == pytest.approx((np.mean(values), np.std(values) / np.sqrt(3)))
