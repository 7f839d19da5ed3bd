"""What has to be chosen for a density of samples, and what there is to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..risk import Risk
from ..torus.density import Density
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from .pilot import pilot


class Sample(NamedTuple):
    """Rows that a density is fitted to.

    Attributes
    ----------
    points : array (N, d)
        In sides of the torus.
    weights : array (N,)
        Positive.
    given : tuple of int
        The axes of the conditions, where the density is a conditional one.
    """

    points: np.ndarray
    weights: np.ndarray
    given: tuple[int, ...] = ()

    def only(self, rows) -> Sample:
        """Some of the rows, by bool array (N,), slice or positions."""
        return Sample(self.points[rows], self.weights[rows], self.given)

    def likelihood(self, torus: Torus) -> NormalisedLikelihood:
        """Of the rows, for log-densities on a torus."""
        return NormalisedLikelihood(self.points, torus, self.weights, self.given)


@dataclass(frozen=True)
class Setting:
    """Where a fit starts, its metric, penalty and resolution.

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
    bandwidth : float
        Of the kernel estimate that the flow starts from.
    """

    smoothness: float
    length: float
    penalty: float
    band: int
    grid: int
    layers: int
    substeps: int
    bandwidth: float

    def part(self, sample: Sample, held=None, threads: int | None = None) -> Part:
        """What a descent takes of a sample, of which the rows of bool array (N,) are held out."""
        torus = Torus((self.grid,) * sample.points.shape[1], threads=threads)
        used = sample if held is None else sample.only(~held)
        return Part(
            pilot(torus, used.points, used.weights, self.bandwidth, used.given),
            used.likelihood(torus),
            None if held is None else sample.only(held).likelihood(torus),
            effective_number(used.weights),
        )

    def risk(self, part: Part, threads: int | None = None) -> Risk:
        """The risk of the rows of a part that are not held out."""
        torus, metric = Torus(part.start.torus.shape, threads=threads), SobolevMetric(self.smoothness, self.length)
        given = part.training.given
        moved = tuple(axis for axis in range(torus.dimension) if axis not in given) if given else None
        steps = self.layers, self.band, self.substeps
        model = LogDensityNODE(torus, metric, part.start, *steps, components=moved)
        return Risk(model, part.training, self.penalty / part.number)


@dataclass(frozen=True, eq=False)
class Part:
    """What settings of the same grid and bandwidth have in common on the same rows.

    Attributes
    ----------
    start : Density
    training : NormalisedLikelihood
    held_out : NormalisedLikelihood or None
    number : float
        Effective number of rows trained on.
    """

    start: Density
    training: NormalisedLikelihood
    held_out: NormalisedLikelihood | None
    number: float


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
RESOLUTIONS_OF_FEW = {1: (64, 12, 2, 4), 2: (32, 8, 2, 4), 3: (16, 5, 2, 4)}
RESOLUTIONS = {1: (128, 24, 2, 6), 2: (48, 12, 2, 5), 3: (32, 8, 2, 4)}
# A kernel estimate is too wide at its best bandwidth already, and its bumps are those of single rows: a flow sharpens a
# wider one along what the rows have in common, and need not smooth bumps out. So many times wider, for few rows and for
# enough; between 1.4 and 4 times it matters little.
WIDER_OF_FEW, WIDER = 2.0, 3.0
# A flow of y alone hardly moves mass from one peak of y to another far away: how much each has, given x, is left to the
# start, which must not be as wide along x.
WIDER_GIVEN = 1.5
# Smoothness and length of the metric, and penalty, from the smoothest to the roughest.
PRIORS = (
    (3.0, 0.3, 30.0),
    (3.0, 0.2, 300.0),
    (3.0, 0.2, 100.0),
    (3.0, 0.1, 3000.0),
    (3.0, 0.1, 400.0),
    (2.5, 0.1, 30.0),
    (3.0, 0.05, 30.0),
    (2.5, 0.05, 30.0),
)


def candidates(sample: Sample, bandwidth: float, fixed: dict) -> Plan:
    """The settings worth trying for so many rows.

    Parameters
    ----------
    sample : Sample
    bandwidth : float
        The best one of a kernel estimate.
    fixed : dict
        Fields of `Setting` that are not to be chosen.
    """
    few, dimension = effective_number(sample.weights) < ENOUGH, sample.points.shape[1]
    size = _size(*(RESOLUTIONS_OF_FEW if few else RESOLUTIONS)[dimension], fixed)
    wider = WIDER_GIVEN if sample.given else WIDER_OF_FEW if few else WIDER
    size["bandwidth"] = wider * bandwidth
    settings = dict.fromkeys(
        Setting(**{"smoothness": s, "length": length, "penalty": penalty, **size, **fixed})
        for s, length, penalty in PRIORS
    )
    folds = 1 if not few else 5 if dimension < 3 else 3
    return Plan(tuple(settings), folds, ((10, 3), (30, 1)))


def _size(grid: int, band: int, layers: int, substeps: int, fixed: dict) -> dict:
    """A resolution; where band or grid is given, the other goes with it."""
    if "grid" in fixed:
        band = min(band, (fixed["grid"] - 1) // 3)
    elif "band" in fixed:
        grid = max(grid, 3 * fixed["band"] + 2)
    return {"grid": grid, "band": band, "layers": layers, "substeps": substeps}
