"""exp(u)/Z, the density whose logarithm is a trigonometric polynomial up to a constant: values, mass, samples."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import check_generator, checked_whole
from ..backends.turns import Turn
from ..errors import InputError, NumericalError
from .cells import Cells
from .density import LARGEST_BATCH, LARGEST_SAMPLE
from .grid import Torus
from .scattered import TrigonometricPolynomial

# So many times the grid of u, along each axis, Z is the mean over, where that is not beyond LARGEST_FINE points.
TIMES, LARGEST_FINE = 4, 2**26


class Finer:
    """Functions on a grid, without their Nyquist modes, seen on one that is finer by a factor.

    Parameters
    ----------
    torus : Torus
    times : int

    Attributes
    ----------
    torus, fine : Torus
    """

    def __init__(self, torus: Torus, times: int):
        self.torus, self.fine = torus, torus.resized(tuple(times * n for n in torus.shape))
        modes = tuple((n - 1) // 2 for n in torus.shape)
        self._coarse_plan, self._fine_plan = torus.plan(1, modes), self.fine.plan(1, modes)
        self._turn = Turn()

    def up(self, u) -> np.ndarray:
        """u on the finer grid, array (*(times n))."""
        return self._pass(u, self._coarse_plan, self._fine_plan, self.fine)

    def down(self, p) -> np.ndarray:
        """The transpose of `up` in the mean inner products: the modes of p that the coarse grid has, array (*n)."""
        return self._pass(p, self._fine_plan, self._coarse_plan, self.torus)

    def _pass(self, f, first, second, torus) -> np.ndarray:
        with self._turn.take():
            first.forward(f.astype(float, order="C", copy=False).reshape(first.real.shape))
            second.spectral[...] = first.spectral
            values = torus.empty(torus.local_shape)
            second.inverse(values.reshape(second.real.shape))
            return values


def exponential(torus: Torus, u, given: tuple[int, ...] = ()) -> tuple[np.ndarray, Any]:
    """exp(u)/Z on the grid, array (*n), and log Z, with Z the mean of exp(u) over the axes that are not given.

    Without given axes log Z is a number, else an array with one point along each of the others.

    Raises
    ------
    NumericalError
        If u is not finite.
    """
    if given:
        torus.refuse_divided("conditional densities are normalised by", "make their torus without comm.")
        others = _others(torus, given)
        highest = np.max(u, axis=others, keepdims=True)
        values = np.exp(u - highest)
        mass = np.mean(values, axis=others, keepdims=True)
        finite, log = torus.is_finite(mass) and torus.minimum(mass) > 0, np.log
    else:
        highest = torus.maximum(u)
        values = np.exp(u - highest)
        mass = torus.mean(values)
        finite, log = 0 < mass < math.inf, math.log
    if not finite:
        raise NumericalError("the log-density is not finite. Use more substeps or a smaller velocity.")
    return values / mass, highest + log(mass)


def log_masses(torus: Torus, u, times: int, given: tuple[int, ...] = ()) -> np.ndarray:
    """log Z of exp(u) on a grid so many times as fine, an array as of `exponential`, with one number if none is given.

    Parameters
    ----------
    torus : Torus
    u : array (*n)
    times : int
    given : tuple of int
    """
    finer = Finer(torus, times)
    return torus.to_host(torus.asarray(exponential(finer.fine, finer.up(u), given)[1]))


def expectation(torus: Torus, density, f, given: tuple[int, ...] = ()) -> Any:
    """The mean of f under a density: a number, or where axes are given one for each condition, as `exponential`."""
    return np.mean(density * f, axis=_others(torus, given), keepdims=True) if given else torus.inner(density, f)


def _others(torus: Torus, given: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis for axis in range(torus.dimension) if axis not in given)


def along(torus: Torus, axes: tuple[int, ...]) -> Torus:
    """The grid of some axes of a torus."""
    return torus.resized(tuple(torus.shape[axis] for axis in axes))


class NormalisedDensity:
    """exp(u(x))/Z at any x, u the trigonometric polynomial of the modes |k_j| < n_j/2 of given values.

    Z is the mean of exp(u) over a grid four times as fine as that of u (twice where that were more than 2^26 points):
    as exact as such a mean is, and to round-off where the modes of exp(u) beyond that grid vanish. Where axes are
    given, the density is the conditional one of the others, and Z is the mean over those, for each point of the given
    ones; between the points of the finer grid its logarithm is a trigonometric polynomial.

    Parameters
    ----------
    torus : Torus
    u : array (*n)
    given : tuple of int
        Axes of the conditions.

    Attributes
    ----------
    fine : Torus
        The finer grid.
    log_mass : float or array
        log Z; where axes are given an array with one point along each of the others.
    """

    def __init__(self, torus: Torus, u, given: tuple[int, ...] = ()):
        times = TIMES if TIMES**torus.dimension * torus.size <= LARGEST_FINE else 2
        self._finer, self._u, self.given = Finer(torus, times), u, given
        self.fine, self._fine_u = self._finer.fine, self._finer.up(u)
        self._series = TrigonometricPolynomial(torus, self._finer.down(self._fine_u))  # without the Nyquist modes

    @cached_property
    def log_mass(self) -> Any:
        """log Z."""
        return exponential(self._finer.fine, self._fine_u, self.given)[1]

    @cached_property
    def _normaliser(self) -> TrigonometricPolynomial:
        """log Z at any values of the given axes."""
        torus = along(self.fine, self.given)
        return TrigonometricPolynomial(torus, self.log_mass.reshape(torus.shape))

    def log_density(self, points) -> np.ndarray:
        """u(x) - log Z, array (N,), at points (N, d)."""
        log_mass = self._normaliser.value(points[:, list(self.given)]) if self.given else self.log_mass
        return self._series.value(points) - log_mass

    def jet(self, points) -> tuple[np.ndarray, np.ndarray]:
        """The log-density and its gradient, arrays (N,) and (N, d), at points (N, d)."""
        value, gradient = self._series.jet(points)
        if not self.given:
            return value - self.log_mass, gradient
        given = list(self.given)
        log_mass, slopes = self._normaliser.jet(points[:, given])
        gradient[:, given] -= slopes
        return value - log_mass, gradient

    def uphill(self, x) -> np.ndarray:
        """The maximum of the log-density that is reached uphill from a point, arrays (d,)."""
        from scipy.optimize import minimize

        def downhill(x):
            value, slope = self.jet(x[None] % 1.0)
            return -value[0], -slope[0]

        return minimize(downhill, x, jac=True, method="BFGS", options={"gtol": 1e-9}).x % 1.0

    def sample(self, n: int, rng: np.random.Generator, conditions=None) -> np.ndarray:
        """n independent points in [0, 1)^d, array (n, d).

        By rejection from a density that is constant on the cells about the points of the finer grid, and there nowhere
        below exp(u): in a cell, u is at most its value at the centre plus |d_j u| there and the largest |d_i d_j u|
        anywhere, times halves of the sides, and the largest is bounded by its values on the grid [1]_. So points follow
        exp(u)/Z itself, to the accuracy 1e-12 of u at points, and no grid or Z is in them.

        Parameters
        ----------
        n : int
        rng : numpy Generator
        conditions : array (n, number of given axes), optional
            The coordinates along given axes, one row a point; uniform ones if there are none.

        References
        ----------
        .. [1] H. Ehlich, K. Zeller, Schwankung von Polynomen zwischen Gitterpunkten, Math. Z. 86 (1964) 41-44,
           doi:10.1007/BF01111276.
        """
        check_generator(rng)
        n = checked_whole("n", n, 0, LARGEST_SAMPLE)
        self._finer.torus.refuse_divided("samples are drawn by", "make the model on a torus without comm.")
        conditions = rng.random((n, len(self.given))) if conditions is None else conditions
        if conditions.shape != (n, len(self.given)):
            raise InputError(
                f"{n} samples of a density given axes {self.given} take an array {(n, len(self.given))} of conditions, "
                f"got {conditions.shape}."
            )
        chosen, waiting = np.empty((n, self.fine.dimension)), np.arange(n)
        while len(waiting) > 0:
            now, later = waiting[:LARGEST_BATCH], waiting[LARGEST_BATCH:]
            points, bound = self._cells.draw(rng, conditions[now])
            accepted = np.log1p(-rng.random(len(now))) <= self._series.value(points) - bound
            chosen[now[accepted]] = points[accepted]
            waiting = np.concatenate([now[~accepted], later])
        return chosen

    @cached_property
    def _cells(self) -> Cells:
        return Cells(self.bound, self.given)

    @cached_property
    def bound(self) -> np.ndarray:
        """Above u in the cell about each point of the finer grid, array (*fine) of NumPy."""
        coarse, fine = self._finer.torus, self._finer.fine
        halves = [0.5 / n for n in fine.shape]
        # Of degree below n/2 on times n points an axis: no further above the grid's maximum than 1/cos(pi/(2 times)).
        above = math.cos(math.pi / 2 * coarse.shape[0] / fine.shape[0]) ** -coarse.dimension
        bound = fine.to_host(self._fine_u).copy()
        for i, first in enumerate(coarse.gradient(self._finer.down(self._fine_u))):
            bound += halves[i] * np.abs(fine.to_host(self._finer.up(first)))
            for j, second in enumerate(coarse.gradient(first)):
                largest = fine.maximum(np.abs(self._finer.up(second)))
                bound += halves[i] * halves[j] / 2 * above * largest
        return bound
