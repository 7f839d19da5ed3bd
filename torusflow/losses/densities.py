"""Losses that compare a density on the torus with a target; gradients are first variations d loss / d rho."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..torus.density import Density
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric


@dataclass(frozen=True, eq=False)
class DensityLoss:
    """What the losses against a target have in common.

    Parameters
    ----------
    target : Density
        rho*.

    Raises
    ------
    InputError
        If the target is no `Density`.
    """

    target: Density

    def __post_init__(self):
        if not isinstance(self.target, Density):
            raise InputError(
                f"{type(self).__name__}: the target must be a Density, got a {type(self.target).__name__}. "
                f"Use tfl.densities.from_array(torus, values)."
            )

    @property
    def torus(self) -> Torus:
        """Where the target lives."""
        return self.target.torus

    def check(self, space) -> None:
        """Raise an InputError unless the output lives on the target's torus."""
        torus = getattr(space, "torus", None)
        if torus != self.torus:
            where = "no densities on a torus" if torus is None else f"densities on {torus!r}"
            raise InputError(
                f"{type(self).__name__} compares densities on {self.torus!r}, but the model gives {where}. "
                f"Make the target on the model's torus."
            )


@dataclass(frozen=True, eq=False)
class SquaredL2(DensityLoss):
    """(1/2) mean (rho - rho*)^2; first variation rho - rho*.

    Parameters
    ----------
    target : Density
    """

    def __call__(self, rho) -> float:
        difference = rho - self.target.values
        return self.torus.inner(difference, difference) / 2

    def gradient(self, rho) -> np.ndarray:
        return rho - self.target.values


@dataclass(frozen=True, eq=False)
class L2(DensityLoss):
    """sqrt(mean (rho - rho*)^2), not squared; first variation (rho - rho*)/L2, zero at the target.

    Parameters
    ----------
    target : Density
    """

    def __call__(self, rho) -> float:
        return self.torus.norm(rho - self.target.values)

    def gradient(self, rho) -> np.ndarray:
        difference = rho - self.target.values
        norm = self.torus.norm(difference)
        return difference / norm if norm > 0 else difference


@dataclass(frozen=True, eq=False)
class KullbackLeibler(DensityLoss):
    """KL(rho | rho*) = mean rho log(rho / rho*) - rho + rho*, or KL(rho* | rho) with `reverse`.

    A spectral density can undershoot zero. Where rho < floor, the function of rho under the mean is continued by its
    second-order Taylor polynomial at the floor: still convex, twice continuously differentiable, and exactly the
    Kullback-Leibler divergence wherever rho >= floor.

    Parameters
    ----------
    target : Density
        Positive everywhere unless `reverse`.
    reverse : bool
        The direction: False for KL(rho | rho*), True for KL(rho* | rho), the maximum likelihood direction.
    floor : float
        Positive; densities are relative to the uniform one.

    Raises
    ------
    InputError
        If the floor is not positive, or KL(rho | rho*) is asked for where rho* vanishes.
    """

    reverse: bool = False
    floor: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.floor, numbers.Real) or not 0 < self.floor < 1:
            raise InputError(f"KullbackLeibler: floor must be a number between 0 and 1, got {self.floor!r}.")
        if not self.reverse and self.torus.minimum(self.target.values) <= 0:
            raise InputError(
                "KL(rho | rho*) is infinite because the target vanishes somewhere. "
                "Use reverse=True, or give the target a positive floor."
            )

    def __call__(self, rho) -> float:
        target, floor = self.target.values, self.floor
        above = np.maximum(rho, floor)
        below = np.minimum(rho - floor, 0)
        if self.reverse:
            # 0 log 0 = 0: the target's own entropy needs no floor.
            log_target = np.log(np.where(target > 0, target, 1))
            minus_log = -np.log(above) - below / floor + below**2 / (2 * floor**2)
            return self.torus.mean(target * (log_target + minus_log) - target + rho)
        entropy = above * np.log(above) - above + np.log(floor) * below + below**2 / (2 * floor)
        return self.torus.mean(entropy - rho * np.log(target) + target)

    def gradient(self, rho) -> np.ndarray:
        target, floor = self.target.values, self.floor
        above = np.maximum(rho, floor)
        below = np.minimum(rho - floor, 0)
        if self.reverse:
            return 1 - target * (1 / above - below / floor**2)
        return np.log(above) + below / floor - np.log(target)


@dataclass(frozen=True, eq=False)
class SobolevMMD(DensityLoss):
    """|rho - rho*|_{H^-r}, with |f|^2 = sum_k (1 + l^2 |2 pi k|^2)^(-r) |f^_k|^2; or half its square.

    The maximum mean discrepancy of the kernel of H^r; with r = 0 it is the L2 norm.

    Parameters
    ----------
    target : Density
    order : float
        r, between 0 and 10.
    length : float
        l, in sides of the torus.
    squared : bool
        Whether to give (1/2) |rho - rho*|^2 instead, which is smooth at the target.

    Raises
    ------
    InputError
        If order or length are out of range.
    """

    order: float = 1.0
    length: float = 1.0
    squared: bool = False

    def __post_init__(self):
        super().__post_init__()
        try:
            object.__setattr__(self, "_metric", SobolevMetric(self.order, self.length))
        except InputError:
            raise InputError(
                f"SobolevMMD: order and length must be numbers between 0 and 10, "
                f"got order={self.order!r}, length={self.length!r}."
            ) from None

    def __call__(self, rho) -> float:
        difference = rho - self.target.values
        square = self.torus.inner(difference, self._metric.smooth(self.torus, difference))
        return square / 2 if self.squared else math.sqrt(max(square, 0.0))

    def gradient(self, rho) -> np.ndarray:
        difference = rho - self.target.values
        smooth = self._metric.smooth(self.torus, difference)
        if self.squared:
            return smooth
        norm = math.sqrt(max(self.torus.inner(difference, smooth), 0.0))
        return smooth / norm if norm > 0 else smooth
