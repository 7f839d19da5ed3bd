"""The kernel estimate to compare with: a density, and a good one."""

import numpy as np
import pytest

from torusflow.estimators.kernel_estimate import KernelEstimate

RNG = np.random.default_rng(0)
SAMPLES = RNG.vonmises([0.5, 3.0], [3.0, 2.0], (900, 2)) / (2 * np.pi) % 1.0


def test_one_kernel_is_von_mises():
    kernel = KernelEstimate(np.array([[0.25]]), (3.0,), (1.0, 1e-300))
    x = np.array([[0.25], [0.75], [0.4]])
    exact = 3 * np.cos(2 * np.pi * (x[:, 0] - 0.25)) - np.log(np.i0(3.0))
    np.testing.assert_allclose(kernel.log_density(x), exact, atol=1e-12)


@pytest.mark.slow
def test_fitted_to_what_is_held_out():
    """Of mass one, and near the entropy of what was drawn from: 0.1 nats, for 600 points."""
    estimate = KernelEstimate.fitted(SAMPLES[:600], SAMPLES[600:])
    assert sum(estimate.shares) == pytest.approx(1)
    axis = np.arange(64) / 64
    lattice = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    assert np.exp(estimate.log_density(lattice)).mean() == pytest.approx(1, abs=1e-6)
    new = np.random.default_rng(1).vonmises([0.5, 3.0], [3.0, 2.0], (2000, 2))
    exact = np.sum([3.0, 2.0] * np.cos(new - [0.5, 3.0]) - np.log(np.i0([3.0, 2.0])), axis=1)
    gap = np.mean(exact - estimate.log_density(new / (2 * np.pi) % 1.0))
    assert 0 < gap < 0.1
