"""Descents from many starts: how many come to the optimum, and when."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ..arguments import check_kind, is_number, real_array
from ..display import OneLine
from ..errors import InputError
from ..interrupts import Held
from ..risk import Risk
from ..theory.regression import line
from .loop import descend
from .method import Method
from .progress import Result


@dataclass(frozen=True)
class PowerLaw:
    """time = constant distance^exponent, fitted to the descents of an ensemble.

    Attributes
    ----------
    exponent : float
    half_width : float
        Of its 95 % confidence interval.
    constant : float
    points : int
        Descents fitted.
    """

    exponent: float
    half_width: float
    constant: float
    points: int

    def __str__(self):
        return (
            f"time = {self.constant:.3g} distance^p, p = {self.exponent:.3f} +- {self.half_width:.3f} "
            f"(95 %, {self.points} descents)"
        )


@dataclass(frozen=True, eq=False)
class Ensemble(OneLine):
    """Descents of one risk from several starts.

    Attributes
    ----------
    within : float
        How far above ``risk.least`` counts as the optimum.
    results : tuple of Result
        Of each descent.
    risks : array (n,)
        Where each has ended.
    times : array (n,)
        Training time at which each came to the optimum, between iterates by interpolating the logarithm; NaN if it
        did not.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> starts = (0.1 * model.space.random(np.random.default_rng(i)) for i in range(3))
    >>> found = tfl.ensemble(risk, starts, tfl.GradientDescent(0.5), iterations=60)
    >>> len(found.results), bool(np.all(np.isfinite(found.times)))
    (3, True)
    """

    within: float
    results: tuple[Result, ...]
    risks: np.ndarray
    times: np.ndarray

    @property
    def reached(self) -> np.ndarray:
        """Which came to the optimum, array (n,) of bool."""
        return np.isfinite(self.times)

    @property
    def fraction(self) -> float:
        """The part of them that did."""
        return float(np.mean(self.reached))

    @property
    def fraction_interval(self) -> tuple[float, float]:
        """95 % confidence interval of the part of all starts, if these were drawn independently (Wilson's)."""
        n, z = len(self.times), float(ndtri(0.975))
        middle, spread = self.fraction + z**2 / (2 * n), self.fraction * (1 - self.fraction) / n
        half = z * math.sqrt(spread + z**2 / (4 * n**2))
        return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)

    def law(self, distances) -> PowerLaw:
        """How the time to the optimum depends on a distance of the starts, such as that from a stable manifold.

        Parameters
        ----------
        distances : array (n,)
            Positive, one for each start.

        Raises
        ------
        InputError
            If there is not one for each, or fewer than three descents with different distances came to the optimum.
        """
        distances = real_array(distances, "the distances")
        if distances.shape != self.times.shape or not np.all(distances > 0):
            raise InputError(f"law takes a positive distance for each of the {len(self.times)} starts.")
        later = self.times > 0  # not NaN, and not there from the start
        x, y = np.log(distances[later]), np.log(self.times[later])
        if len(x) < 3 or np.ptp(x) < 1e-12:
            raise InputError(
                f"a law needs three descents that came to the optimum, from several distances; here {len(x)} came."
            )
        order = np.argsort(x)
        intercept, exponent, half_width = line(x[order], y[order])
        return PowerLaw(exponent, half_width, math.exp(intercept), len(x))

    def __str__(self):
        done = self.times[self.reached]
        when = f", at times {done.min():.4g} to {done.max():.4g}, median {np.median(done):.4g}" if len(done) else ""
        return f"{len(done)} of {len(self.times)} starts come within {self.within:g} of the least risk{when}"


def ensemble(
    risk: Risk, starts: Iterable, method: Method, iterations: int = 1000, *, within: float = 1e-6, **limits
) -> Ensemble:
    """Descend from many starts until the risk is within a distance of the least one.

    Parameters
    ----------
    risk : Risk
    starts : iterable of array
        Controls, such as ``[eps * risk.space.random(rng) for _ in range(20)]``.
    method : Method
        The times of a `GradientFlow` are those of the theory.
    iterations : int
        Maximum number for each.
    within : float
        Positive; how far above ``risk.least`` counts as the optimum.
    **limits
        Further arguments of `descend`, for each: gradient_tolerance, max_time, stop.

    Returns
    -------
    Ensemble
        Of those done, if an interrupt ended one.

    Raises
    ------
    InputError
        If there are no starts, one is no control, or the distance is not positive.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> starts = (0.1 * model.space.random(np.random.default_rng(i)) for i in range(3))
    >>> bool(tfl.ensemble(risk, starts, tfl.GradientDescent(0.5), iterations=60).risks.max() < 1e-6)
    True
    """
    check_kind("the first argument", risk, Risk, "ensemble(tfl.Risk(model, loss), starts, method)")
    if not is_number(within) or not within > 0:
        raise InputError(f"ensemble: within must be a positive number, got {within!r}.")
    if "risk_tolerance" in limits:
        raise InputError("ensemble: say within=... in place of risk_tolerance; it is measured from risk.least, too.")
    starts = [risk.space.element(start) for start in _listed(starts)]
    results: list[Result] = []
    with Held():
        for start in starts:
            results.append(descend(risk, start, method, iterations, risk_tolerance=within, **limits))
            if results[-1].status.startswith("interrupted"):
                break
    times = [_time_within(result, risk.least, within) for result in results]
    return Ensemble(float(within), tuple(results), np.array([result.value for result in results]), np.array(times))


def _listed(starts) -> list:
    try:
        listed = list(starts)
    except TypeError:
        listed = []
    if not listed:
        raise InputError("ensemble takes a list of controls to start from, such as [0.1 * risk.space.random(rng)].")
    return listed


def _time_within(result: Result, least: float, within: float) -> float:
    """When the risk came to a distance of the least one; NaN if it did not."""
    gaps, times = result.history["risk"] - least, result.history["time"]
    if gaps[-1] > within:
        return math.nan
    if len(gaps) == 1 or not gaps[-1] > 0:
        return float(times[-1])
    before, after = np.log(gaps[-2:] / within)
    return float(times[-2] + (times[-1] - times[-2]) * before / (before - after))
