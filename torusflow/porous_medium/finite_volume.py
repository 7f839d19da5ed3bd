"""Finite volumes for non-linear diffusion: fourth-order fluxes, never negative, implicit and adaptive in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ..arguments import is_number, real_array, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from .diffusion import Diffusion, PorousMedium, describe
from .fluxes import Fluxes
from .implicit import TRBDF2, Counts, Stage, size
from .stencils import limit_outflow

MAX_STEPS = 200_000
TOLERANCES = (1e-12, 1e-1)
NEWTON_SHARE = 0.02
SAFETY, SHRINK, GROW = 0.9, 0.2, 3.0
SHORTEST = 1e-13
# The equation has the inverse of their squares in it.
SHORTEST_SIDE, LONGEST_SIDE = 1e-30, 1e30
TINY = np.finfo(float).tiny


@dataclass(frozen=True, eq=False)
class Evolution(OneLine):
    """Cell means at the output times, and what they cost: the return value of `FiniteVolume.solve`.

    Attributes
    ----------
    times : array (times,)
    density : array (times, *shape)
        Cell means at the times.
    counts : Counts
        Steps, rejected steps, iterations.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> found = tfl.porous_medium.FiniteVolume((16,)).solve(1 + 0.5 * np.cos(2 * np.pi * np.arange(16) / 16), [0.01])
    >>> found.density.shape
    (1, 16)
    """

    times: np.ndarray
    density: np.ndarray
    counts: Counts


@dataclass(frozen=True, eq=False)
class FiniteVolume(OneLine):
    """d rho/dt = div(rho grad p(x, rho)) for cell means on a periodic box, d = 1, 2 or 3.

    Parameters
    ----------
    shape : int or tuple of int
        Cells per axis, at least 4.
    diffusion : Diffusion
        `PorousMedium(m)`, `Heat()`, `UltraFast(weight)`, `LogarithmicDiffusion(weight)`, `Pressure(slope)`, or an
        object like them.
    side : float or tuple of float
        Of the box.

    Notes
    -----
    The flux is the fourth-order difference of cell means of F everywhere, also at fronts, where F of a porous medium
    is smoother than the density. The small undershoots that a linear scheme leaves outside a front are removed by
    scaling, in the fluxes of the whole step, what flows out of a cell that would become negative: one factor per
    cell, one value per face, so that mass stays what it was to round-off and nothing is clipped.

    Examples
    --------
    >>> solver = FiniteVolume(64, PorousMedium(3.0))
    >>> x = np.arange(64) / 64
    >>> result = solver.solve(1 + 0.5 * np.cos(2 * np.pi * x), times=[0.0, 0.01], tolerance=1e-6)
    >>> result.density.shape
    (2, 64)
    """

    shape: tuple[int, ...]
    diffusion: Diffusion = field(default_factory=PorousMedium)
    side: float | tuple[float, ...] = 1.0

    def __post_init__(self):
        try:
            shape = tuple(np.atleast_1d(self.shape).tolist())
        except (TypeError, ValueError):
            shape = ()
        if not 1 <= len(shape) <= 3 or not all(isinstance(n, int) and n >= 4 for n in shape):
            raise InputError(
                f"shape must be 1 to 3 whole numbers >= 4, got {self.shape!r}: a flux is a difference over four cells."
            )
        try:
            side = tuple(float(x) for x in np.broadcast_to(real_array(self.side, "side"), len(shape)))
        except ValueError:  # not as many as axes
            side = (math.nan,)
        if not all(SHORTEST_SIDE <= length <= LONGEST_SIDE for length in side):
            raise InputError(f"side must be a number > 0, or one for each axis of shape {shape}, got {self.side!r}.")
        weight = getattr(self.diffusion, "weight", None)
        if not callable(getattr(self.diffusion, "potential", None)):
            raise InputError(
                f"diffusion must be PorousMedium(m), Heat(), UltraFast(weight) or Pressure(slope), got "
                f"{self.diffusion!r}: one of your own needs potential, derivative, positive and weight."
            )
        if weight is not None and weight.shape != shape:
            raise InputError(
                f"the weight has shape {weight.shape} but the grid {shape}: give its means on the same cells."
            )
        settle(self, shape=shape, side=side)

    def solve(self, initial, times, tolerance: float = 1e-5, start: float = 0.0) -> Evolution:
        """Cell means at the given times, from those at `start`.

        Parameters
        ----------
        initial : array (*shape)
            Cell means, finite and >= 0; > 0 for a diffusion that is singular at 0.
        times : sequence of float
            Not decreasing, not before `start`; each is hit exactly.
        tolerance : float
            Bound of the estimated error of one time step, root mean square relative to that of the density.
        start : float

        Raises
        ------
        InputError
        NumericalError
            If the tolerance cannot be met, with the time that was reached and the error there.
        """
        density, times = self._initial(initial), _times(times, start)
        tolerance = _tolerance(tolerance)
        fluxes = Fluxes(self.diffusion, self.shape, cast(tuple[float, ...], self.side))
        state = _State(density, fluxes(density), float(start), math.inf)
        method, counts = TRBDF2(fluxes, NEWTON_SHARE * tolerance), Counts()
        kept = np.empty((len(times), *self.shape))
        for index, time in enumerate(times):
            while state.time < time:
                state = self._step(method, state, time, tolerance, counts)
            kept[index] = state.density
        return Evolution(times, kept, counts)

    def _step(self, method: TRBDF2, state: _State, end: float, tolerance: float, counts: Counts) -> _State:
        """One accepted step towards `end`, as often repeated as it takes."""
        remaining, wanted, best = end - state.time, state.duration, math.inf
        if wanted == math.inf:
            rate = size(method.fluxes.advance(np.zeros(self.shape), state.flux, 1.0))
            wanted = math.sqrt(tolerance) * size(state.density) / rate if rate > 0 else remaining
        while wanted > SHORTEST * max(abs(end), remaining) and counts.steps + counts.rejected < MAX_STEPS:
            # Two equal steps rather than a full one and a sliver.
            pieces = max(1, math.ceil(remaining / wanted * (1 - 1e-12)))
            duration = remaining / pieces if pieces <= 2 else wanted
            factor = SHRINK
            result = method.step(state.density, state.flux, duration, counts)
            if result is not None:
                stage, error = result
                best = min(best, error)
                factor = min(GROW, max(SHRINK, SAFETY * (tolerance / max(error, TINY)) ** (1 / 3)))
                new = self._limited(method, state, stage, duration, counts) if error <= tolerance else None
                if new is not None:
                    counts.steps += 1
                    # A step cut short by an output time says little against the longer one that was wanted.
                    following = max(duration * factor, wanted if factor >= 1 else 0.0)
                    return _State(*new, end if pieces == 1 else state.time + duration, following)
                factor = min(factor, 0.5)
            counts.rejected += 1
            wanted = duration * factor
        reached = f"the smallest error of a step was {best:.3g}" if best < math.inf else "no step converged"
        raise NumericalError(
            f"tolerance {tolerance:.3g} cannot be met: time {state.time:.10g} was reached after {counts.steps} steps, "
            f"{counts.rejected} were rejected, the next would be {wanted:.3g} long, and there {reached}. "
            "Use a larger tolerance or smoother data."
        )

    def _limited(self, method, state, stage: Stage, duration, counts) -> tuple[np.ndarray, np.ndarray] | None:
        """The stage with no negative cell, and J there; None where limiting fails."""
        if stage.density.min() >= 0:
            return stage.density, stage.flux
        fluxes = method.fluxes
        density = limit_outflow(state.density, duration * stage.total, fluxes.inverse_widths)
        if density is None:
            return None
        counts.limited += 1
        # J of the stage solves its equation; only the local difference is evaluated, which does not blow up residuals.
        return density, stage.flux + (fluxes(density) - fluxes(stage.density))

    def _initial(self, initial) -> np.ndarray:
        density = real_array(initial, "the initial density")
        if density.shape != self.shape:
            raise InputError(
                f"the initial density has shape {density.shape} but the grid {self.shape}: give its means on the cells."
            )
        if not np.all(np.isfinite(density)):
            count = np.sum(~np.isfinite(density))
            raise InputError(f"the initial density must be finite, got {count} values that are nan or infinite.")
        if density.min() < 0 or not density.max() > 0:
            raise InputError(
                f"the initial density must be >= 0 with some mass, got {describe(density)}: a negative density has no "
                "diffusion. Subtract its minimum or clip it."
            )
        if self.diffusion.positive and density.min() <= 0:
            raise InputError(
                f"{type(self.diffusion).__name__} divides by the density, which must be > 0, got {describe(density)}. "
                "Add a small floor."
            )
        return density


@dataclass(frozen=True)
class _State:
    """Density and flux at a time, and the length that the next step should have (inf: not known yet)."""

    density: np.ndarray
    flux: np.ndarray
    time: float
    duration: float


def _times(times, start) -> np.ndarray:
    array = np.atleast_1d(real_array(times, "times"))
    if array.ndim != 1 or not len(array) or not np.all(np.isfinite(array)) or not is_number(start):
        raise InputError(f"times must be finite numbers, at least one, got {times!r} with start {start!r}.")
    if np.any(np.diff(array) < 0):
        raise InputError(f"times must not decrease, got {times!r}: diffusion cannot run backwards. Sort them.")
    first = float(start)
    if array[0] < first:
        raise InputError(f"times must not be before the start {first:.6g}, got {array[0]:.6g}. Set start=.")
    return array


def _tolerance(tolerance) -> float:
    if not is_number(tolerance) or not TOLERANCES[0] <= tolerance <= TOLERANCES[1]:
        raise InputError(
            f"tolerance must lie between {TOLERANCES[0]:g} (round-off) and {TOLERANCES[1]:g}, got {tolerance!r}. "
            "Try 1e-5."
        )
    return float(tolerance)
