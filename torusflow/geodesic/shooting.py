"""Geodesics of the right-invariant H^s metric on the diffeomorphisms of the torus from their initial velocity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import checked_times, checked_tolerance
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..torus.control import VelocitySpace
from ..torus.grid import Torus
from ..torus.scattered import BandField
from ..torus.sobolev import SobolevMetric
from .epdiff import LARGEST_TAIL, EPDiff

# The energy may drift by this many tolerances, relative to itself, and by what large weights make of round-off.
LARGEST_DRIFT, ROUND_OFF_DRIFT = 1000, 1e-9
# The least relative tolerance that SciPy takes without a warning; the absolute one decides.
RELATIVE_TOLERANCE = 100 * np.finfo(float).eps
# Resolved geodesics of unit length take tens of steps.
MOST_STEPS = 20_000


@dataclass(frozen=True, eq=False)
class Geodesic(OneLine):
    """What `shoot` found.

    Attributes
    ----------
    times : array (n_times,)
    velocity : array (n_times, d, *n)
        u.
    momentum : array (n_times, d, *n)
        m = (1 - l^2 Laplacian)^s u; its mean is conserved.
    energy : array (n_times,)
        <u, m> = |u|_V^2, constant up to the tolerance.
    tail : array (n_times,)
        Share of the energy in the outer third of the modes.
    steps : int
        Time steps taken.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((24,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.05 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> path = tfl.geodesic.shoot(torus, metric, u0, times=[0.5, 1.0])
    >>> bool(np.ptp(path.energy) < 1e-9 * path.energy[0])
    True
    """

    times: np.ndarray
    velocity: np.ndarray
    momentum: np.ndarray
    energy: np.ndarray
    tail: np.ndarray
    steps: int

    @property
    def length(self) -> float:
        """The length of the geodesic from time 0 to 1, sqrt <u_0, m_0>."""
        return math.sqrt(self.energy[0])


def shoot(torus: Torus, metric: SobolevMetric, u0, times=(1.0,), tolerance: float = 1e-10) -> Geodesic:
    """d_t m + (u.grad) m + (grad u)^T m + m div u = 0, m = (1 - l^2 Laplacian)^s u, from the velocity u_0 [1]_, [2]_.

    A geodesic of diffeomorphisms is the flow of its velocity u, and of all paths between its ends it is locally the
    shortest in the metric; in one dimension with s = 1 it solves the Camassa-Holm equation [3]_. The velocity keeps the
    modes |k_j| <= (n_j - 1) // 3, for which the products are free of aliasing; this equation in space conserves energy
    and mean momentum exactly, so their drift is that of the time steps, which are adaptive and explicit, of order
    eight. It has a solution for all times; where EPDiff has not, energy comes to the highest modes and is refused.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
        Smoothness at least 1; above d/2 + 1 geodesics exist for all times.
    u0 : array (d, *n)
        In sides of the torus per unit time. Modes above the kept ones are dropped, and coefficients that are round-off
        of the largest: m would multiply them by up to (1 + l^2 |2 pi k|^2)^s.
    times : sequence of float
        Increasing, not negative; for negative times shoot with -u0.
    tolerance : float
        Error of a time step in the norm of V, relative to |u_0|_V, between 1e-13 and 1e-2.

    Returns
    -------
    Geodesic

    Raises
    ------
    InputError
        If the velocity is not a field on this torus or not resolved there, the metric is too rough, the times do not
        increase, or the tolerance is out of range.
    NumericalError
        If the geodesic becomes finer than the grid, its energy drifts, or it cannot be continued; names the time.

    References
    ----------
    .. [1] D. D. Holm, J. E. Marsden, Momentum maps and measure-valued solutions for the EPDiff equation, in: The
       Breadth of Symplectic and Poisson Geometry, Birkhauser 2005, doi:10.1007/0-8176-4419-9_8, equation (1.1).
    .. [2] M. I. Miller, A. Trouve, L. Younes, Geodesic shooting for computational anatomy, J. Math. Imaging Vis. 24
       (2006) 209-228, doi:10.1007/s10851-005-3624-0.
    .. [3] R. Camassa, D. D. Holm, An integrable shallow water equation with peaked solitons, Phys. Rev. Lett. 71 (1993)
       1661-1664, doi:10.1103/PhysRevLett.71.1661.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((64,))
    >>> u0 = 0.1 + 0.2 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> path = tfl.geodesic.shoot(torus, tfl.SobolevMetric(2.0, 0.3), u0, times=[0.0, 0.5])
    >>> bool(abs(path.energy[1] - path.energy[0]) < 1e-9)
    True
    """
    path = Path(torus, metric, u0, tolerance)
    times, symbol = checked_times(times), path.equation.symbol
    kept = [u_hat for u_hat, _ in path.follow(times)]
    velocity = np.stack([torus.inverse(u_hat) for u_hat in kept])
    momentum = np.stack([torus.inverse(symbol * u_hat) for u_hat in kept])
    energy, tail = (np.array(column) for column in zip(*map(path.equation.energy, kept), strict=True))
    return Geodesic(np.array(times), velocity, momentum, energy, tail, path.steps)


def undivided(torus: Torus, metric: SobolevMetric) -> EPDiff:
    """EPDiff on a torus that one process has the whole of: SciPy takes the steps."""
    equation = EPDiff(torus, metric)
    torus.refuse_divided("geodesics are shot by", "leave out comm; a GeodesicNODE is a model on it.")
    return equation


class Path:
    """A geodesic and points that it carries, dx/dt = u_t(x), in adaptive time steps of order eight.

    The numbers that the steps see are (1 + l^2 |2 pi k|^2)^(s/2) u^_k for the kept modes, once or sqrt 2 times so that
    their Euclidean norm is |u|_V: the equation conserves it, and the error of a step is measured in it. Then come the
    points, whose root mean square error in a step is held below the tolerance.

    Parameters
    ----------
    torus, metric, u0, tolerance
        As `shoot` takes them.
    points : array (N, d), optional
    largest_tail : float
        Share of the energy in the outer third of the modes beyond which the geodesic is refused.

    Attributes
    ----------
    equation : EPDiff
    steps : int
        Time steps taken so far.
    """

    def __init__(self, torus, metric, u0, tolerance: float, points=None, largest_tail: float = LARGEST_TAIL):
        equation = self.equation = undivided(torus, metric)
        expected = (torus.dimension, *torus.local_shape)
        if torus.field(u0).shape != expected or not torus.is_finite(u0):
            raise InputError(f"u0 must be a finite velocity {expected} on this torus, got shape {np.shape(u0)}.")
        tolerance = self._tolerance = checked_tolerance(tolerance, 1e-13, 1e-2)
        self.steps, self._largest_tail = 0, largest_tail
        self._kept = torus.to_host(equation.kept)
        weights = torus.to_host(equation.symbol * np.where(torus.wavenumbers[-1] > 0, 2.0, 1.0))
        self._root = np.sqrt(weights)[self._kept]
        self._space = VelocitySpace(torus, metric, 1, equation.modes)
        x = np.empty((0, torus.dimension)) if points is None else points
        self._state, self._first = self._start(u0, x)
        # SciPy bounds the root of the mean square of the error; rest is met by any tolerance.
        length, size = math.sqrt(self._first) or 1.0, self._state.size
        self._absolute = np.full(size, tolerance * length / math.sqrt(size))
        self._absolute[size - x.size :] = tolerance * math.sqrt(len(x) / size)

    def follow(self, times) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """u^ and the points at the times, spectra (d, *spectral_shape) and arrays (N, d).

        Raises
        ------
        NumericalError
            If the geodesic becomes finer than the grid, its energy drifts, or it cannot be continued; names the time.
        """
        from scipy.integrate import DOP853

        drift = LARGEST_DRIFT * self._tolerance + ROUND_OFF_DRIFT
        time, step = 0.0, None
        for goal in times:
            if goal > time:
                with np.errstate(all="ignore"):  # a trial may leave the range of numbers; it is refused then
                    first_step = step and min(step, goal - time)
                    limits = {"rtol": RELATIVE_TOLERANCE, "atol": self._absolute, "first_step": first_step}
                    solver: Any = DOP853(self._rate, time, self._state, goal, **limits)
                while solver.status == "running":
                    step = solver.h_abs
                    with np.errstate(all="ignore"):
                        message = solver.step()
                    self.steps += 1
                    if solver.status == "failed" or self.steps >= MOST_STEPS:
                        raise NumericalError(
                            f"the geodesic cannot be continued at time {solver.t:.6g} of {times[-1]:g}, after "
                            f"{self.steps} steps: {message or 'too many steps'}. Raise the tolerance or stop earlier."
                        )
                    when = f"at time {solver.t:.6g} of {times[-1]:g}"
                    remedy = f"with tolerance={self._tolerance:.1e}. Use a smaller tolerance, or stop earlier."
                    u_hat = self._split(solver.y)[0]
                    self.equation.check(u_hat, self._first, drift, when, remedy, self._largest_tail)
                # The last step was cut to end here; the one before it says more about the next.
                self._state, step = solver.y, max(step, solver.h_abs)
            time = goal
            yield self._split(self._state)

    def _start(self, u0, points) -> tuple[np.ndarray, float]:
        """The numbers for a velocity and points, and its energy."""
        equation, torus = self.equation, self.equation.torus
        with np.errstate(all="ignore"):
            u_hat = torus.transform(u0)
            size = np.abs(u_hat)
            u_hat[size <= np.finfo(float).eps * torus.maximum(size)] = 0
            energy, tail = equation.energy(u_hat)
            state = self._join(u_hat, points)
            usable = math.isfinite(energy) and torus.is_finite(self._rate(0.0, state))
        if not usable:
            raise InputError("u0 is so large that its energy or its acceleration overflows. Shoot for a shorter time.")
        if tail > self._largest_tail:
            raise InputError(
                f"u0 is finer than the grid {torus.shape}: a share {tail:.1e} of its energy is in modes beyond "
                f"{equation.inner_modes}, more than {self._largest_tail:g}. Use a finer grid or a smoother u0."
            )
        return state, equation.energy(self._split(state)[0])[0]

    def _rate(self, time, state) -> np.ndarray:
        u_hat, x = self._split(state)
        at = self.equation.fields(u_hat)
        speed = BandField(self._space, self._space.coefficients(at.velocity)).value(x) if len(x) else x
        return self._join(self.equation.rate(at), speed)

    def _join(self, u_hat, x) -> np.ndarray:
        u_hat = self.equation.torus.to_host(u_hat)  # SciPy takes the steps
        return np.concatenate([(u_hat[:, self._kept] * self._root).ravel().view(float), x.ravel()])

    def _split(self, state) -> tuple[np.ndarray, np.ndarray]:
        torus, d = self.equation.torus, self.equation.torus.dimension
        velocity, x = np.split(state, [2 * d * self._root.size])
        u_hat = np.zeros((d, *torus.spectral_shape), complex)
        u_hat[:, self._kept] = velocity.view(complex).reshape(d, -1) / self._root
        return torus.asarray(u_hat), x.reshape(-1, d)
