"""A kernel estimate on the torus, to compare with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import ive, logsumexp

from ..torus.grid import TWO_PI

# Of von Mises kernels, to choose from; and steps of expectation and maximisation for their shares.
CONCENTRATIONS, STEPS = tuple(np.geomspace(2.0, 600.0, 14).tolist()), 30
# Pairs of points at a time.
AT_A_TIME = 2**22


@dataclass(frozen=True, eq=False)
class KernelEstimate:
    """A mixture of product von Mises kernel estimates of different bandwidths and the uniform density.

    Parameters
    ----------
    points : array (N, d)
        In sides of the torus.
    concentrations : tuple of float
        Of the kernels, the same along each axis.
    shares : tuple of float
        Of each estimate, and the uniform density last; their sum is one.
    """

    points: np.ndarray
    concentrations: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def fitted(cls, points, held_out) -> KernelEstimate:
        """The two bandwidths and the shares that fit best points that are held out, array (M, d)."""
        scores = [_log_density(points, concentration, held_out) for concentration in CONCENTRATIONS]
        best = (-np.inf, (), ())
        for pair in itertools.combinations(range(len(scores)), 2):
            logs = np.stack([*(scores[index] for index in pair), np.zeros(len(held_out))])
            shares = _shares(logs)
            value = float(np.mean(logsumexp(logs + np.log(shares)[:, None], axis=0)))
            best = max(best, (value, tuple(CONCENTRATIONS[index] for index in pair), tuple(shares.tolist())))
        return cls(points, *best[1:])

    def log_density(self, points) -> np.ndarray:
        """The logarithm of the density relative to the uniform one, array (M,), at points (M, d)."""
        logs = [_log_density(self.points, concentration, points) for concentration in self.concentrations]
        return logsumexp(np.stack([*logs, np.zeros(len(points))]) + np.log(self.shares)[:, None], axis=0)


def _shares(logs) -> np.ndarray:
    """Those of a mixture with the largest likelihood, for log-densities (components, M)."""
    shares = np.full(len(logs), 1 / len(logs))
    for _ in range(STEPS):
        joint = logs + np.log(np.maximum(shares, 1e-300))[:, None]
        shares = np.exp(joint - logsumexp(joint, axis=0)).mean(axis=1)
    return np.maximum(shares, 1e-12)


def _log_density(points, concentration: float, at) -> np.ndarray:
    """The logarithm of the mean of the kernels about points, array (M,)."""
    centres, size = _on_circles(points), max(1, AT_A_TIME // len(points))
    parts = [
        logsumexp(concentration * (_on_circles(at[i : i + size]) @ centres.T - points.shape[1]), axis=1)
        for i in range(0, len(at), size)
    ]
    return np.concatenate(parts) - np.log(len(points)) - points.shape[1] * np.log(ive(0, concentration))


def _on_circles(points) -> np.ndarray:
    """cos and sin of the angles, array (N, 2 d): inner products are the sums of cosines of differences."""
    return np.concatenate([np.cos(TWO_PI * points), np.sin(TWO_PI * points)], axis=1)
