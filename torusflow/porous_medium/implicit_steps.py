"""Stiff equations by implicit steps without a matrix: extrapolated steps of Euler's linearly implicit method."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..errors import NumericalError

# Of the extrapolation, which is the order of the method.
COLUMNS = 6
# Of the tolerance, for the residuals of linear systems; the extrapolation makes up to 200 times as much of them.
SHARE_OF_SYSTEMS = 1e-4
# Directions kept for a system. One that wants more is of a step that is too long.
MOST_DIRECTIONS = 150


def attempt(equation, y, rate, step: float, tolerance: float) -> tuple[np.ndarray, float]:
    """y after a step, extrapolated from 1, 2, ..., 6 steps of u + (1 - h J)^-1 h F(u), J = F'(y) [1]_; and its error.

    The error, infinite where a linear system cannot be solved, is that of the last column but one.

    Parameters
    ----------
    equation : Semilinear
        With ``linearise`` and ``inner``.
    y, rate : array
        F(y) is the rate.
    step : float
    tolerance : float
        Linear systems are solved to a ten-thousandth of it.

    References
    ----------
    .. [1] P. Deuflhard, Recent progress in extrapolation methods for ordinary differential equations, SIAM Rev. 27
       (1985) 505-535, doi:10.1137/1027140.
    """
    above: list[np.ndarray] = []
    try:
        derivative = equation.linearise(y)
        for n in range(1, COLUMNS + 1):
            h = step / n
            solver = Systems(derivative, h, equation.inner, SHARE_OF_SYSTEMS * tolerance)
            u = y + solver(h * rate)
            for _ in range(n - 1):
                u = u + solver(h * equation.rate(u))
            row = [u]
            for k, upper in enumerate(above, 1):  # Aitken and Neville's scheme
                row.append(row[-1] + (n - k) / k * (row[-1] - upper))
            above = row
    except NumericalError:
        return y, math.inf
    return above[-1], equation.size(above[-1] - above[-2])


class Systems:
    """Solutions of (1 - h J) x = b by generalised conjugate residuals [1]_, directions kept from one b to the next.

    Parameters
    ----------
    derivative : Derivative
        J, with a preconditioner.
    h : float
    inner : callable
        A real inner product.
    tolerance : float
        Of the residual's norm.

    References
    ----------
    .. [1] S. C. Eisenstat, H. C. Elman, M. H. Schultz, Variational iterative methods for nonsymmetric systems of linear
       equations, SIAM J. Numer. Anal. 20 (1983) 345-357, doi:10.1137/0720023.
    """

    def __init__(self, derivative, h: float, inner: Callable, tolerance: float):
        self._apply, self._precondition, self._h = derivative.apply, derivative.inverse(h), h
        self._inner, self._tolerance = inner, tolerance
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []  # directions, and their images, which are orthonormal

    def __call__(self, b) -> np.ndarray:
        """x, or a NumericalError if it takes too many directions."""
        inner, x, residual = self._inner, 0 * b, b
        for direction, image in self._pairs:
            part = inner(image, residual)
            x, residual = x + part * direction, residual - part * image
        while not inner(residual, residual) <= self._tolerance**2:
            direction, image = self._new_pair(residual)
            part = inner(image, residual)
            x, residual = x + part * direction, residual - part * image
        return x

    def _new_pair(self, residual) -> tuple[np.ndarray, np.ndarray]:
        direction = self._precondition(residual)
        image = direction - self._h * self._apply(direction)
        for other, its_image in self._pairs:
            part = self._inner(its_image, image)
            direction, image = direction - part * other, image - part * its_image
        size = math.sqrt(self._inner(image, image))
        if not 0 < size < math.inf or len(self._pairs) == MOST_DIRECTIONS:
            raise NumericalError("a linear system takes too many directions")
        pair = direction / size, image / size
        self._pairs.append(pair)
        return pair
