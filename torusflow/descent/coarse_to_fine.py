"""From coarse to fine: a descent starts where descents on coarser grids, bands and layers ended."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any, cast

import numpy as np

from ..arguments import check_kind
from ..errors import InputError, UnstableError
from ..hilbert import Nested
from ..losses.loss import on_grid
from ..model import Coarsenable, Model, check_ability
from ..risk import Risk
from . import GreedyDescent, Method, descend
from .will import Will

# The numbers of modes of a grid and of the next are not quite in the ratio of their sizes.
SHRINK = 0.95
MAXIMUM_SHRINKS = 20


def coarse_to_fine(risk: Risk, method: Method, levels: int = 2, iterations: int = 50, **limits) -> np.ndarray:
    """A start for `descend`: the control that descents on coarser levels lead to, coarsest first.

    Each level halves the grid (or the band, for samples) and even numbers of layers. From level to level the control is
    padded with zeros in Fourier space and its layers are split, so its flow stays the same.

    Parameters
    ----------
    risk : Risk
        Of a `MeasureNODE` or a `SampleNODE`, at the finest level.
    method : Method
    levels : int
        Number of coarser levels; fewer where a grid would have less than 16 points per axis, or a band less than 2.
    iterations : int
        Maximum number on each level.
    **limits
        Further arguments of `descend`, for each level: gradient_tolerance, risk_tolerance, max_time, stop.

    Returns
    -------
    array
        An element of ``risk.space``; where an interrupt or an error ended a level, what had been reached.

    Raises
    ------
    InputError
        If the model has no coarser ones, the loss does not say what it is there, the method starts from zero only, or
        levels is not a whole number >= 0.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32, 32))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = tfl.coarse_to_fine(risk, tfl.LBFGS(), levels=1, iterations=10)
    >>> risk(start) < 0.5 * risk(model.space.zeros())
    True
    """
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer) or levels < 0:
        raise InputError(f"levels must be a whole number >= 0, got {levels!r}.")
    check_kind("the first argument", risk, Risk, "coarse_to_fine(tfl.Risk(model, loss), method)")
    instead = "Leave the coarser levels out, or use a model that has them, such as a MeasureNODE or a SampleNODE."
    check_ability(risk.model, Coarsenable, "a descent from coarse to fine needs", instead)
    if isinstance(method, GreedyDescent):
        raise InputError("GreedyDescent can only start at v = 0; leave the coarser levels out.")
    risks = [risk]
    while len(risks) <= levels and (model := cast(Coarsenable, risks[-1].model).coarser()) is not None:
        loss = risks[-1].loss
        if hasattr(model, "torus"):  # samples are the same at every level
            loss = on_grid(loss, cast(Any, model).torus)
        risks.append(Risk(model, loss, risk.penalty))
    control = risks[-1].space.zeros()
    ended = ""
    with Will(risk.space).held():
        for coarse, fine in zip(risks[:0:-1], risks[-2::-1], strict=True):
            if not ended:
                found = descend(coarse, control, method, iterations, **limits)
                control = found.control
                ended = found.status if found.status.startswith(("interrupted", "failed")) else ""
            control = _stable(fine.model, cast(Nested, fine.space).embed(control, coarse.space))
    if ended and limits.get("stop") is None:  # who asks for stops knows of them
        with contextlib.suppress(Warning):
            warnings.warn(f"coarse_to_fine did not finish: {ended}", stacklevel=2)
    return control


def _stable(model: Model, control):
    """The control, or a multiple that the model takes: one at the limit of stability may be beyond that of the next."""
    for _ in range(MAXIMUM_SHRINKS):
        try:
            model(control)
            return control
        except UnstableError:
            control = SHRINK * control
    return control
