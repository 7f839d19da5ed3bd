"""Conjugate points: until when a geodesic is the shortest path among those near it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import is_positive
from ..backends import to_host
from ..display import OneLine
from ..errors import InputError
from ..torus.grid import TWO_PI, Torus
from ..torus.sobolev import SobolevMetric
from ..transport.diffeomorphism import Diffeomorphism
from ..transport.runge_kutta import RK4, Pair
from .derivative import Derivative, pulled_back
from .epdiff import EPDiff
from .shooting import shoot, undivided

# Steps of Jacobi fields, beyond what the velocity asks for, and how many of these make up the derivative at most.
STEPS, MOST_NUMBERS = 32, 300
# The least stretch below which a point counts as conjugate: what steps and splines err by is some 1e-5.
SINGULAR = 1e-3


@dataclass(frozen=True, eq=False)
class Minimality(OneLine):
    """What `minimality` found.

    Attributes
    ----------
    times : array (n_times,)
        From the start, 0, on.
    stretch : array (n_times,)
        Least singular value in V of w -> P D phi_t^(-1) (d exp(t u_0) w): one at time 0, zero at conjugate points.
    conjugate_time : float or None
        Of the first conjugate point; None if there is none.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((24,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.05 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> tfl.geodesic.minimality(torus, metric, u0).conjugate_time is None
    True
    """

    times: np.ndarray
    stretch: np.ndarray
    conjugate_time: float | None

    @property
    def minimal(self) -> bool:
        """Whether the geodesic is the shortest path among those near it with the same ends, up to the last time."""
        return self.conjugate_time is None

    def __str__(self):
        if self.conjugate_time is None:
            return (
                f"no conjugate point up to time {self.times[-1]:.6g}: the geodesic is shorter than all paths near it "
                f"(least stretch {self.stretch.min():.3g})"
            )
        return (
            f"conjugate point at time {self.conjugate_time:.6g}: beyond it there are shorter paths near the geodesic, "
            f"up to it there are none"
        )


def minimality(torus: Torus, metric: SobolevMetric, u0, until: float = 1.0) -> Minimality:
    """Whether the geodesic from the identity with initial velocity u_0 is minimal, by the linearised exponential map.

    Where geodesics from the identity that differ by little meet again, d exp is singular: a conjugate point. Up to the
    first one a geodesic is the shortest among the paths near it, beyond it is not (Jacobi [1]_). Paths far from it
    may be shorter before.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    u0 : array (d, *n)
    until : float
        The last time.

    Returns
    -------
    Minimality

    Raises
    ------
    InputError, NumericalError
        As `shoot`; and if the velocities kept on this grid have more than 300 numbers.

    Notes
    -----
    About velocities on the modes that are kept, on which `logarithm` solves: a finite matrix, which counts as singular
    where its determinant changes sign or its least singular value comes below 1e-3 and rises again. Along the constant
    velocity c it is known: the first conjugate point is where c t = (1 + 4 pi^2 k^2 l^2)^s / (2 k), for the k with
    which that is least (d = 1).

    References
    ----------
    .. [1] G. Misiolek, S. C. Preston, Fredholm properties of Riemannian exponential maps on diffeomorphism groups,
       Invent. Math. 179 (2010) 191-227, doi:10.1007/s00222-009-0217-3.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((16,)), tfl.SobolevMetric(2.0, 0.1)
    >>> found = tfl.geodesic.minimality(torus, metric, np.full((1, 16), 1.5))
    >>> bool(abs(found.conjugate_time * 1.5 - metric.symbol(4 * np.pi**2) / 2) < 1e-4)
    True
    """
    if not is_positive(until):
        raise InputError(f"until must be a number > 0, got {until!r}.")
    shoot(torus, metric, u0, (float(until),))  # to refuse what cannot be shot
    equation = _checked_size(undivided(torus, metric))
    derivative = Derivative(equation, metric, until * torus.field(u0), STEPS)
    times = np.linspace(0, 1, derivative.steps + 1)
    matrices = np.stack(list(_stretches(derivative)))
    values = np.linalg.svd(matrices, compute_uv=False)[:, -1]
    first = _first_singular(times, matrices, values)
    return Minimality(until * times, values, None if first is None else until * first)


def _checked_size(equation: EPDiff) -> EPDiff:
    size = equation.torus.dimension * math.prod(2 * mode + 1 for mode in equation.modes)
    if size > MOST_NUMBERS:
        raise InputError(
            f"on the grid {equation.torus.shape} the linearised exponential map has {size} columns, and at most "
            f"{MOST_NUMBERS} are decomposed. Use a coarser grid."
        )
    return equation


def _stretches(derivative: Derivative) -> Iterator[np.ndarray]:
    """At the start and after every step the matrix of w -> P D phi_t^(-1) (d exp(t u_0) w), in a basis of V, (m, m)."""
    equation, torus, d = derivative.equation, derivative.torus, derivative.torus.dimension
    waves = _Waves(equation)
    units = [equation.fields(torus.transform(unit.reshape(d, *torus.shape))) for unit in waves.units]
    state = Pair(np.eye(waves.size), np.zeros((d * torus.size, waves.size)))  # velocities, displacements

    def rate(stage, at):
        fields, here, jacobian = stage
        columns = [waves.coefficients(torus.inverse(equation.tangent(fields, unit))) for unit in units]
        carried = np.einsum("nij,jnm->inm", jacobian, at.second.reshape(d, torus.size, -1))
        moved = carried.reshape(at.second.shape) + waves.values(here) @ at.first
        return Pair(np.stack(columns, axis=1) @ at.first, moved)

    yield np.eye(waves.size)
    for step, stages in enumerate(derivative.stages, start=1):
        state = RK4.change(lambda m, at, stages=stages: rate(stages[m], at), state, 1 / derivative.steps, onto=state)
        at = Diffeomorphism(torus, derivative.displacements[step - 1])
        fields = state.second.T.reshape(-1, d, *torus.shape) * (derivative.steps / step)
        yield np.stack([waves.coefficients(pulled_back(at, field, equation.modes)) for field in fields], axis=1)


class _Waves:
    """The sines and cosines of the modes kept, in every component: orthonormal in V.

    Attributes
    ----------
    units : array (size, d, N)
        On the grid.
    """

    def __init__(self, equation: EPDiff):
        self._axes = [range(-mode, mode + 1) for mode in equation.modes]
        squares = np.array([sum((TWO_PI * j) ** 2 for j in k) for k in itertools.product(*self._axes)])
        self._roots = np.sqrt(equation.metric.symbol(squares))
        d = equation.torus.dimension
        self.size = d * len(squares)
        self._on_grid = self._at(np.stack([to_host(axis).ravel() for axis in equation.torus.points], axis=1))
        self.units = np.kron(np.eye(d), self._on_grid / self._roots[:, None]).reshape(self.size, d, -1)

    def values(self, points) -> np.ndarray:
        """At points (N, d): array (d * N, size), the components one after another."""
        return np.kron(np.eye(points.shape[1]), (self._at(points) / self._roots[:, None]).T)

    def coefficients(self, field) -> np.ndarray:
        """Of a field (d, *n) on the modes kept, array (size,)."""
        flat = to_host(field).reshape(len(field), -1)
        return (self._roots * (flat @ self._on_grid.T)).ravel() / flat.shape[1]

    def _at(self, points) -> np.ndarray:
        """Orthonormal in L2, array (m, N)."""
        rows = []
        for k in itertools.product(*self._axes):
            phase, zero = TWO_PI * (points @ np.array(k)), (0,) * len(k)
            rows.append(np.ones_like(phase) if k == zero else math.sqrt(2) * (np.cos if k > zero else np.sin)(phase))
        return np.stack(rows)


def _first_singular(times, matrices, values) -> float | None:
    """The first time at which a smooth curve through the matrices is singular.

    Where the determinant changes its sign, or the least singular value falls to zero and rises: conjugate points of
    symmetric geodesics are of even order.
    """
    from scipy.interpolate import CubicSpline
    from scipy.optimize import minimize_scalar

    curve, signs = CubicSpline(times, matrices), np.linalg.slogdet(matrices)[0]

    def least(t):
        return float(np.linalg.svd(curve(t), compute_uv=False)[-1])

    for i in range(1, len(times)):
        crossed, last = signs[i] != signs[i - 1], i == len(times) - 1
        lowest = values[i] <= values[i - 1] and (last or values[i] <= values[i + 1])
        if crossed or lowest:
            bounds = times[i - 1], times[i] if crossed or last else times[i + 1]
            found: Any = minimize_scalar(least, bounds=bounds, method="bounded", options={"xatol": 1e-9})
            if crossed or found.fun <= SINGULAR:
                return float(found.x)
    return None
