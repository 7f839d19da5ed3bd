"""What has to be chosen for a density of samples, and what there is to choose from."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..risk import Risk
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric


@dataclass(frozen=True)
class Setting:
    """Metric, penalty and resolution of a fit.

    Parameters
    ----------
    smoothness, length : float
        Of the H^s metric.
    penalty : float
        Of the risk, times the number of rows: the weight of the prior beside one row.
    band : int
        Largest wavenumber of the velocity.
    grid : int
        Points per axis.
    layers, substeps : int
        Of the flow.
    """

    smoothness: float
    length: float
    penalty: float
    band: int
    grid: int
    layers: int
    substeps: int

    def model(self, dimension: int, threads: int | None = None) -> LogDensityNODE:
        """The model of a density from the uniform one."""
        torus = Torus((self.grid,) * dimension, threads=threads)
        metric = SobolevMetric(self.smoothness, self.length)
        return LogDensityNODE(torus, metric, None, self.layers, self.band, self.substeps)

    def risk(self, model: LogDensityNODE, points, weights) -> Risk:
        """The risk of samples (N, d) with weights (N,)."""
        penalty = self.penalty / effective_number(weights)
        return Risk(model, NormalisedLikelihood(points, model.torus, weights), penalty)


def effective_number(weights) -> float:
    """(sum w)^2 / sum w^2: of how many equal rows a weighted mean is as certain."""
    return float(np.sum(weights) ** 2 / np.sum(weights**2))


@dataclass(frozen=True)
class Plan:
    """What a search goes through.

    Attributes
    ----------
    settings : tuple of Setting
        To choose from.
    folds : int
        Parts of the rows, each held out once; one for a single part.
    rounds : tuple of (int, int)
        Iterations in all after which so many settings go on.
    """

    settings: tuple[Setting, ...]
    folds: int
    rounds: tuple[tuple[int, int], ...]


# So many rows are enough to validate on a tenth of them; fewer are all held out, a part at a time.
ENOUGH = 4000
# Grid, band, layers and substeps, for few rows and for enough. In three dimensions densities of many rows have peaks
# between the points of coarser grids: at 16^3 that of met (phi, psi, chi1) seemed 0.2 nats better than it is.
RESOLUTIONS_OF_FEW = {1: [(64, 12, 4, 8)], 2: [(32, 8, 4, 8)], 3: [(16, 5, 4, 8)]}
RESOLUTIONS = {1: [(64, 12, 4, 8), (128, 24, 4, 12)], 2: [(32, 8, 4, 8), (48, 12, 4, 10)], 3: [(24, 6, 4, 8)]}
# Smoothness and length of the metric, and penalties. Where there are many rows the penalty matters little, since the
# validation ends the descent before it does.
PRIORS_OF_FEW = {
    1: [(2.0, 0.1, (3, 30, 300)), (2.5, 0.05, (30, 300)), (2.5, 0.1, (3, 30, 300)), (3.0, 0.1, (3, 30, 300))],
    2: [(s, length, (30, 100, 400)) for s, length in ((2.5, 0.1), (2.5, 0.2), (3.0, 0.05), (3.0, 0.1))],
    3: [(2.5, 0.1, (100, 300, 1000)), (3.0, 0.1, (100, 300)), (2.5, 0.2, (30, 100)), (3.0, 0.2, (10, 30))],
}
PRIORS = {
    1: [(2.0, 0.05, (30,)), (2.5, 0.02, (30,)), (2.5, 0.05, (30,)), (3.0, 0.05, (30,))],
    2: [(s, length, (30,)) for s, length in ((2.5, 0.03), (2.5, 0.05), (3.0, 0.03), (3.0, 0.05))],
    3: [(2.5, 0.1, (30,)), (3.0, 0.05, (30,))],
}


def candidates(n: float, dimension: int, given: dict) -> Plan:
    """The settings worth trying for so many rows.

    Parameters
    ----------
    n : float
        Effective number of rows.
    dimension : int
    given : dict
        Fields of `Setting` that are not to be chosen.
    """
    few, d = n < ENOUGH, dimension
    resolutions = (RESOLUTIONS_OF_FEW if few else RESOLUTIONS)[d]
    settings = dict.fromkeys(
        Setting(**{"smoothness": s, "length": length, "penalty": float(c), **_size(*resolution, given), **given})
        for resolution, (s, length, penalties) in itertools.product(resolutions, (PRIORS_OF_FEW if few else PRIORS)[d])
        for c in penalties
    )
    if few:
        return Plan(tuple(settings), 5 if d < 3 else 3, ((10, max(1, len(settings) // 3)), (35, 1)))
    return Plan(tuple(settings), 1, ((20, 3), (45, 2)) if d < 3 else ((25, 1),))


def _size(grid: int, band: int, layers: int, substeps: int, given: dict) -> dict:
    """A resolution; where band or grid is given, the other goes with it."""
    if "grid" in given:
        band = min(band, (given["grid"] - 1) // 3)
    elif "band" in given:
        grid = max(grid, 3 * given["band"] + 2)
    return {"grid": grid, "band": band, "layers": layers, "substeps": substeps}
