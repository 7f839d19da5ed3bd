"""Marginal and conditional densities of a fitted one."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np

from ..descent.progress import Progress
from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..risk import Risk
from ..torus.densities import from_array
from ..torus.log_density import NormalisedDensity, along
from .search import METHOD


def conditional(progress: Progress, given: tuple[int, ...]) -> Progress:
    """The density given some axes, of one of all of them: the fit of a flow that starts there and stands still."""
    model, samples, weights = _parts(progress)
    u = progress.state.output
    start = from_array(model.torus, np.exp(u - model.torus.maximum(u)), True, "conditional density")
    moved = tuple(axis for axis in range(model.torus.dimension) if axis not in given)
    return _standing(dataclasses.replace(model, initial=start, components=moved), samples, weights)


def marginal(progress: Progress, axes: tuple[int, ...]) -> Progress:
    """The density of some axes, of a density of all of them, in the same way; on a grid four times as fine."""
    model, samples, weights = _parts(progress)
    density = NormalisedDensity(model.torus, progress.state.output, axes)  # its log Z is that of the marginal density
    torus = along(density.fine, axes)
    log_mass = density.log_mass.reshape(torus.shape)
    start = from_array(torus, np.exp(log_mass - log_mass.max()), True, "marginal density")
    band = min(model.space.band)
    still = LogDensityNODE(torus, model.metric, start, 1, band, model.substeps)
    return _standing(still, samples[:, axes], weights)


def _parts(progress: Progress):
    loss = cast(NormalisedLikelihood, progress.risk.loss)
    return cast(LogDensityNODE, progress.risk.model), loss.samples, loss.weights


def _standing(model: LogDensityNODE, samples, weights) -> Progress:
    """A descent that has not begun."""
    risk = Risk(model, NormalisedLikelihood(samples, model.torus, weights, model.given))
    start = risk.space.zeros()
    return Progress(risk, start, True).after(METHOD.init(risk, start), 0.0)
