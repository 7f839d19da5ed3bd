"""exp(u)/Z, the density whose logarithm is a trigonometric polynomial up to a constant: values, mass, samples."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from ..arguments import check_generator, checked_whole
from ..backends.turns import Turn
from ..errors import NumericalError
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


def exponential(torus: Torus, u) -> tuple[np.ndarray, float]:
    """exp(u)/Z on the grid, array (*n), and log Z, with Z the mean of exp(u) over the grid.

    Raises
    ------
    NumericalError
        If u is not finite.
    """
    highest = torus.maximum(u)
    values = np.exp(u - highest)
    mass = torus.mean(values)
    if not 0 < mass < math.inf:
        raise NumericalError("the log-density is not finite. Use more substeps or a smaller velocity.")
    return values / mass, highest + math.log(mass)


class NormalisedDensity:
    """exp(u(x))/Z at any x, u the trigonometric polynomial of the modes |k_j| < n_j/2 of given values.

    Z is the mean of exp(u) over a grid four times as fine as that of u (twice where that were more than 2^26 points):
    as exact as such a mean is, and to round-off where the modes of exp(u) beyond that grid vanish.

    Parameters
    ----------
    torus : Torus
    u : array (*n)

    Attributes
    ----------
    fine : Torus
        The finer grid.
    log_mass : float
        log Z.
    """

    def __init__(self, torus: Torus, u):
        times = TIMES if TIMES**torus.dimension * torus.size <= LARGEST_FINE else 2
        self._finer, self._u = Finer(torus, times), u
        self.fine, self._fine_u = self._finer.fine, self._finer.up(u)
        self._series = TrigonometricPolynomial(torus, self._finer.down(self._fine_u))  # without the Nyquist modes

    @cached_property
    def log_mass(self) -> float:
        """log Z."""
        return exponential(self._finer.fine, self._fine_u)[1]

    def log_density(self, points) -> np.ndarray:
        """u(x) - log Z, array (N,), at points (N, d)."""
        return self._series.value(points) - self.log_mass

    def jet(self, points) -> tuple[np.ndarray, np.ndarray]:
        """The log-density and its gradient, arrays (N,) and (N, d), at points (N, d)."""
        value, gradient = self._series.jet(points)
        return value - self.log_mass, gradient

    def uphill(self, x) -> np.ndarray:
        """The maximum of the log-density that is reached uphill from a point, arrays (d,)."""
        from scipy.optimize import minimize

        def downhill(x):
            value, slope = self.jet(x[None] % 1.0)
            return -value[0], -slope[0]

        return minimize(downhill, x, jac=True, method="BFGS", options={"gtol": 1e-9}).x % 1.0

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n independent points in [0, 1)^d, array (n, d).

        By rejection from a density that is constant on the cells about the points of the finer grid, and there nowhere
        below exp(u): in a cell, u is at most its value at the centre plus |d_j u| there and the largest |d_i d_j u|
        anywhere, times halves of the sides, and the largest is bounded by its values on the grid [1]_. So points follow
        exp(u)/Z itself, to the accuracy 1e-12 of u at points, and no grid or Z is in them.

        References
        ----------
        .. [1] H. Ehlich, K. Zeller, Schwankung von Polynomen zwischen Gitterpunkten, Math. Z. 86 (1964) 41-44,
           doi:10.1007/BF01111276.
        """
        check_generator(rng)
        n = checked_whole("n", n, 0, LARGEST_SAMPLE)
        self.fine.check_generators(rng)
        fine = self._finer.fine
        sides, cells = 1 / np.array(fine.shape), Cells(fine, self.bound)
        chosen, missing, rate = [np.empty((0, fine.dimension))], n, 0.5
        while missing > 0:
            count = min(math.ceil(1.1 * missing / rate) + 100, LARGEST_BATCH)
            cell, bound = cells.at(rng.random(count))
            points = (cell + rng.random((count, fine.dimension)) - 0.5) * sides
            points %= 1.0
            points[points == 1.0] = 0.0  # what is a little below zero
            kept = np.log1p(-rng.random(count)) <= self._series.value(points) - bound
            rate = max(kept.mean(), 0.01)
            chosen.append(points[kept][:missing])
            missing -= len(chosen[-1])
        return np.concatenate(chosen)

    @cached_property
    def bound(self) -> np.ndarray:
        """Above u in the cell about each point of the finer grid that is here, array (*fine) of NumPy."""
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
