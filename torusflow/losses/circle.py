"""Optimal transport on the circle, where it is a matter of sorting and of one shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from ..errors import InputError
from .densities import DensityLoss
from .positive import Measure, checked_floor

# Relative to the uniform density; below it cells would be empty and the transport not a function.
LEAST_DENSITY = 1e-12


@dataclass(frozen=True, eq=False)
class CircleWasserstein(DensityLoss):
    """W2^2 = min over plans of the mean of d(x, y)^2 on the circle of length one; first variation the potential.

    Densities are read as constant on cells of one grid spacing around the grid points; for these the value is exact,
    and so is its first variation, cell means of the Kantorovich potential. With distribution functions F and G and
    their inverses continued by G^-1(t + 1) = G^-1(t) + 1,

        W2^2 = min_theta int_0^1 (F^-1(t) - G^-1(t + theta))^2 dt,

    a convex function of the shift theta [1]_. The densities are divided by their means, and below the floor read as by
    `Sinkhorn`.

    Parameters
    ----------
    target : Density
        On a torus of one dimension.
    floor : float
        Relative to the uniform density.

    Raises
    ------
    InputError
        If the torus has more dimensions, or the floor is out of range.
    NumericalError
        When called, if the density is not finite.

    References
    ----------
    .. [1] J. Delon, J. Salomon, A. Sobolevski, Fast transport optimization for Monge costs on the circle, SIAM J. Appl.
       Math. 70 (2010) 2239-2258, doi:10.1137/090772708.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> hill = tfl.densities.von_mises(torus, 0.4)
    >>> loss = tfl.losses.CircleWasserstein(tfl.densities.von_mises(torus, 0.3))
    >>> round(loss(hill.values), 4)
    0.0036
    """

    floor: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        checked_floor("CircleWasserstein", self.floor)
        if self.torus.dimension != 1:
            raise InputError(
                f"CircleWasserstein compares densities on a circle, this torus has {self.torus.dimension} dimensions. "
                f"Use the loss Sinkhorn."
            )

    def __call__(self, rho) -> float:
        pieces = self._transport(self._measure(rho))
        start, end = pieces.displacement
        return float((pieces.mass * (start**2 + start * end + end**2)).sum()) / 3

    def gradient(self, rho) -> np.ndarray:
        measure = self._measure(rho)
        pieces = self._transport(measure)
        return measure.pull_back(self._potential(pieces, -2 * pieces.displacement))

    def curvature(self, rho, direction) -> np.ndarray:
        """The second variation of W2^2: T(x) changes by the change of F(x) + theta over the density at T(x)."""
        measure = self._measure(rho)
        pieces, n = self._transport(measure), self.torus.size
        change = self.torus.to_host(measure.push_forward(direction))
        below = np.concatenate([[0.0], np.cumsum(change)[:-1]]) / n
        change = below[pieces.cell] + (pieces.x - (pieces.cell - 0.5) / n) * change[pieces.cell]
        change -= (pieces.width * change.sum(axis=0) / pieces.density).sum() / (2 * pieces.width / pieces.density).sum()
        return measure.pull_back(self._potential(pieces, -2 * change / pieces.density))

    def _potential(self, pieces: Pieces, slopes) -> np.ndarray:
        """Cell means of the function with these slopes at the ends of the pieces, linear between."""
        (start, end), width, n = slopes, pieces.width, self.torus.size
        rise = width * (start + end) / 2
        base = np.concatenate([[0.0], np.cumsum(rise)[:-1]])
        return self.torus.asarray(np.bincount(pieces.cell, width * (base + width * (2 * start + end) / 6), n) * n)

    def _measure(self, rho) -> Measure:
        return Measure(self.torus, self.checked(rho), self.floor)

    def _transport(self, measure: Measure) -> Pieces:
        from scipy.optimize import brentq

        first, second = (
            _Distribution(self.torus.to_host(one.values)) for one in (measure, self._measure(self.target.values))
        )

        def slope(theta):
            pieces = _pieces(first, second, theta)
            return float((pieces.width * pieces.displacement.sum(axis=0)).sum())

        # A shift by one moves everything once around, by displacements that are then larger by one.
        return _pieces(first, second, cast(float, brentq(slope, -1.0, 1.0, xtol=1e-16, rtol=4 * np.finfo(float).eps)))


class Pieces(NamedTuple):
    """Parts of the circle on which both densities are constant where the mass comes from and where it goes.

    Attributes
    ----------
    cell : array (m,) of int
        Where the mass comes from.
    x : array (2, m)
        Beginning and end.
    mass : array (m,)
    displacement : array (2, m)
        T(x) - x at the beginning and the end, linear between.
    density : array (m,)
        At T(x).
    """

    cell: np.ndarray
    x: np.ndarray
    mass: np.ndarray
    displacement: np.ndarray
    density: np.ndarray

    @property
    def width(self) -> np.ndarray:
        """Array (m,)."""
        return self.x[1] - self.x[0]


class _Distribution:
    """The distribution function of a density constant on the cells [(i - 1/2)/n, (i + 1/2)/n), and its inverse."""

    def __init__(self, values):
        self.values = np.maximum(values, LEAST_DENSITY)
        mass = np.cumsum(self.values)
        self.knots = np.concatenate([[0.0], mass / mass[-1]])
        self.values = self.values * (len(values) / mass[-1])

    def cell(self, t) -> np.ndarray:
        """Where t in [0, 1) lies."""
        return np.clip(np.searchsorted(self.knots, t, side="right") - 1, 0, len(self.values) - 1)

    def quantile(self, t, cell) -> np.ndarray:
        """The inverse, known to lie in these cells."""
        within = np.clip((t - self.knots[cell]) / self.values[cell], 0, 1 / len(self.values))
        return (cell - 0.5) / len(self.values) + within


def _pieces(first: _Distribution, second: _Distribution, theta: float) -> Pieces:
    """The transport x -> G^-1(F(x) + theta), cut where one of them has a kink."""
    cuts = np.sort(np.concatenate([first.knots, (second.knots[:-1] - theta) % 1.0]))
    ends = np.stack([cuts[:-1], cuts[1:]])
    ends = ends[:, ends[1] > ends[0]]
    middle = ends.mean(axis=0)
    edges = (np.arange(len(first.knots)) - 0.5) / len(first.values)
    x = np.interp(ends, first.knots, edges)  # at knots exactly the edges, so that widths add up to one
    turns = np.floor(middle + theta)
    goal = second.cell(middle + theta - turns)
    y = second.quantile(ends + theta - turns, goal) + turns
    return Pieces(first.cell(middle), x, ends[1] - ends[0], y - x, second.values[goal])
