"""Stiff semilinear equations in Fourier space: an exponential Runge-Kutta method with adaptive steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import NumericalError

# Of the largest diffusivity: with half of it the remainder is just dominated and some steps are refused, with all of it
# the remainder is larger than need be. On a wave of the porous medium equation 0.7 takes the same steps on every grid,
# and none is refused.
SHARE_OF_THE_DIFFUSIVITY = 0.75
# The step of the next attempt from the error of this one; a method of order four, its error per step of order five.
SAFETY, SHRINK, GROW, POWER = 0.9, 0.2, 4.0, 1 / 5
# The error of two half steps from their difference to one whole step.
RICHARDSON = 1 / 15
# Of phi_3 up to |z| = 1/2: the next one is 1e-18 of the first.
SERIES_TERMS = 14
# Below this many times the time reached, or the time asked for, adding a step changes nothing any more.
SMALLEST_STEP = 1e-14
# Twenty times what the stiffest reference case takes. A flow that wants more has met something that is not smooth.
MOST_STEPS = 20_000


@dataclass(frozen=True)
class Semilinear:
    """dy/dt = F(y) = -Lambda y + N(y), Lambda diagonal, chosen anew for each step so that N is not stiff.

    Parameters
    ----------
    rate : callable
        y -> F(y), complex coefficients.
    stiffness : callable
        y -> Lambda >= 0, an array that broadcasts against y.
    size : callable
        y -> a norm, for errors.
    accept : callable
        accept(time, y) after each step; may raise a `NumericalError` where the result makes no sense any more.
    """

    rate: Callable[[np.ndarray], np.ndarray]
    stiffness: Callable[[np.ndarray], np.ndarray]
    size: Callable[[np.ndarray], float]
    accept: Callable[[float, np.ndarray], None] = lambda time, y: None


def solve(equation: Semilinear, start, times: Sequence[float], tolerance: float) -> tuple[list[np.ndarray], int]:
    """y at the given times from y(0), by the exponential Runge-Kutta method of order four of Krogstad [1]_.

    Each step is taken whole and in two halves; their difference is the error that the tolerance bounds, and what is
    kept is their extrapolation of order five. Steps end at the times asked for.

    Parameters
    ----------
    equation : Semilinear
    start : complex array
    times : sequence of float
        From `checked_times`.
    tolerance : float
        Largest error of a step, in the norm of the equation.

    Returns
    -------
    list of complex array
    int
        Steps taken.

    Raises
    ------
    NumericalError
        If no step is short enough for the tolerance, or too many are needed; says what was reached.

    References
    ----------
    .. [1] S. Krogstad, Generalized integrating factor methods for stiff PDEs, J. Comput. Phys. 203 (2005) 72-88,
       doi:10.1016/j.jcp.2004.08.006, equation (51).
    """
    y, time, steps, kept = start.copy(), 0.0, 0, []
    rate, step = equation.rate(y), math.inf
    for goal in times:
        while time < goal:
            step = min(step, goal - time)
            linear = equation.stiffness(y)
            with np.errstate(all="ignore"):  # a trial may leave the range of numbers; it is refused then
                quarter, half, full = (phi_functions(-step * linear / parts) for parts in (4, 2, 1))
                whole = _step(equation.rate, linear, y, rate, step, half, full)
                middle = _step(equation.rate, linear, y, rate, step / 2, quarter, half)
                halves = _step(equation.rate, linear, middle, equation.rate(middle), step / 2, quarter, half)
                error = RICHARDSON * equation.size(halves - whole)
            if error <= tolerance:
                y = halves + RICHARDSON * (halves - whole)
                time = goal if step == goal - time else time + step
                steps += 1
                equation.accept(time, y)
                rate = equation.rate(y)
            if steps >= MOST_STEPS or (not error <= tolerance and step <= SMALLEST_STEP * max(time, goal)):
                raise NumericalError(
                    f"the tolerance {tolerance:.1e} cannot be met beyond time {time:.6g} of {times[-1]:g}: after "
                    f"{steps} steps, one of {step:.1e} errs by {error:.1e}. Use a larger tolerance or a finer grid, or "
                    f"stop earlier."
                )
            # An error that is not a number says only that the step was too long.
            factor = SAFETY * (tolerance / error) ** POWER if 0 < error < math.inf else (GROW if error == 0 else 0)
            step *= min(GROW, max(SHRINK, factor))
        kept.append(y.copy())
    return kept, steps


def _step(rate, linear, y, rate_at_y, h, half, whole) -> np.ndarray:
    """One step of length h, given phi_k(-h Lambda/2) and phi_k(-h Lambda); with Lambda = 0 that of Runge and Kutta."""

    def remainder(u):
        return rate(u) + linear * u

    n1 = rate_at_y + linear * y
    n2 = remainder(half[0] * y + h / 2 * half[1] * n1)
    n3 = remainder(half[0] * y + h * ((half[1] / 2 - half[2]) * n1 + half[2] * n2))
    n4 = remainder(whole[0] * y + h * ((whole[1] - 2 * whole[2]) * n1 + 2 * whole[2] * n3))
    first = whole[1] - 3 * whole[2] + 4 * whole[3]
    inner, last = 2 * whole[2] - 4 * whole[3], 4 * whole[3] - whole[2]
    return whole[0] * y + h * (first * n1 + inner * (n2 + n3) + last * n4)


def phi_functions(z) -> tuple[np.ndarray, ...]:
    """phi_0 = exp z and phi_k = (phi_(k-1) - 1/(k-1)!)/z for k = 1, 2, 3.

    Where |z| < 1/2 the division would cancel: there phi_3 is summed from its Taylor series, and the others follow
    upwards.

    Parameters
    ----------
    z : array
        Real, not positive.
    """
    z = np.multiply(z, 1.0)
    near = np.abs(z) < 0.5
    small, large = np.where(near, z, 0.0), np.where(near, -1.0, z)
    series = np.zeros_like(small)
    for j in reversed(range(SERIES_TERMS)):
        series = series * small + 1 / math.factorial(j + 3)
    rising = [small * (small * series + 0.5) + 1, small * series + 0.5, series]
    values, far = [np.exp(z)], np.exp(large)
    for k, close in zip((1, 2, 3), rising, strict=True):
        far = (far - 1 / math.factorial(k - 1)) / large
        values.append(np.where(near, close, far))
    return tuple(values)
