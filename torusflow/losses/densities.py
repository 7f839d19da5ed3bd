"""Losses that compare a density on the torus with a target; gradients are first variations d loss / d rho."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, cast

import numpy as np

from ..arguments import checked_flag, settle
from ..display import OneLine
from ..errors import InputError
from ..torus.density import Density, LogDensitySpace
from ..torus.grid import Torus
from ..torus.scattered import weighted_samples
from ..torus.sobolev import SobolevMetric
from .cloud_mmd import checked_cloud
from .positive import checked_floor


class TorusLoss(OneLine):
    """What the losses on densities have in common: they know the `torus` on which these live."""

    torus: Torus
    target: Density | np.ndarray
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def checked(self, rho) -> np.ndarray:
        """rho as a function on this torus, which may be negative or not finite, or an InputError."""
        rho = self.torus.field(rho)
        if rho.shape != self.torus.local_shape:
            raise InputError(f"a density on this torus is an array {self.torus.local_shape}, got {rho.shape}.")
        return rho

    def check(self, space) -> None:
        """Raise an InputError unless the output is a density on this torus."""
        if isinstance(space, LogDensitySpace):
            raise InputError(
                f"{type(self).__name__} compares densities, but the model gives logarithms of densities. Use "
                f"NormalisedLikelihood, or a MeasureNODE."
            )
        torus = getattr(space, "torus", None)
        if torus != self.torus:
            where = "no densities on a torus" if torus is None else f"densities on {torus!r}"
            raise InputError(
                f"{type(self).__name__} compares densities on {self.torus!r}, but the model gives {where}. "
                f"Make the target on the model's torus."
            )

    def on(self, torus: Torus):
        """The same loss on another grid, a target density by its Fourier series.

        Parameters
        ----------
        torus : Torus
            Of the same dimension.
        """
        changes: dict[str, Any] = {"torus": torus} if any(field.name == "torus" for field in fields(self)) else {}
        target = getattr(self, "target", None)  # an energy has none
        if isinstance(target, Density):
            changes["target"] = target.on(torus)
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class DensityLoss(TorusLoss):
    """What the losses against a target have in common, and the base of your own: it lacks the value and the gradient.

    Derive from it and write ``__call__(rho)`` and ``gradient(rho)``; which outputs it takes, other grids, copies and
    run files are seen to here. ``checked(rho)`` refuses what is no function on the grid.

    Parameters
    ----------
    target : Density
        rho*.

    Raises
    ------
    InputError
        If the target is no `Density`.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> class FourthPower(tfl.losses.DensityLoss):
    ...     def __call__(self, rho):
    ...         return self.torus.mean((rho - self.target.values) ** 4) / 4
    ...
    ...     def gradient(self, rho):
    ...         return (rho - self.target.values) ** 3
    >>> target = tfl.densities.von_mises(tfl.Torus((32,)))
    >>> round(FourthPower(target)(np.ones(32)), 4)
    0.0779
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
        """The torus of the target."""
        return self.target.torus


@dataclass(frozen=True, eq=False)
class SquaredL2(DensityLoss):
    """(1/2) mean (rho - rho*)^2; first variation rho - rho*.

    Parameters
    ----------
    target : Density

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> target = tfl.densities.von_mises(torus)
    >>> round(tfl.losses.SquaredL2(target)(np.ones(32)), 4)
    0.2111
    """

    def __call__(self, rho) -> float:
        difference = self.checked(rho) - self.target.values
        return self.torus.inner(difference, difference) / 2

    def gradient(self, rho) -> np.ndarray:
        return self.checked(rho) - self.target.values

    def curvature(self, rho, direction) -> np.ndarray:
        return direction


@dataclass(frozen=True, eq=False)
class L2(DensityLoss):
    """sqrt(mean (rho - rho*)^2), not squared; first variation (rho - rho*)/L2, zero at the target.

    Parameters
    ----------
    target : Density

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> target = tfl.densities.von_mises(torus)
    >>> round(tfl.losses.L2(target)(np.ones(32)), 4)
    0.6497
    """

    def __call__(self, rho) -> float:
        return self.torus.norm(self.checked(rho) - self.target.values)

    def gradient(self, rho) -> np.ndarray:
        difference = self.checked(rho) - self.target.values
        norm = self.torus.norm(difference)
        return difference / norm if norm > 0 else difference


@dataclass(frozen=True, eq=False)
class KullbackLeibler(DensityLoss):
    """KL(rho | rho*) = mean rho log(rho / rho*) - rho + rho*, or KL(rho* | rho) with `reverse`.

    A spectral density can undershoot zero. Where rho < floor, the function of rho under the mean is continued by its
    second-order Taylor polynomial at the floor: still convex, twice continuously differentiable, and exactly the
    Kullback-Leibler divergence wherever both densities are at least the floor. Where the target is below, it is read
    through the same polynomial; with `reverse` a cubic term is added below the floor. So neither is negative, and both
    are least at the target: there zero, with `reverse` up to a third of the floor where the target is below it.

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

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> target = tfl.densities.von_mises(torus)
    >>> round(tfl.losses.KullbackLeibler(target)(np.ones(32)), 4)
    0.2359
    """

    reverse: bool = False
    floor: float = 1e-3
    _low: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        checked_floor("KullbackLeibler", self.floor)
        checked_flag("KullbackLeibler: reverse", self.reverse)
        if not self.reverse and self.torus.minimum(self.target.values) <= 0:
            raise InputError(
                "KL(rho | rho*) is infinite because the target vanishes somewhere. "
                "Use reverse=True (--reverse), or give the target a floor: floor=0.001 in from_samples or from_image "
                "(--floor 0.001)."
            )
        settle(self, _low=self.target.values < self.floor)

    def __call__(self, rho) -> float:
        rho, target, floor = self.checked(rho), self.target.values, self.floor
        above, below = self._split(rho)
        if self.reverse:
            log_target = np.log(np.where(target > 0, target, 1))  # 0 log 0 = 0: its own entropy needs no floor
            minus_log = -np.log(above) - below / floor + below**2 / (2 * floor**2)
            steeper = self._low * below**3 / (3 * floor**2)
            return max(self.torus.mean(target * (log_target + minus_log) - target + rho - steeper), 0.0) + 0.0
        entropy = above * np.log(above) - above + np.log(floor) * below + below**2 / (2 * floor)
        conjugate = target + self._split(target)[1] ** 2 / (2 * floor)
        return max(self.torus.mean(entropy - rho * self._log(target) + conjugate), 0.0) + 0.0  # but for round-off it is

    def gradient(self, rho) -> np.ndarray:
        rho, target, floor = self.checked(rho), self.target.values, self.floor
        if self.reverse:
            above, below = self._split(rho)
            return 1 - target * (1 / above - below / floor**2) - self._low * (below / floor) ** 2
        return self._log(rho) - self._log(target)

    def curvature(self, rho, direction) -> np.ndarray:
        above, below = self._split(rho)
        if self.reverse:
            return direction * (self.target.values / above**2 - self._low * 2 * below / self.floor**2)
        return direction / above

    def _split(self, rho) -> tuple[np.ndarray, np.ndarray]:
        """max(rho, floor), and what rho lacks to it."""
        return np.maximum(rho, self.floor), np.minimum(rho - self.floor, 0)

    def _log(self, rho) -> np.ndarray:
        """The derivative of rho log rho - rho, continued."""
        above, below = self._split(rho)
        return np.log(above) + below / self.floor


@dataclass(frozen=True, eq=False)
class Hellinger(DensityLoss):
    """(1/2) mean (sqrt rho - sqrt rho*)^2, the squared Hellinger distance; at most one.

    Below the floor the square roots of both are continued by their second-order Taylor polynomial at the floor, so
    that a density may undershoot zero: twice continuously differentiable, still zero at the target only, and exactly
    the squared Hellinger distance wherever both are at least the floor.

    Parameters
    ----------
    target : Density
    floor : float
        Positive; relative to the uniform density.

    Raises
    ------
    InputError
        If the floor is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> target = tfl.densities.von_mises(torus)
    >>> round(tfl.losses.Hellinger(target)(np.ones(32)), 4)
    0.0548
    """

    floor: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        checked_floor("Hellinger", self.floor)

    def __call__(self, rho) -> float:
        difference = self._root(rho)[0] - self._root(self.target.values)[0]
        return self.torus.inner(difference, difference) / 2

    def gradient(self, rho) -> np.ndarray:
        root, slope, _ = self._root(rho)
        return (root - self._root(self.target.values)[0]) * slope

    def curvature(self, rho, direction) -> np.ndarray:
        root, slope, second = self._root(rho)
        convex = slope**2 + (root - self._root(self.target.values)[0]) * second
        return direction * np.maximum(convex, 0.0)

    def _root(self, rho) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The square root, continued, and its first two derivatives."""
        rho = self.checked(rho)
        root = np.sqrt(np.maximum(rho, self.floor))
        below = np.minimum(rho - self.floor, 0)
        second = -1 / (4 * root**3)
        return root + below / (2 * root) + second * below**2 / 2, 1 / (2 * root) + second * below, second


@dataclass(frozen=True, eq=False)
class SobolevMMD(TorusLoss):
    """|rho - rho*|_{H^-r}, with |f|^2 = sum_k (1 + l^2 |2 pi k|^2)^(-r) |f^_k|^2; or half its square.

    The maximum mean discrepancy of the kernel of H^r; with r = 0 it is the L2 norm. Samples stand for the measure
    (1/M) sum_i delta_{x_i}, without a kernel estimate, of which the modes |k_j| < n_j/2 of the grid are compared.

    Parameters
    ----------
    target : Density or array (M, d)
        rho*, or samples of it in sides of the torus.
    order : float
        r, between 0 and 10; for samples, above d/2 the limit of infinitely many modes exists.
    length : float
        l, in sides of the torus.
    squared : bool
        Whether to give (1/2) |rho - rho*|^2 instead, which is smooth at the target.
    torus : Torus, optional
        Of the densities; needed when the target is samples.

    Raises
    ------
    InputError
        If the target is neither, or a number is out of range.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> loss = tfl.losses.SobolevMMD(tfl.densities.von_mises(torus), order=1.0)
    >>> round(loss(np.ones(32)), 4)
    0.1
    """

    target: Density | np.ndarray
    order: float = 1.0
    length: float = 1.0
    squared: bool = False
    torus: Torus = field(default=cast(Torus, None))  # that of a target density
    _weights: np.ndarray = field(init=False, repr=False)
    _values: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        torus = self.target.torus if isinstance(self.target, Density) else self.torus
        if not isinstance(torus, Torus):
            raise InputError("SobolevMMD: give a Density as target, or samples (M, d) together with torus=Torus(...).")
        checked_flag("SobolevMMD: squared", self.squared)
        if self.torus is not None and (not isinstance(self.torus, Torus) or self.torus != torus):
            raise InputError(
                f"SobolevMMD: the target is a density on {torus!r}, but torus={self.torus!r}; leave it out."
            )
        try:
            weights = 1 / SobolevMetric(self.order, self.length).symbol(torus.laplacian_symbol)
        except InputError:
            raise InputError(
                f"SobolevMMD: order and length must be numbers between 0 and 10, "
                f"got order={self.order!r}, length={self.length!r}."
            ) from None
        if isinstance(self.target, Density):
            values = self.target.values
        else:
            samples = checked_cloud("SobolevMMD", self.target, torus.dimension)
            settle(self, target=samples)
            values = weighted_samples(torus, samples, np.ones(len(samples)))
            weights = weights * torus.within([(n - 1) // 2 for n in torus.shape])
        settle(self, torus=torus, _weights=weights, _values=values)

    def __call__(self, rho) -> float:
        difference = self.checked(rho) - self._values
        square = self.torus.inner(difference, self._smooth(difference))
        return square / 2 if self.squared else math.sqrt(max(square, 0.0))

    def gradient(self, rho) -> np.ndarray:
        difference = self.checked(rho) - self._values
        smooth = self._smooth(difference)
        if self.squared:
            return smooth
        norm = math.sqrt(max(self.torus.inner(difference, smooth), 0.0))
        return smooth / norm if norm > 0 else smooth

    def curvature(self, rho, direction) -> np.ndarray:
        if not self.squared:
            raise InputError(
                "SobolevMMD has a second derivative at its target only with squared=True (--set loss.squared=true)."
            )
        return self._smooth(direction)

    def _smooth(self, f) -> np.ndarray:
        return self.torus.filter(f, self._weights)
