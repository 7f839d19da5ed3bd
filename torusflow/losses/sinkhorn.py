"""The Sinkhorn divergence: optimal transport, smoothed so that it can be computed on a grid, and debiased."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..arguments import is_number
from ..errors import InputError
from ..torus.grid import Torus
from .densities import DensityLoss
from .entropic_transport import Plan, conjugate_gradients, logarithm, optimal_plan, self_potential
from .positive import Measure, checked_floor

# Of the implicit equation for a second derivative.
CURVATURE_TOLERANCE = 1e-10
# A coefficient of the kernel below minus this part of the mean is worth a warning.
MOST_NEGATIVE = 1e-6


@dataclass(frozen=True, eq=False)
class Sinkhorn(DensityLoss):
    """S(mu, nu) = OT(mu, nu) - OT(mu, mu)/2 - OT(nu, nu)/2, OT(mu, nu) = min <c, plan> + epsilon KL(plan | mu x nu).

    The cost is c(x, y) = sum_j d(x_j, y_j)^2 with the distance d on the circle of length one, without a factor 1/2: for
    epsilon to zero S tends to the squared Wasserstein distance W2^2. Its first variation is f - p, with the potentials
    f of (mu, nu) and p of (mu, mu) [1]_.

    Where the kernel exp(-c/epsilon) is positive definite, S is convex in each argument and zero for equal measures
    only [2]_. Because d has a kink opposite, some of its Fourier coefficients are negative, by exp(-1/(4 epsilon)) in
    order of magnitude: at least -3e-7 of the mean up to epsilon = 0.02, but -5e-3 at 0.1, where a descent makes a
    density rougher without end. There is a warning above one in a million.

    mu and nu are the densities divided by their means. Below the floor both are read as floor exp(-s - s^2/2) with
    s = 1 - rho/floor, positive and twice continuously differentiable, because a spectral density can undershoot zero.

    Parameters
    ----------
    target : Density
    epsilon : float
        In squared sides of the torus; at least h^2, the square of the widest grid spacing. Down to there a small
        displacement costs its square times a constant, wherever the grid lies; with h^2/4 one by a tenth of a cell
        costs three times as much. Features narrower than sqrt(epsilon) are seen as by a smooth norm, wider ones as by
        W2.
    floor : float
        Relative to the uniform density.

    Raises
    ------
    InputError
        If epsilon is too small for the grid, or a number is out of range.
    UserWarning
        If epsilon is so large that S is not a divergence.
    NumericalError
        When called, if a density is not finite or the potentials do not converge.

    References
    ----------
    .. [1] G. Peyre, M. Cuturi, Computational optimal transport, Found. Trends Mach. Learn. 11 (2019) 355-607,
       doi:10.1561/2200000073, chapters 4 and 9.
    .. [2] J. Feydy, T. Sejourne, F.-X. Vialard, S. Amari, A. Trouve, G. Peyre, Interpolating between optimal transport
       and MMD using Sinkhorn divergences, AISTATS 2019, arXiv:1810.08278, theorem 1.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> loss = tfl.losses.Sinkhorn(tfl.densities.von_mises(torus, 0.3), epsilon=0.02)
    >>> abs(loss(loss.target.values)) < 1e-9
    True
    """

    epsilon: float = 0.01
    floor: float = 1e-3
    _last: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        checked_floor("Sinkhorn", self.floor)
        if not is_number(self.epsilon) or not 0 < self.epsilon <= 10:
            raise InputError(
                f"Sinkhorn: epsilon must be a number between 0 and 10, in squared sides of the torus, "
                f"got {self.epsilon!r}."
            )
        n = min(self.torus.shape)
        if self.epsilon < (1 - 1e-9) / n**2:
            raise InputError(
                f"Sinkhorn: epsilon={self.epsilon:.3g} is too small for an axis of {n} grid points: with it, "
                f"displacements within a cell would cost too much. The smallest that makes sense is 1/{n}^2 = "
                f"{1 / n**2:.3g}; use that or more, or {math.ceil((1 - 1e-9) / math.sqrt(self.epsilon))} points."
            )

        alone = self.torus.alone()
        lowest, wavenumber = min(_lowest_coefficient(alone.resized((n,)), self.epsilon) for n in self.torus.shape)
        if lowest < -MOST_NEGATIVE:
            warnings.warn(
                f"Sinkhorn: with epsilon={self.epsilon:.3g} the kernel of the geodesic cost is not positive definite: "
                f"its coefficient at k = {wavenumber} is {lowest:.1e} of the mean, so the divergence may be negative "
                f"and a descent may roughen the density. Up to epsilon=0.02 this is negligible.",
                stacklevel=3,
            )

    @cached_property
    def _target(self) -> tuple[np.ndarray, np.ndarray]:
        """nu and its potential with itself."""
        nu = Measure(self.torus, self.target.values, self.floor).values
        return nu, self_potential(self.torus, nu, self.epsilon)

    def _transport(self, rho) -> tuple[Measure, Plan, np.ndarray]:
        """mu, the plan to nu, and the potential of mu with itself; kept, since a gradient follows a value."""
        rho, last = self.checked(rho), self._last.get("density")
        if last is None or not all(self.torus.everyone(np.array_equal(last[0], rho))):
            mu = Measure(self.torus, rho, self.floor)
            plan = optimal_plan(self.torus, mu.values, self._target[0], self.epsilon)
            last = rho.copy(), (mu, plan, self_potential(self.torus, mu.values, self.epsilon))
            self._last["density"] = last
        return last[1]

    def on(self, torus: Torus) -> Sinkhorn:
        """The same on another grid, with a larger epsilon if it needs one."""
        return replace(self, target=self.target.on(torus), epsilon=max(self.epsilon, min(torus.shape) ** -2))

    def __call__(self, rho) -> float:
        mu, plan, own = self._transport(rho)
        nu, target_own = self._target
        first, second = self.torus.inner(plan.after - own, mu.values), self.torus.inner(plan.g - target_own, nu)
        return self.epsilon * (first + second)

    def gradient(self, rho) -> np.ndarray:
        mu, plan, own = self._transport(rho)
        return mu.pull_back(self.epsilon * (plan.after - own))

    def curvature(self, rho, direction) -> np.ndarray:
        """The second variation of S as a function of mu, by two implicit equations."""
        mu, plan, own = self._transport(rho)
        relative = mu.push_forward(direction) / np.maximum(mu.values, np.finfo(float).tiny)
        change = plan.solve(plan.there_and_back(relative), CURVATURE_TOLERANCE)
        expectation = plan.kernel.conditional(own + logarithm(mu.values))
        own_change = conjugate_gradients(
            self.torus, mu.values, lambda v: v + expectation(v), -expectation(relative), CURVATURE_TOLERANCE
        )
        return mu.pull_back(self.epsilon * (change - own_change))


def _lowest_coefficient(circle: Torus, epsilon: float) -> tuple[float, int]:
    """The lowest Fourier coefficient of exp(-d^2/epsilon) on a circle, over the mean, and its wavenumber."""
    (x,) = circle.points
    coefficients = np.real(circle.to_host(circle.transform(np.exp(-(np.minimum(x, 1 - x) ** 2) / epsilon))))
    lowest = int(np.argmin(coefficients))
    return float(coefficients[lowest] / coefficients[0]), lowest
