"""Polyak-Lojasiewicz inequalities: ratios, exponents along runs; with them the constants and certificates of theory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arguments import checked_number, real_array
from ..errors import InputError
from ..hilbert import norm
from ..risk import Risk
from .bounds import Bounds, bounds
from .certificates import Certificate, Verdict, certificate
from .regression import line

__all__ = [
    "Bounds",
    "Certificate",
    "ExponentFit",
    "Verdict",
    "bounds",
    "certificate",
    "fit_exponent",
    "ratio",
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


@dataclass(frozen=True)
class ExponentFit:
    """|grad R| = constant (R - R*)^exponent, fitted along a run.

    Attributes
    ----------
    exponent : float
        theta; 1/2 is the Polyak-Lojasiewicz inequality, with a linear rate.
    half_width : float
        Of its 95 % confidence interval.
    constant : float
    points : int
        Iterates fitted.
    """

    exponent: float
    half_width: float
    constant: float
    points: int

    def __str__(self):
        return (
            f"|grad R| = {self.constant:.3g} (R - R*)^theta, theta = {self.exponent:.3f} +- {self.half_width:.3f} "
            f"(95 %, {self.points} iterates)"
        )


def fit_exponent(risks, gradient_norms, lower_bound: float = 0.0, skip: float = 0.25) -> ExponentFit:
    """theta in |grad R| = C (R - R*)^theta, the slope of a line through the logarithms.

    Neighbouring iterates err alike, which makes the interval wider (`torusflow.theory.regression.line`).

    Parameters
    ----------
    risks, gradient_norms : array (n,)
        Columns of a history.
    lower_bound : float
        R*, such as ``risk.least``.
    skip : float
        Share of the iterates left out at the start.

    Returns
    -------
    ExponentFit

    Raises
    ------
    InputError
        If fewer than five iterates remain above the bound, or their risks are all the same.
    """
    checked_number("lower_bound", lower_bound)
    checked_number("skip", skip)
    gaps, norms = real_array(risks, "risks") - lower_bound, real_array(gradient_norms, "gradient_norms")
    if gaps.shape != norms.shape or gaps.ndim != 1 or not 0 <= skip < 1:
        raise InputError(
            f"fit_exponent takes two arrays of one length and 0 <= skip < 1, got {gaps.shape}, {norms.shape}, {skip}."
        )
    first = int(skip * len(gaps))
    usable = (np.arange(len(gaps)) >= first) & (gaps > 0) & (norms > 0) & np.isfinite(gaps) & np.isfinite(norms)
    x, y = np.log(gaps[usable]), np.log(norms[usable])
    if len(x) < 5 or np.ptp(x) < 1e-12:
        raise InputError(f"an exponent needs five different risks above the bound {lower_bound:g}, got {len(x)}.")
    intercept, exponent, half_width = line(x, y)
    return ExponentFit(exponent, half_width, math.exp(intercept), len(x))
