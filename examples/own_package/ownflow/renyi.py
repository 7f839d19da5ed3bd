"""The Renyi divergence of densities."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torusflow as tfl
from torusflow.losses.positive import positive_part


@dataclass(frozen=True, eq=False)
class Renyi:
    """log(mean of rho^a q^(1 - a)) / (a - 1) of a density rho from a target q, for an order a in (0, 1).

    Zero at the target only, convex, and finite where densities vanish. For a = 1/2 it is minus twice the logarithm of
    the Bhattacharyya coefficient, for a -> 1 the Kullback-Leibler divergence.

    Parameters
    ----------
    target : Density
        q.
    order : float
        a, between 0 and 1.
    floor : float
        Densities below it, which may be negative, are read as positive; relative to the uniform density.

    Raises
    ------
    InputError
        If the target is not a density, or a number is out of range.
    """

    target: tfl.Density
    order: float = 0.5
    floor: float = 1e-3

    def __post_init__(self):
        if not isinstance(self.target, tfl.Density):
            raise tfl.InputError(f"Renyi: the target must be a Density, got a {type(self.target).__name__}.")
        for name in ("order", "floor"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < 1:
                raise tfl.InputError(f"Renyi: {name} must be a number between 0 and 1, got {value!r}.")

    def __call__(self, rho) -> float:
        return math.log(self._affinity(rho)[2]) / (self.order - 1)

    def gradient(self, rho) -> np.ndarray:
        """The first variation: <gradient, d rho> = mean(gradient * d rho)."""
        positive, slope, affinity = self._affinity(rho)
        return self.order / (self.order - 1) * slope * (self._target() / positive) ** (1 - self.order) / affinity

    def curvature(self, rho, direction) -> np.ndarray:
        """Its derivative along a direction, exact above the floor; below, what keeps it convex."""
        a, gradient = self.order, self.gradient(rho)
        positive, slope, _ = self._affinity(rho)
        change = self.target.torus.inner(gradient, direction)
        return (a - 1) * gradient * (slope * direction / positive - change)

    def check(self, space) -> None:
        """Raise an InputError unless outputs are densities on the target's torus."""
        if getattr(space, "torus", None) != self.target.torus:
            raise tfl.InputError(f"Renyi compares densities on {self.target.torus!r}; make the target on the model's.")

    def on(self, torus) -> Renyi:
        """The same on another grid, for descents from coarse to fine."""
        return replace(self, target=self.target.on(torus))

    def _target(self) -> np.ndarray:
        return positive_part(self.target.values, self.floor)[0]

    def _affinity(self, rho) -> tuple[np.ndarray, np.ndarray, float]:
        """rho as read, the derivative of that in rho, and the mean."""
        positive, slope = positive_part(rho, self.floor)
        return positive, slope, self.target.torus.mean(positive**self.order * self._target() ** (1 - self.order))
