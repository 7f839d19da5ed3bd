"""Polyak-Lojasiewicz inequalities: ratios and exponents; with them the constants and certificates of theory."""

from __future__ import annotations

import math

from ..arguments import checked_number
from ..errors import InputError
from ..hilbert import norm
from ..risk import Risk
from .bounds import Bounds, bounds
from .certificates import Certificate, Verdict, certificate
from .exponents import ExponentFit, fit_exponent, general_exponent, predicted_exponent
from .finite_time import time_to_minimum
from .inequality import Inequality, inequality

__all__ = [
    "Bounds",
    "Certificate",
    "ExponentFit",
    "Inequality",
    "Verdict",
    "bounds",
    "certificate",
    "fit_exponent",
    "general_exponent",
    "inequality",
    "predicted_exponent",
    "ratio",
    "time_to_minimum",
]


def ratio(risk: Risk, w, lower_bound: float | None = None) -> float:
    """|grad R(w)|^2 / (2 (R(w) - R*)).

    Parameters
    ----------
    risk : Risk
    w : array
    lower_bound : float, optional
        R*, the infimum of the risk or a bound below it; ``risk.least`` if not given.

    Returns
    -------
    float
        NaN where the risk is not above the bound.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> round(tfl.lojasiewicz.ratio(risk, model.space.zeros()), 6)
    1.0
    """
    if not isinstance(risk, Risk):
        raise InputError(f"ratio takes a Risk and a control, got a {type(risk).__name__}.")
    value, gradient = risk.value_and_gradient(risk.space.element(w))
    if lower_bound is None:
        gap = risk.above_least(value)
    else:
        checked_number("lower_bound", lower_bound)
        gap = value - lower_bound
    return norm(risk.space, gradient) ** 2 / (2 * gap) if gap > 0 else math.nan
