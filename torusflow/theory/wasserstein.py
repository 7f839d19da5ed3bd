"""Energies of densities in the Wasserstein metric W2: dissipation, Polyak-Lojasiewicz ratio, displacement convexity."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import is_number
from ..errors import InputError
from ..losses.densities import TorusLoss
from ..losses.loss import HasCurvature
from ..model import check_ability
from ..torus.density import Density
from ..torus.grid import Torus

__all__ = ["convexity", "dissipation", "ratio"]


def dissipation(energy, rho) -> float:
    """|grad E|^2 = mean rho |grad E'(rho)|^2 in W2 [1]_: minus dE/dt along d rho/dt = div(rho grad E'(rho)).

    For KL(rho | uniform) it is the Fisher information, the entropy production of the heat equation. `TangentFlow` gives
    <rho grad E', K*(rho grad E')> in its place, the same in the metric H^s of velocities.

    Parameters
    ----------
    energy : TorusLoss
        On densities, of `tfl.losses`.
    rho : Density or array (*n)
        Smooth on this grid: derivatives are those of its Fourier series.

    Raises
    ------
    InputError
        If the energy is no loss on densities or rho no density on its torus.

    References
    ----------
    .. [1] L. Ambrosio, N. Gigli, G. Savare, Gradient Flows in Metric Spaces and in the Space of Probability Measures,
       2nd edition, Birkhauser 2008, doi:10.1007/978-3-7643-8722-8, section 10.4.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((64,))
    >>> energy = tfl.losses.InternalEnergy(torus, exponent=1.0)
    >>> rho = 1 + 0.01 * np.cos(2 * np.pi * torus.points[0])
    >>> bool(abs(tfl.wasserstein.ratio(energy, rho) / (4 * np.pi**2) - 1) < 1e-4)
    True
    """
    torus, rho = _checked(energy, rho)
    return _kinetic(torus, rho, torus.gradient(energy.gradient(rho)))


def ratio(energy, rho, least: float = 0.0) -> float:
    """|grad E|^2 / (2 (E - E*)) in W2: at least lambda means that E - E* falls at least like exp(-2 lambda t).

    For KL(rho | uniform) it is at least 4 pi^2, by the logarithmic Sobolev inequality of the torus.

    Parameters
    ----------
    energy, rho
        As `dissipation` takes them.
    least : float
        E*, zero for an `InternalEnergy` and for distances and divergences to a target.

    Returns
    -------
    float
        NaN where E is not above E*.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> energy = tfl.losses.InternalEnergy(torus, exponent=1.0)
    >>> tfl.wasserstein.ratio(energy, tfl.densities.von_mises(torus)) > 0
    True
    """
    if not is_number(least):
        raise InputError(f"least must be a number, got {least!r}.")
    rho = _checked(energy, rho)[1]
    gap = energy(rho) - least
    return dissipation(energy, rho) / (2 * gap) if gap > 0 else math.nan


def convexity(energy, rho, potential=None) -> float:
    """d^2/dt^2 E(rho_t) / mean(rho |u|^2) at t = 0 along the geodesic of W2 from rho with velocity u = grad potential.

    Where all of them are at least lambda, E is displacement convex to that degree [1]_. Along the gradient flow of E,
    for which the potential is -E'(rho), |grad E|^2 falls at twice that rate.

    Parameters
    ----------
    energy : Loss
        As `dissipation` takes it, with a second derivative (`curvature`).
    rho : Density or array (*n)
    potential : array (*n), optional
        By default -E'(rho).

    Returns
    -------
    float
        NaN where nothing moves.

    Raises
    ------
    InputError
        As `dissipation`, and if the energy has no second derivative or the potential is no field on the torus.

    Notes
    -----
    With d rho/dt = -div(rho u) at t = 0 and d^2 rho/dt^2 = sum_ij d_i d_j (rho u_i u_j),

        d^2 E/dt^2 = <E''(rho) d rho/dt, d rho/dt> + mean rho u.(D^2 E'(rho)) u.

    References
    ----------
    .. [1] R. J. McCann, A convexity principle for interacting gases, Adv. Math. 128 (1997) 153-179,
       doi:10.1006/aima.1997.1634, section 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> energy = tfl.losses.InternalEnergy(torus, exponent=1.0)
    >>> potential = np.cos(2 * np.pi * torus.points[0])
    >>> tfl.wasserstein.convexity(energy, tfl.densities.uniform(torus), potential) > 0
    True
    """
    torus, rho = _checked(energy, rho)
    check_ability(
        energy, HasCurvature, "displacement convexity needs", "Take an InternalEnergy or tfl.losses.SquaredL2."
    )
    slope = torus.gradient(energy.gradient(rho))
    velocity = -slope if potential is None else torus.gradient(torus.field(potential))
    if velocity.shape != slope.shape or not torus.is_finite(velocity):
        raise InputError(f"the potential must be a finite field {torus.local_shape} on the torus of the energy.")
    moved = _kinetic(torus, rho, velocity)
    if not moved > 0:
        return math.nan
    change = -torus.divergence(rho * velocity)
    bend = sum(u * (velocity * torus.gradient(s)).sum(axis=0) for u, s in zip(velocity, slope, strict=True))
    return (torus.inner(energy.curvature(rho, change), change) + torus.inner(rho, bend)) / moved


def _kinetic(torus: Torus, rho, velocity) -> float:
    """mean rho |u|^2."""
    return torus.inner(rho, (velocity**2).sum(axis=0))


def _checked(energy, rho) -> tuple[Torus, np.ndarray]:
    """The torus of the energy and the values of the density there."""
    if not isinstance(energy, TorusLoss):
        raise InputError(
            f"the energy must be a loss on densities, such as tfl.losses.SquaredL2(target) or "
            f"tfl.losses.InternalEnergy(torus, 3.0), got a {type(energy).__name__}."
        )
    if isinstance(rho, Density) and rho.torus != energy.torus:
        raise InputError(f"the density lives on {rho.torus!r}, the energy on {energy.torus!r}.")
    return energy.torus, energy.checked(rho.values if isinstance(rho, Density) else rho)
