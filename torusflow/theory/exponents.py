"""Exponents of Lojasiewicz inequalities: fitted along runs, and those that theory predicts for densities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arguments import checked_flag, checked_number, checked_whole, real_array
from ..errors import InputError
from .regression import line

LEAST_POINTS = 5
# Of the edges of a cloud: most blocks, since more say little more of a slope, and the points that make a lowest one.
MOST_BLOCKS, LEAST_IN_BLOCK = 30, 2


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

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> risks = np.exp(-np.arange(50.0))
    >>> round(tfl.lojasiewicz.fit_exponent(risks, 2 * np.sqrt(risks)).exponent, 6)
    0.5
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

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> risks = np.exp(-np.arange(50.0))
    >>> round(tfl.lojasiewicz.fit_exponent(risks, 2 * np.sqrt(risks)).exponent, 6)
    0.5
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
    if len(x) < LEAST_POINTS or np.ptp(x) < 1e-12:
        raise InputError(f"an exponent needs five different risks above the bound {lower_bound:g}, got {len(x)}.")
    return _fit(x, y)


def fit_both(gaps, norms) -> tuple[ExponentFit, ExponentFit]:
    """The exponents of the lower and of the upper edge of a cloud of points, arrays (n,) of positive numbers.

    Sorted by R - R* the points are taken in blocks of one size, and from each the one that lies lowest, or highest,
    beside a line through all of them. Along a single run without errors both edges are the run, and of fewer than ten
    points all of them.
    """
    x, y = np.log(gaps), np.log(norms)
    if len(x) < LEAST_POINTS or np.ptp(x) < 1e-12:
        raise InputError(f"an exponent needs five different risks above the least, got {len(np.unique(x))}.")
    order = np.argsort(x)
    x, y = x[order], y[order]
    intercept, slope, _ = line(x, y)
    beside = y - intercept - slope * x
    size = min(max(LEAST_IN_BLOCK, -(-len(x) // MOST_BLOCKS)), len(x) // LEAST_POINTS)
    blocks = np.arange(len(x) - len(x) % size).reshape(-1, size)
    edges = (blocks[np.arange(len(blocks)), pick(beside[blocks], axis=1)] for pick in (np.argmin, np.argmax))
    lower, upper = (_fit(x[edge], y[edge]) for edge in edges)
    return lower, upper


def _fit(x, y) -> ExponentFit:
    intercept, exponent, half_width = line(x, y)
    return ExponentFit(exponent, half_width, math.exp(intercept), len(x))


def predicted_exponent(smoothness: float, decay: float, dimension: int = 1, squared: bool = True) -> float:
    """theta = 1/2 + (s - 1)/(2 p - d) for `SquaredL2`, and twice that less one for `L2`.

    In |grad R| ~ R^theta along the tangent flow from the uniform density to a target near it whose coefficients fall
    like |k|^(-p), as long as modes that the grid has are left. For s <= 1 high modes vanish first, and theta is 1/2 (0
    for `L2`).

    Parameters
    ----------
    smoothness : float
        s of the metric.
    decay : float
        p, above d/2: otherwise the target is not square integrable.
    dimension : int
        d.
    squared : bool
        Whether the loss is `SquaredL2`, not `L2`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the coefficients fall too slowly, or an argument is not a number.

    Examples
    --------
    >>> import torusflow as tfl
    >>> tfl.lojasiewicz.predicted_exponent(smoothness=2.0, decay=2.0)
    0.8333333333333333
    """
    checked_number("smoothness", smoothness)
    checked_number("decay", decay)
    dimension = checked_whole("dimension", dimension, most=3)
    checked_flag("squared", squared)
    if not 2 * decay > dimension:
        raise InputError(
            f"decay must be above d/2 = {dimension / 2:g}, got {decay:g}: the sum of |k|^(-2 decay), the square of the "
            f"target's norm, is infinite otherwise."
        )
    half = 0.5 + max(smoothness - 1, 0.0) / (2 * decay - dimension)
    return half if squared else 2 * half - 1


def general_exponent(smoothness: float) -> float:
    """1 + 2/(s - 2), the exponent below for the loss `L2` where densities are bounded in H^(s-2), whatever they are.

    It comes from interpolation of L^2 between H^(-s) and H^(s-2). `predicted_exponent` is less wherever the target is
    as smooth as that.

    Parameters
    ----------
    smoothness : float
        s of the metric, above 2.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If s <= 2.

    Examples
    --------
    >>> import torusflow as tfl
    >>> tfl.lojasiewicz.general_exponent(4.0)
    2.0
    """
    checked_number("smoothness", smoothness)
    if not smoothness > 2:
        raise InputError(
            f"the exponent 1 + 2/(s - 2) is about densities in H^(s-2) with s - 2 > 0, got s = {smoothness:g}. Take "
            f"predicted_exponent(smoothness, decay), which holds for targets whose coefficients fall like a power."
        )
    return 1 + 2 / (smoothness - 2)
