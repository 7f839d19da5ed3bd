"""Non-linear diffusions d rho/dt = div(a grad F(x, rho)): porous medium, heat, ultra-fast, or any pressure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np

from ..arguments import check_function, is_number, real_array, settle
from ..errors import InputError


class Diffusion(Protocol):
    """d rho/dt = div(rho grad p(x, rho)) = div(a(x) grad F(x, rho)).

    Attributes
    ----------
    positive : bool
        True where F has no limit as rho goes to 0, so that the density must stay positive.
    weight : array (*shape) or None
        Cell means of a, or None where a = 1.

    Examples
    --------
    >>> import torusflow as tfl
    >>> tfl.porous_medium.FiniteVolume((8,), tfl.porous_medium.Heat()).diffusion
    Heat()
    """

    @property
    def positive(self) -> bool: ...

    @property
    def weight(self) -> np.ndarray | None: ...

    def potential(self, density, weight=None) -> np.ndarray:
        """F, array (*shape), at densities of any sign unless `positive`, and point values of a."""
        ...

    def derivative(self, density, weight=None) -> np.ndarray:
        """dF/d rho >= 0, array (*shape)."""
        ...


@dataclass(frozen=True)
class PorousMedium:
    """d rho/dt = div(rho^(m-1) grad rho) = (1/m) Laplacian(rho^m), pressure rho^(m-1) / (m-1).

    The equation of many books is rho_t = Laplacian(rho^m): this one with time m times as long.

    Parameters
    ----------
    exponent : float
        m > 1; `Heat` is m = 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> solver = tfl.porous_medium.FiniteVolume((32,), tfl.porous_medium.PorousMedium(exponent=2.0))
    >>> found = solver.solve(np.r_[np.ones(8), np.zeros(24)], [0.01])
    >>> float(found.density.min()) >= 0
    True
    """

    exponent: float = 3.0
    positive = False
    weight = None

    def __post_init__(self):
        settle(self, exponent=checked_exponent(self.exponent))

    def potential(self, density, weight=None) -> np.ndarray:
        """|rho|^(m-1) rho / m: odd, so that a stage of a time step may dip below zero and is pushed back."""
        return np.abs(density) ** (self.exponent - 1) * density / self.exponent

    def derivative(self, density, weight=None) -> np.ndarray:
        """|rho|^(m-1)."""
        return np.abs(density) ** (self.exponent - 1)


@dataclass(frozen=True)
class Heat:
    """d rho/dt = Laplacian(rho), pressure log rho.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.arange(32) / 32
    >>> solver = tfl.porous_medium.FiniteVolume((32,), tfl.porous_medium.Heat())
    >>> found = solver.solve(1 + 0.5 * np.cos(2 * np.pi * x), [0.01])
    >>> round(float(np.ptp(found.density[0])), 2)
    0.67
    """

    positive = False
    weight = None

    def potential(self, density, weight=None) -> np.ndarray:
        """rho."""
        return density

    def derivative(self, density, weight=None) -> np.ndarray:
        """1."""
        return np.ones_like(density)


@dataclass(frozen=True, eq=False)
class UltraFast:
    """d rho/dt = -(1/2) div(rho grad (g/rho)^2) = -div(g grad (g/rho)), pressure -(1/2) (g/rho)^2.

    The descent of the quantisation problem, and of neurons with the best outer weights (`torusflow.two_timescales`);
    rho tends to g. Rewritten in g/rho the steady state is exact.

    Parameters
    ----------
    weight : array (*shape)
        Cell means of g > 0 on the grid of the density.

    References
    ----------
    .. [1] M. Iacobelli, F. S. Patacchini, F. Santambrogio, Weighted ultrafast diffusion equations: from
       well-posedness to long-time behaviour, Arch. Ration. Mech. Anal. 232 (2019) 1165-1206,
       doi:10.1007/s00205-018-01341-w.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> weight = 1 + 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    >>> found = tfl.porous_medium.FiniteVolume((16,), tfl.porous_medium.UltraFast(weight)).solve(np.ones(16), [1.0])
    >>> bool(np.allclose(found.density[0], weight, atol=1e-2))
    True
    """

    weight: np.ndarray
    positive = True

    def __post_init__(self):
        settle(self, weight=_checked_weight("UltraFast", self.weight))

    def potential(self, density, weight=None) -> np.ndarray:
        """-g / rho."""
        return -cast(np.ndarray, weight) / density

    def derivative(self, density, weight=None) -> np.ndarray:
        """g / rho^2."""
        return weight / density**2


@dataclass(frozen=True, eq=False)
class LogarithmicDiffusion:
    """d rho/dt = div(g grad log(rho/g)) = -div(rho grad (g/rho)), pressure -g/rho.

    The descent of KL(g | rho) in the metric W2, and of neurons with the best entropic outer weights
    (`torusflow.two_timescales`); rho tends to g. With g = 1 it is d rho/dt = Laplacian(log rho).

    Parameters
    ----------
    weight : array (*shape)
        Cell means of g > 0 on the grid of the density.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> weight = 1 + 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    >>> solver = tfl.porous_medium.FiniteVolume((16,), tfl.porous_medium.LogarithmicDiffusion(weight))
    >>> bool(np.allclose(solver.solve(np.ones(16), [1.0]).density[0], weight, atol=1e-2))
    True
    """

    weight: np.ndarray
    positive = True

    def __post_init__(self):
        settle(self, weight=_checked_weight("LogarithmicDiffusion", self.weight))

    def potential(self, density, weight=None) -> np.ndarray:
        """log(rho / g)."""
        return np.log(density / weight)

    def derivative(self, density, weight=None) -> np.ndarray:
        """1 / rho."""
        return 1 / density


def _checked_weight(owner: str, values) -> np.ndarray:
    """Cell means above zero, which cannot be changed, or an InputError."""
    weight = real_array(values, f"the weight of {owner}")
    if not weight.ndim or not weight.size or not np.all(np.isfinite(weight)) or weight.min() <= 0:
        raise InputError(
            f"the weight of {owner} must be an array of finite numbers > 0, got {describe(values)}: the "
            "flux divides by the density, which tends to the weight. Add a small floor to it."
        )
    weight.flags.writeable = False
    return weight


# F(rho) is an integral of s p'(s); s = rho y^4 makes the integrand of any power law s^a, a > -1, smooth enough.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


@dataclass(frozen=True)
class Pressure:
    """d rho/dt = div(rho grad p(rho)) with F(rho) = the integral of s p'(s) from 0 to rho.

    Parameters
    ----------
    slope : callable
        p'(rho) of arrays of rho > 0; rho p'(rho) >= 0, finite, and integrable at 0.
    pressure : callable, optional
        p(rho). The equation needs p' only; where p is given, the two are compared at construction.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> same = tfl.porous_medium.Pressure(slope=lambda rho: rho)  # d rho/dt = div(rho^2 grad rho)
    >>> start = 1 + 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    >>> found = tfl.porous_medium.FiniteVolume((16,), same).solve(start, [0.01])
    >>> round(float(found.density.mean()), 12)
    1.0
    """

    slope: Callable
    pressure: Callable | None = field(default=None)
    positive = False
    weight = None

    def __post_init__(self):
        check_function("slope", self.slope)
        samples = np.geomspace(1e-3, 10, 9)
        rates = samples * real_array(self.slope(samples), "the slope of the pressure")
        if rates.shape != samples.shape or not np.all(np.isfinite(rates)) or rates.min() < 0:
            raise InputError(
                f"rho times the slope of the pressure must be an array of finite numbers >= 0, got {rates!r} at rho = "
                f"{samples!r}: a pressure that falls with the density is not a diffusion. Give p' of an increasing p."
            )
        if self.pressure is not None:
            check_function("pressure", self.pressure)
            step = 1e-4 * samples
            above, below = (real_array(self.pressure(samples + h), "the pressure") for h in (step, -step))
            rise = above - below if above.shape == below.shape == samples.shape else np.full(samples.shape, np.inf)
            if not np.max(np.abs(rise / (2 * step) * samples - rates)) <= 1e-5 * np.max(rates):
                raise InputError("slope is not the derivative of pressure: give p' and p of the same function.")

    def potential(self, density, weight=None) -> np.ndarray:
        """sign(rho) times the integral of s p'(s) from 0 to |rho|, by Gauss-Legendre in y, s = |rho| y^4."""
        size = np.maximum(np.abs(density), np.finfo(float).tiny ** 0.25)
        total = np.zeros_like(size)
        for y, w in zip(_NODES, _WEIGHTS, strict=True):
            s = size * y**4
            total += w * 4 * y**3 * s * self.slope(s)
        return np.sign(density) * size * total

    def derivative(self, density, weight=None) -> np.ndarray:
        """|rho| p'(|rho|)."""
        size = np.maximum(np.abs(density), np.finfo(float).tiny ** 0.25)
        return size * self.slope(size)


def checked_exponent(exponent) -> float:
    """exponent as a float > 1, or InputError."""
    if not is_number(exponent) or not exponent > 1:
        raise InputError(
            f"the exponent m of the porous medium equation must be a number > 1, got {exponent!r}: only then are "
            "there fronts. For m = 1 use Heat()."
        )
    return float(exponent)


def describe(value) -> str:
    """Shape and range of an array, or what else it is."""
    array = np.asarray(value, float)
    return f"shape {array.shape}" + (f" with values from {array.min():.6g} to {array.max():.6g}" if array.size else "")
