"""The kernel estimate that a flow starts from, against sums over rows."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.estimators.kernel_estimate import KernelEstimate
from torusflow.estimators.pilot import BANDWIDTHS, best_bandwidth, pilot

RESOLVED = 1e-3  # of the logarithm between the bumps, where 32 points along an axis have all but its last modes


def rows(n, d=2, seed=0):
    return np.random.default_rng(seed).vonmises([0.5, 3.0, 5.0][:d], [3.0, 2.0, 6.0][:d], (n, d)) / (2 * np.pi) % 1.0


def kernels(at, points, bandwidth):
    """Periodic Gaussians, array (M, N)."""
    away = at[:, None] - points[None] - np.arange(-3, 4).reshape(-1, 1, 1, 1)
    return np.prod(np.exp(-((away / bandwidth) ** 2) / 2).sum(axis=0) / bandwidth / np.sqrt(2 * np.pi), axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 3])
def test_each_row_is_likely_by_the_others(d):
    points, weights = rows(60, d), np.random.default_rng(1).uniform(0.5, 2.0, 60)
    part = np.sum(weights**2) / np.sum(weights) ** 2

    def likelihood(bandwidth):
        others = kernels(points, points, bandwidth) * weights
        np.fill_diagonal(others, 0)
        density = others.sum(axis=1) / (weights.sum() - weights)
        return np.sum(weights * np.log((1 - part) * density + part))

    best = best_bandwidth(points, weights)
    assert best == max(BANDWIDTHS[d], key=likelihood)
    assert BANDWIDTHS[d][0] < best < BANDWIDTHS[d][-1]


def test_copies_count_as_one_row():
    points, weights = rows(60), np.ones(60)
    assert best_bandwidth(np.tile(points, (2, 1)), np.ones(120)) == best_bandwidth(points, weights)


@pytest.mark.slow
def test_of_many_rows_a_part_is_looked_at():
    """The bandwidth falls as it does for smooth densities: as n^(-1/6) in two dimensions."""
    many = rows(40_000)
    assert best_bandwidth(many, np.ones(40_000)) == best_bandwidth(many[::4], np.ones(10_000)) * 4 ** (-1 / 6)


def test_a_kernel_estimate_and_the_part_of_one_row():
    points, weights = rows(40), np.r_[np.ones(20), np.zeros(10), np.full(10, 2.0)]
    torus = tfl.Torus((32, 32))
    lattice = np.stack(np.meshgrid(*[np.arange(32) / 32] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    part = 60 / 40**2  # sum of the squares of the shares
    expected = (1 - part) * (kernels(lattice, points, 0.12) @ weights) / 40 + part
    density = pilot(torus, points, weights, 0.12)
    np.testing.assert_allclose(np.log(density.values).ravel(), np.log(expected), atol=RESOLVED)
    assert torus.mean(density.values) == pytest.approx(1)


def test_a_bandwidth_finer_than_the_grid():
    """Its logarithm is that of the narrow bumps but for the modes that the grid has not."""
    density = pilot(tfl.Torus((8,)), np.array([[0.3]] * 5 + [[0.5]] * 5), np.ones(10), 0.02)
    assert np.all(density.values > 0) and np.argmax(density.values) in (2, 3, 4)


@pytest.mark.slow
def test_few_rows_are_fitted_better_than_by_a_kernel_estimate():
    """Three von Mises bumps in three dimensions: by 0.1 nats on rows not seen, and from the uniform density by -0.1."""
    rng = np.random.default_rng(3)
    means = np.array([[0.5, 3.0, 5.0], [2.0, 1.0, 4.0], [4.5, 5.5, 0.5]])
    which = rng.choice(3, 3300, p=[0.5, 0.3, 0.2])
    points = rng.vonmises(means[which], np.array([8.0, 4.0, 15.0])[which][:, None]) / (2 * np.pi) % 1.0
    seen, new = points[:300], points[300:]
    kernel = KernelEstimate.fitted(seen[33:], seen[:33]).log_density(new)
    with pytest.warns(UserWarning, match="nats better than rows held out"):
        density = tfl.TorusDensity(period=1.0).fit(seen)
    better = density.score_samples(new) - kernel
    assert better.mean() > 3 * better.std() / np.sqrt(len(new))
