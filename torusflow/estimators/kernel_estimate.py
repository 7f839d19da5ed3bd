"""A kernel estimate on the torus, to compare with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ive, logsumexp

from ..torus.grid import TWO_PI
from ..torus.scattered import characteristic_function, evaluate

# Of von Mises kernels, to choose from; and steps of expectation and maximisation for their shares.
CONCENTRATIONS, STEPS = tuple(np.geomspace(2.0, 600.0, 14).tolist()), 30
MOST_CENTRES = 20_000  # of an estimate in three dimensions
# Pairs of points at a time; more of them in one or two dimensions are summed by Fourier series up to a wavenumber,
# where the coefficients of the narrowest kernel are 1e-13, to an accuracy that is none for densities below a floor.
AT_A_TIME, REACH, LOWEST = 2**22, 190, 1e-10


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
    weights : array (N,), optional
        Of the points, positive; ones if not given.
    given : tuple of int
        Axes of conditions: each estimate is then the conditional one of the other coordinates.
    """

    points: np.ndarray
    concentrations: tuple[float, ...]
    shares: tuple[float, ...]
    weights: np.ndarray | None = None
    given: tuple[int, ...] = ()

    @classmethod
    def fitted(cls, points, held_out) -> KernelEstimate:
        """The two bandwidths and the shares that fit best points that are held out, array (M, d)."""
        ones = np.ones(len(points))
        chosen = best_mixture(_log_densities(points, ones, CONCENTRATIONS, held_out), np.ones(len(held_out)))
        return cls(points, *chosen)

    @classmethod
    def validated(cls, points, weights, parts: Sequence[np.ndarray], scored: Sequence[np.ndarray], given=()):
        """The estimate that fits best parts that are held out in turn, and log-densities there.

        In three dimensions it is one of 20,000 points at most.

        Parameters
        ----------
        points, weights : array (N, d), (N,)
        parts : sequence of int array
            The rows that each estimate does not see.
        scored : sequence of int array
            Some of each part, which the choice is made by.
        given : tuple of int

        Returns
        -------
        KernelEstimate, array (M,)
            The first of the points of all parts; the second relative to the uniform density, at the rows scored, one
            part after another, by estimates of the other rows.
        """
        logs, everything = [], np.arange(len(points))
        for held, at in zip(parts, scored, strict=True):
            seen = _thinned(np.delete(everything, held), points.shape[1])
            logs.append(_conditional(points[seen], weights[seen], CONCENTRATIONS, points[at], given))
        logs = np.concatenate(logs, axis=1)
        concentrations, shares = best_mixture(logs, weights[np.concatenate(scored)])
        used, rows = [CONCENTRATIONS.index(c) for c in concentrations], _thinned(everything, points.shape[1])
        return cls(points[rows], concentrations, shares, weights[rows], given), _mixed(logs[used], shares)

    def log_density(self, points) -> np.ndarray:
        """The logarithm of the density relative to the uniform one, array (M,), at points (M, d)."""
        weights = np.ones(len(self.points)) if self.weights is None else self.weights
        return _mixed(_conditional(self.points, weights, self.concentrations, points, self.given), self.shares)


def _thinned(rows, dimension: int) -> np.ndarray:
    """The rows, or some all over where pairs cannot be summed by series."""
    return rows if dimension < 3 else rows[:: -(-len(rows) // MOST_CENTRES)]


def best_mixture(logs, weights) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The pair of concentrations, and the shares, of largest likelihood, for logs (CONCENTRATIONS, M), weights (M,)."""
    best = (-np.inf, (), ())
    for pair in itertools.combinations(range(len(logs)), 2):
        shares = _shares(np.stack([*logs[list(pair)], np.zeros(len(weights))]), weights)
        value = float(np.average(_mixed(logs[list(pair)], shares), weights=weights))
        best = max(best, (value, tuple(CONCENTRATIONS[index] for index in pair), tuple(shares.tolist())))
    return best[1:]


def _mixed(logs, shares) -> np.ndarray:
    """Of log-densities (components, M) and the uniform density, array (M,)."""
    logs = np.stack([*logs, np.zeros(logs.shape[1])])
    return np.asarray(logsumexp(logs + np.log(shares)[:, None], axis=0))


def _shares(logs, weights) -> np.ndarray:
    """Those of a mixture with the largest likelihood, for log-densities (components, M)."""
    shares = np.full(len(logs), 1 / len(logs))
    for _ in range(STEPS):
        joint = logs + np.log(np.maximum(shares, 1e-300))[:, None]
        shares = np.average(np.exp(joint - logsumexp(joint, axis=0)), axis=1, weights=weights)
    return np.maximum(shares, 1e-12)


def _conditional(points, weights, concentrations, at, given: tuple[int, ...]) -> np.ndarray:
    """`_log_densities`, less those of the given coordinates."""
    logs = _log_densities(points, weights, concentrations, at)
    return logs - _log_densities(points[:, given], weights, concentrations, at[:, given]) if given else logs


def _log_densities(points, weights, concentrations, at) -> np.ndarray:
    """The logarithms of the means of the kernels about points, array (concentrations, M)."""
    if points.shape[1] < 3 and len(points) * len(at) > AT_A_TIME:
        return _by_series(points, weights / weights.sum(), concentrations, at)
    centres, size = _on_circles(points), max(1, AT_A_TIME // len(points))
    logs, d = np.empty((len(concentrations), len(at))), points.shape[1]
    for start in range(0, len(at), size):
        cosines = _on_circles(at[start : start + size]) @ centres.T - d
        for row, concentration in zip(logs, concentrations, strict=True):
            exponents = concentration * cosines
            highest = exponents.max(axis=1, keepdims=True)
            sums = np.exp(exponents - highest) @ weights
            row[start : start + size] = highest[:, 0] + np.log(sums)
    return logs - np.log(weights.sum()) - d * np.log(ive(0, np.array(concentrations)))[:, None]


def _by_series(points, shares, concentrations, at) -> np.ndarray:
    """The same where the Fourier coefficients of all kernels fit into memory."""
    k = np.abs(np.fft.fftfreq(2 * REACH + 1, 1 / (2 * REACH + 1)))
    kernels = [ive(k, concentration) / ive(0, concentration) for concentration in concentrations]
    if points.shape[1] == 2:
        kernels = [np.outer(kernel, kernel) for kernel in kernels]
    cloud = characteristic_function(points, kernels[0].shape, shares * len(points))
    return np.log(np.maximum(evaluate(at, cloud * np.array(kernels)), LOWEST))


def _on_circles(points) -> np.ndarray:
    """cos and sin of the angles, array (N, 2 d): inner products are the sums of cosines of differences."""
    return np.concatenate([np.cos(TWO_PI * points), np.sin(TWO_PI * points)], axis=1)
