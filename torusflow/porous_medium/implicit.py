"""TR-BDF2 for d rho/dt = -div J(rho), with every stage kept as fluxes through faces: mass is exact at any residual."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .fluxes import Fluxes

GAMMA = 2 - math.sqrt(2)
DIAGONAL = GAMMA / 2
OUTER = math.sqrt(2) / 4
# Weights of the three stages minus those of the embedded third-order formula.
ERROR = ((4 * OUTER - 1) / 3, -1 / 3, 2 * DIAGONAL / 3)

MAX_ITERATIONS = 12
LINEAR_TOLERANCE = 0.05


@dataclass
class Counts:
    """What a solution cost.

    Attributes
    ----------
    steps, rejected : int
        Accepted and repeated time steps.
    newton, linear : int
        Iterations of Newton's method, and of conjugate gradients inside (none for d = 1).
    limited : int
        Steps after which some flux had to be scaled to keep a cell from becoming negative.
    """

    steps: int = 0
    rejected: int = 0
    newton: int = 0
    linear: int = 0
    limited: int = 0


@dataclass(frozen=True)
class Stage:
    """rho after a stage, the mean flux over the time since the start of the step that gives it, and J at the stage."""

    density: np.ndarray
    total: np.ndarray
    flux: np.ndarray


@dataclass(frozen=True, eq=False)
class TRBDF2:
    """One step: the trapezoidal rule over gamma dt, then BDF2 over the rest; gamma = 2 - sqrt 2, L-stable, order two.

    Parameters
    ----------
    fluxes : Fluxes
    accuracy : float
        Of Newton's method: the Euclidean size of the last change, relative to the density.

    References
    ----------
    .. [1] R. E. Bank et al., Transient simulation of silicon devices and circuits, IEEE Trans. Electron Devices 32
       (1985) 1992-2007, doi:10.1109/T-ED.1985.22232.
    .. [2] M. E. Hosea, L. F. Shampine, Analysis and implementation of TR-BDF2, Appl. Numer. Math. 20 (1996) 21-37,
       doi:10.1016/0168-9274(95)00115-8: as a Runge-Kutta method with its third-order companion, and the error
       estimate divided by (1 + dt d J'), which keeps it right for stiff components.
    """

    fluxes: Fluxes
    accuracy: float

    def step(self, density, flux, duration, counts: Counts) -> tuple[Stage, float] | None:
        """The last stage and the relative local error, or None where Newton's method did not converge."""
        middle = self._stage(density, DIAGONAL * flux, duration, density, counts)
        if middle is None:
            return None
        guess = density + (middle.density - density) / GAMMA
        if self.fluxes.diffusion.positive:
            guess = np.where(guess > 0, guess, middle.density)
        last = self._stage(density, OUTER * (flux + middle.flux), duration, guess, counts)
        if last is None:
            return None
        difference = ERROR[0] * flux + ERROR[1] * middle.flux + ERROR[2] * last.flux
        error = self.fluxes.advance(np.zeros_like(density), difference, duration)
        root = self.fluxes.root_of_diffusivity(last.density)
        correction, linear = self.fluxes.solve(root, DIAGONAL * duration, error, LINEAR_TOLERANCE)
        counts.linear += linear
        error = self.fluxes.advance(error, correction, DIAGONAL * duration)
        return last, size(error) / size(density)

    def _stage(self, density, base, duration, guess, counts) -> Stage | None:
        """U = rho - dt div(base + d J(U)), by Newton's method with the two-point flux in the Jacobian."""
        scale = self.accuracy * size(density)
        u, previous = guess, math.inf
        for iteration in range(MAX_ITERATIONS):
            flux = self.fluxes(u)
            total = base + DIAGONAL * flux
            target = self.fluxes.advance(density, total, duration)
            root = self.fluxes.root_of_diffusivity(u)
            residual = target - u
            if not np.isfinite(np.sum(residual)):
                return None
            correction, linear = self.fluxes.solve(root, DIAGONAL * duration, residual, LINEAR_TOLERANCE)
            total += DIAGONAL * correction
            new = self.fluxes.advance(density, total, duration)
            if self.fluxes.diffusion.positive and not new.min() > 0:
                return None
            change = size(new - u)
            u = new
            counts.newton += 1
            counts.linear += linear
            rate = change / previous if iteration else 0.3
            if rate < 1 and rate / (1 - rate) * change <= scale:
                return Stage(u, total, (total - base) / DIAGONAL)
            if iteration > 2 and rate > 2:
                return None
            previous = change
        return None


def size(f) -> float:
    """The Euclidean norm of a grid function."""
    return math.sqrt(np.vdot(f, f))
