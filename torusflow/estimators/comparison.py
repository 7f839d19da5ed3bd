"""How good a density is on rows that it was not fitted to, beside a kernel estimate and the uniform density."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .kernel_estimate import KernelEstimate
from .tables import Training
from .torus_density import TorusDensity

# Rows scored by a kernel estimate, at most: they tell differences of hundredths of a nat, and take seconds.
MOST_SCORED = {1: 5000, 2: 5000, 3: 1000}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Scores of the same rows by two densities that have not seen them.

    Attributes
    ----------
    density, kernel : array (M,)
        Log-densities relative to the uniform one, which scores 0.
    weights : array (M,)
    held_out : int
        How many rows were held out, of which these are some.
    """

    density: np.ndarray
    kernel: np.ndarray
    weights: np.ndarray
    held_out: int

    @cached_property
    def difference(self) -> tuple[float, float]:
        """So much higher the density is than the kernel estimate on average, and the standard error of that."""
        return mean_and_error(self.density - self.kernel, self.weights)


def mean_and_error(values, weights) -> tuple[float, float]:
    """The weighted mean and its standard error."""
    mean = float(np.average(values, weights=weights))
    return mean, float(np.sqrt(np.sum((weights * (values - mean)) ** 2)) / np.sum(weights))


def on_rows_held_out(density: TorusDensity, rows: Training) -> Comparison:
    """By the rows that the fit held out in turn: settings and bandwidths were chosen by them, nothing was trained."""
    some, scores = [], []
    for part, logs in density.held_out_:
        pick = _some(len(part), MOST_SCORED[rows.sample.points.shape[1]] // len(density.held_out_))
        some.append(part[pick])
        scores.append(logs[pick])
    _, kernel = KernelEstimate.validated(
        rows.sample.points, rows.sample.weights, _parts(density), some, rows.sample.given
    )
    held_out = sum(map(len, _parts(density)))
    return Comparison(np.concatenate(scores), kernel, rows.sample.weights[np.concatenate(some)], held_out)


def on_other_rows(density: TorusDensity, rows: Training, others: Training) -> Comparison:
    """By rows that nothing has seen."""
    parts, d = _parts(density), rows.sample.points.shape[1]
    some = [part[_some(len(part), MOST_SCORED[d] // len(parts))] for part in parts]
    kernel, _ = KernelEstimate.validated(rows.sample.points, rows.sample.weights, parts, some, rows.sample.given)
    pick = _some(len(others.sample.points), MOST_SCORED[d])
    points = others.sample.points[pick]
    scores = density.model_.log_density(density.control_, points)
    return Comparison(scores, kernel.log_density(points), others.sample.weights[pick], len(others.sample.points))


def _parts(density: TorusDensity) -> list[np.ndarray]:
    return [part for part, _ in density.held_out_]


def _some(n: int, most: int) -> np.ndarray:
    """Positions of as many of n rows, in their order; the same ones each time."""
    return np.arange(n) if n <= most else np.sort(np.random.RandomState(0).permutation(n)[:most])
