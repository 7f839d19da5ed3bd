"""Geodesics of the right-invariant H^s metric on the diffeomorphisms of the torus: the equation EPDiff."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, NumericalError
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric

# Share of |u|^2 in the outer third of the modes, beyond which the grid no longer carries the geodesic.
LARGEST_TAIL = 1e-2


@dataclass(frozen=True, eq=False)
class Geodesic:
    """What `shoot` found.

    Attributes
    ----------
    times : array (n_times,)
    velocity : array (n_times, d, *n)
        u.
    momentum : array (n_times, d, *n)
        m = (1 - l^2 Laplacian)^s u.
    energy : array (n_times,)
        <u, m> = |u|_V^2, constant up to the tolerance.
    tail : array (n_times,)
        Share of |u|^2 in the outer third of the modes.
    """

    times: np.ndarray
    velocity: np.ndarray
    momentum: np.ndarray
    energy: np.ndarray
    tail: np.ndarray

    @property
    def length(self) -> float:
        """Of the geodesic from time 0 to 1, sqrt <u_0, m_0>."""
        return math.sqrt(self.energy[0])


def shoot(torus: Torus, metric: SobolevMetric, u0, times=(1.0,), tolerance: float = 1e-10) -> Geodesic:
    """d_t m + (u.grad) m + (grad u)^T m + m div u = 0, m = (1 - l^2 Laplacian)^s u, from the velocity u_0 [1]_, [2]_.

    A geodesic of diffeomorphisms is the flow of its velocity u, and of all paths between its ends it is locally the
    shortest in the metric. The velocity keeps the modes |k_j| <= (n_j - 1) // 3, for which the products are free of
    aliasing: the equation in space conserves energy and mean momentum exactly, so their drift is that of the time
    steps, which are adaptive and explicit, of order eight.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
        Smoothness at least 1; above d/2 + 1 geodesics exist for all times.
    u0 : array (d, *n)
        In sides of the torus per unit time. Modes above the kept ones are dropped.
    times : sequence of float
        Increasing, not negative; for negative times shoot with -u0.
    tolerance : float
        Relative error of a time step, between 1e-13 and 1e-2.

    Returns
    -------
    Geodesic

    Raises
    ------
    InputError
        If the velocity is none on this torus, the metric too rough, the times do not increase or the tolerance is out
        of range.
    NumericalError
        If the geodesic becomes finer than the grid, or cannot be continued; names the time.

    References
    ----------
    .. [1] D. D. Holm, J. E. Marsden, Momentum maps and measure-valued solutions for the EPDiff equation, in: The
       Breadth of Symplectic and Poisson Geometry, Birkhauser 2005, doi:10.1007/0-8176-4419-9_8, equation (1.1).
    .. [2] M. I. Miller, A. Trouve, L. Younes, Geodesic shooting for computational anatomy, J. Math. Imaging Vis. 24
       (2006) 209-228, doi:10.1007/s10851-005-3624-0.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((64,))
    >>> u0 = 0.1 + 0.2 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> path = tfl.geodesic.shoot(torus, tfl.SobolevMetric(2.0, 0.3), u0, times=[0.0, 0.5])
    >>> bool(abs(path.energy[1] - path.energy[0]) < 1e-9)
    True
    """
    from scipy.integrate import DOP853

    times = _checked(torus, metric, u0, times, tolerance)
    equation = _EPDiff(torus, metric)
    u = torus.transform(u0) * equation.kept
    size = torus.norm(torus.inverse(u))
    time, vector, kept = 0.0, _as_vector(u), []
    for goal in times:
        if goal > time and size > 0:
            solver = DOP853(equation.rate, time, vector, goal, rtol=tolerance, atol=tolerance * size)
            while solver.status == "running":
                message = solver.step()
                if solver.status == "failed":
                    raise NumericalError(f"the geodesic cannot be continued at time {solver.t:.6g}: {message}")
                equation.refuse_unresolved(solver.t, goal, solver.y)
            vector = solver.y
        time = goal
        kept.append(equation.coefficients(vector))
    velocity = np.stack([torus.inverse(u) for u in kept])
    momentum = np.stack([torus.inverse(u * equation.symbol) for u in kept])
    energy = np.array([torus.inner(u, m) for u, m in zip(velocity, momentum, strict=True)])
    tail = np.array([equation.tail(u) for u in velocity])
    return Geodesic(np.array(times), velocity, momentum, energy, tail)


class _EPDiff:
    """d_t u = -K*(sum_j d_j(u_j m) + sum_j m_j grad u_j) on the kept modes."""

    def __init__(self, torus: Torus, metric: SobolevMetric):
        self.torus = torus
        self.modes = tuple((n - 1) // 3 for n in torus.shape)
        self.kept = torus.within(self.modes)
        self.symbol = metric.symbol(torus.laplacian_symbol)
        self._smoothing = self.kept / self.symbol
        self._outer = ~torus.within(2 * np.asarray(self.modes) // 3)

    def coefficients(self, vector) -> np.ndarray:
        return vector.view(complex).reshape(self.torus.dimension, *self.torus.spectral_shape)

    def rate(self, time, vector) -> np.ndarray:
        torus, u_hat = self.torus, self.coefficients(vector)
        u, m = torus.inverse(u_hat), torus.inverse(u_hat * self.symbol)
        rate = np.zeros_like(u_hat)
        for j, symbol in enumerate(torus.derivative_symbols):
            rate -= symbol * torus.transform(u[j] * m)
            # Component j of (grad u)^T m is sum_i m_i d_j u_i.
            rate[j] -= torus.transform((m * torus.inverse(symbol * u_hat)).sum(axis=0))
        return _as_vector(rate * self._smoothing)

    def tail(self, u) -> float:
        rough = self.torus.filter(u, self._outer)
        return self.torus.inner(rough, rough) / max(self.torus.inner(u, u), np.finfo(float).tiny)

    def refuse_unresolved(self, time, goal, vector) -> None:
        tail = self.tail(self.torus.inverse(self.coefficients(vector)))
        if not tail <= LARGEST_TAIL:  # NaN too
            raise NumericalError(
                f"at time {time:.6g} of {goal:g} the geodesic is finer than the grid {self.torus.shape} (share of the "
                f"outer third of the modes: {tail:.1e}). Use a finer grid, a smoother metric or a smaller velocity."
            )


def _as_vector(u_hat) -> np.ndarray:
    return np.ascontiguousarray(u_hat).view(float).ravel()


def _checked(torus, metric, u0, times, tolerance) -> tuple[float, ...]:
    if not isinstance(torus, Torus) or not isinstance(metric, SobolevMetric):
        raise InputError("shoot(torus, metric, u0, times) takes a Torus and a SobolevMetric first.")
    if metric.smoothness < 1:
        raise InputError(
            f"geodesics need a metric with derivatives, smoothness >= 1, got {metric.smoothness:g}: below, momentum "
            f"does not determine a flow. Use SobolevMetric(3.0, length), say."
        )
    expected = (torus.dimension, *torus.shape)
    if torus.field(u0).shape != expected or not torus.is_finite(u0):
        raise InputError(f"u0 must be a finite velocity {expected} on this torus, got shape {np.shape(u0)}.")
    try:
        times = tuple(float(t) for t in np.atleast_1d(times))
    except (TypeError, ValueError):
        raise InputError(f"times must be numbers, got {times!r}. Write times=[0.5, 1.0], say.") from None
    if not times or not all(0 <= t < math.inf for t in times) or any(np.diff(times) <= 0):
        raise InputError(f"times must increase from 0 or later, got {times!r}. For times before 0 shoot with -u0.")
    if not isinstance(tolerance, int | float | np.number) or not 1e-13 <= tolerance <= 1e-2:
        raise InputError(f"tolerance must be a number between 1e-13 and 0.01, got {tolerance!r}.")
    return times
