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
