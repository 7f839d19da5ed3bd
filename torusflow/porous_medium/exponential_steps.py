"""Steps of an exponential Runge-Kutta method, for equations of which the stiff part is diagonal."""

from __future__ import annotations

import math

import numpy as np

# Of the largest diffusivity: with half of it the remainder is just dominated and some steps are refused, with all of it
# the remainder is larger than need be. On a wave of the porous medium equation 0.7 takes the same steps on every grid,
# and none is refused.
SHARE_OF_THE_DIFFUSIVITY = 0.75
# The error of two half steps from their difference to one whole step.
RICHARDSON = 1 / 15
# Of phi_3 up to |z| = 1/2: the next one is 1e-18 of the first.
SERIES_TERMS = 14


def attempt(equation, y, rate, step: float, tolerance: float) -> tuple[np.ndarray, float]:
    """y after a step of the exponential Runge-Kutta method of order four of Krogstad [1]_, and its error.

    The step is taken whole and in two halves; their difference gives the error, and what is given is their
    extrapolation of order five, whatever the tolerance.

    Parameters
    ----------
    equation : Semilinear
    y, rate : array
        F(y) is the rate.
    step, tolerance : float

    References
    ----------
    .. [1] S. Krogstad, Generalized integrating factor methods for stiff PDEs, J. Comput. Phys. 203 (2005) 72-88,
       doi:10.1016/j.jcp.2004.08.006, equation (51).
    """
    linear = equation.stiffness(y)
    quarter, half, full = (phi_functions(-step * linear / parts) for parts in (4, 2, 1))
    whole = _step(equation.rate, linear, y, rate, step, half, full)
    middle = _step(equation.rate, linear, y, rate, step / 2, quarter, half)
    halves = _step(equation.rate, linear, middle, equation.rate(middle), step / 2, quarter, half)
    difference = RICHARDSON * (halves - whole)
    return halves + difference, RICHARDSON * equation.size(halves - whole)


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
