"""The energies of which diffusions are gradient flows: a function of the density, integrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import check_kind, is_number, settle
from ..errors import InputError
from ..torus.grid import Torus
from .densities import TorusLoss

# The exponents of `porous_medium.Spectral`, and that of the heat equation.
LARGEST_EXPONENT = 10
# Share of the largest density below which one is rounding, and what divides by it means nothing.
ROUND_OFF = 1e-16


@dataclass(frozen=True, eq=False)
class InternalEnergy(TorusLoss):
    """mean (rho^m - 1)/(m (m - 1)), or mean rho log rho for m = 1; zero at the uniform density, positive elsewhere.

    Its gradient flow in W2 is d rho/dt = div(rho^(m-1) grad rho) [1]_: `porous_medium.PorousMedium(m)`, or `Heat`. For
    m = 2 it is `SquaredL2`, for m = 1 `KullbackLeibler`, to the uniform density.

    Parameters
    ----------
    torus : Torus
    exponent : float
        m, from 1 to 10.

    Raises
    ------
    InputError
        If the exponent is another.

    References
    ----------
    .. [1] F. Otto, The geometry of dissipative evolution equations: the porous medium equation, Comm. Partial
       Differential Equations 26 (2001) 101-174, doi:10.1081/PDE-100002243, section 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> tfl.losses.InternalEnergy(torus, exponent=3.0)(np.ones(32))
    0.0
    """

    torus: Torus
    exponent: float = 3.0

    def __post_init__(self):
        check_kind("torus", self.torus, Torus, "tfl.Torus((64, 64))")
        if not is_number(self.exponent) or not 1 <= self.exponent <= LARGEST_EXPONENT:
            raise InputError(
                f"InternalEnergy: the exponent must be a number from 1, the heat equation, to {LARGEST_EXPONENT}, got "
                f"{self.exponent!r}."
            )
        settle(self, exponent=float(self.exponent))

    def __call__(self, rho) -> float:
        """The value; rho is read as zero where it is negative."""
        rho, m = self._positive(rho), self.exponent
        if m == 1:
            return self.torus.mean(rho * np.log(rho))
        return self.torus.mean(rho**m - 1) / (m * (m - 1))

    def gradient(self, rho) -> np.ndarray:
        """rho^(m-1)/(m - 1), the pressure, or log rho: the first variation, but for a constant."""
        rho, m = self._positive(rho), self.exponent
        return np.log(rho) if m == 1 else rho ** (m - 1) / (m - 1)

    def curvature(self, rho, direction) -> np.ndarray:
        """rho^(m-2) times the direction."""
        return self._positive(rho) ** (self.exponent - 2) * direction

    def _positive(self, rho) -> np.ndarray:
        rho = self.checked(rho)
        least, largest = self.torus.minimum(rho), self.torus.maximum(rho)
        if self.exponent < 2 and not least > ROUND_OFF * largest:
            raise InputError(
                f"an InternalEnergy of exponent {self.exponent:g} is for positive densities, and this one falls to "
                f"{least:.3g}, round-off of its largest value {largest:.3g}. Add a small floor, or take an exponent of "
                f"at least 2."
            )
        return np.maximum(rho, 0.0)
