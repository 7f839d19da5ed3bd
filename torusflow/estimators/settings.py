"""What has to be chosen for a density of samples, and what there is to choose from."""

from __future__ import annotations

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


# So many rows are enough to validate on a tenth of them; fewer are all held out, a fifth at a time.
ENOUGH = 4000
# Grid, band, layers and substeps in each dimension, for rows from the number on.
RESOLUTIONS = {
    1: ((0, (64, 12, 4, 8)), (ENOUGH, (128, 24, 4, 8))),
    2: ((0, (32, 8, 4, 8)), (ENOUGH, (32, 8, 4, 8))),
    3: ((0, (16, 5, 4, 6)), (ENOUGH, (24, 6, 4, 8))),
}
METRICS = ((2.5, 0.05), (2.5, 0.1), (3.0, 0.05), (3.0, 0.1))
PENALTIES, PENALTIES_OF_FEW = (30.0,), (10.0, 100.0, 400.0)


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
    grid, band, layers, substeps = [sizes for least, sizes in RESOLUTIONS[dimension] if n >= least][-1]
    if "grid" in given:
        band = min(band, (given["grid"] - 1) // 3)
    elif "band" in given:
        grid = max(grid, 3 * given["band"] + 2)
    tried = {
        Setting(
            **{
                "smoothness": s,
                "length": length,
                "penalty": penalty,
                "band": band,
                "grid": grid,
                "layers": layers,
                "substeps": substeps,
                **given,
            }
        ): None
        for s, length in METRICS
        for penalty in (PENALTIES if n >= ENOUGH else PENALTIES_OF_FEW)
    }
    keep = max(1, len(tried) // 3)
    return Plan(tuple(tried), 1 if n >= ENOUGH else 5, ((30, keep),))
