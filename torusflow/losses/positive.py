"""How the losses that need positive densities read those that have undershot zero."""

from __future__ import annotations

import numpy as np

from ..arguments import is_number
from ..errors import InputError, NumericalError
from ..torus.grid import Torus

# Losses divide by its powers.
SMALLEST_FLOOR = 1e-60


def checked_floor(name: str, floor) -> None:
    """Raise an InputError unless the floor is a number between 0 and 1."""
    if not is_number(floor) or not 0 < floor < 1:
        raise InputError(f"{name}: floor must be a number between 0 and 1, got {floor!r}.")
    if floor < SMALLEST_FLOOR:
        raise InputError(f"{name}: floor={floor!r} is too small, its powers underflow; use {SMALLEST_FLOOR:g} or more.")


def positive_part(rho, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """p(rho) and p'(rho): p(r) = r for r >= floor, below it floor exp(-s - s^2/2) with s = 1 - r/floor.

    Increasing, twice continuously differentiable, and positive up to underflow.

    Parameters
    ----------
    rho : array
    floor : float
        Positive.
    """
    s = np.maximum(1 - rho / floor, 0.0)
    shrunk = np.exp(-s - s**2 / 2)
    return np.where(s > 0, floor * shrunk, rho), (1 + s) * shrunk


class Measure:
    """The probability measure p(rho) / mean p(rho) of a density, and the first variation of functions of it.

    Parameters
    ----------
    torus : Torus
    rho : array (*n)
    floor : float

    Attributes
    ----------
    values : array (*n)
        Of mean one.

    Raises
    ------
    NumericalError
        If a value of rho is not finite, or none is positive.
    """

    def __init__(self, torus: Torus, rho, floor: float):
        positive, self._slope = positive_part(rho, floor)
        self._torus, self._mass = torus, torus.mean(positive)
        if not torus.is_finite(positive) or not self._mass > 0:
            raise NumericalError("the density is not finite, or nowhere positive.")
        self.values = positive / self._mass

    def push_forward(self, direction) -> np.ndarray:
        """The change of the measure with rho."""
        change = self._slope / self._mass * direction
        return change - self.values * self._torus.mean(change)

    def pull_back(self, potential) -> np.ndarray:
        """The first variation in rho of a function whose first variation in the measure is `potential`."""
        return self._slope / self._mass * (potential - self._torus.inner(potential, self.values))
