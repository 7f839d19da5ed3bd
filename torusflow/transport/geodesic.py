"""Geodesics of the right-invariant H^s metric on the diffeomorphisms of the torus: the equation EPDiff."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, NumericalError
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric

# Share of the energy in the outer third of the modes, beyond which the grid no longer carries the geodesic: velocities
# are then wrong by some 1e-3 (measured against fine grids for s = 1, 1.5 and 2). The share of |u|^2 is blind: it was
# 1e-6 to 1e-4 where nothing of u was right any more.
LARGEST_TAIL = 0.03
# The energy may drift by so many tolerances, relative to itself, and by what large weights make of round-off.
LARGEST_DRIFT, ROUND_OFF_DRIFT = 1000, 1e-9
# The least that SciPy takes as relative tolerance without a word; the absolute one decides.
RELATIVE_TOLERANCE = 100 * np.finfo(float).eps
# Resolved geodesics of unit length take tens of steps.
MOST_STEPS = 20_000


@dataclass(frozen=True, eq=False)
class Geodesic:
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
    """

    times: np.ndarray
    velocity: np.ndarray
    momentum: np.ndarray
    energy: np.ndarray
    tail: np.ndarray
    steps: int

    @property
    def length(self) -> float:
        """Of the geodesic from time 0 to 1, sqrt <u_0, m_0>."""
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
        If the velocity is none on this torus or not resolved there, the metric too rough, the times do not increase or
        the tolerance is out of range.
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
    from scipy.integrate import DOP853

    times = _checked(torus, metric, u0, times, tolerance)
    equation = _EPDiff(torus, metric)
    state, first = equation.start(u0)
    time, step, steps, kept = 0.0, None, 0, []
    # SciPy bounds the root of the mean square of the error; rest is met by any tolerance.
    absolute = tolerance * (math.sqrt(first) or 1.0) / math.sqrt(state.size)
    for goal in times:
        if goal > time:
            with np.errstate(all="ignore"):  # a trial may leave the range of numbers; it is refused then
                first_step = step and min(step, goal - time)
                solver = DOP853(
                    equation.rate, time, state, goal, rtol=RELATIVE_TOLERANCE, atol=absolute, first_step=first_step
                )
            while solver.status == "running":
                step = solver.h_abs
                with np.errstate(all="ignore"):
                    message = solver.step()
                steps += 1
                if solver.status == "failed" or steps >= MOST_STEPS:
                    raise NumericalError(
                        f"the geodesic cannot be continued at time {solver.t:.6g} of {times[-1]:g}, after {steps} "
                        f"steps: {message or 'too many steps'}. Use a larger tolerance, or end before."
                    )
                equation.check(solver.t, times[-1], solver.y, first, tolerance)
            # The last step was cut to end here; the one before it says more about the next.
            state, step = solver.y, max(step, solver.h_abs)
        time = goal
        kept.append(equation.coefficients(state))
    velocity = np.stack([torus.inverse(u) for u in kept])
    momentum = np.stack([torus.inverse(u * equation.symbol) for u in kept])
    energy, tail = (np.array(column) for column in zip(*(equation.energy(u) for u in kept), strict=True))
    return Geodesic(np.array(times), velocity, momentum, energy, tail, steps)


class _EPDiff:
    """d_t u = -K*(sum_j d_j(u_j m) + sum_j m_j grad u_j) on the kept modes.

    The state of the time steps is (1 + l^2 |2 pi k|^2)^(s/2) u^_k on the kept modes, once or sqrt 2 times so that its
    Euclidean norm is |u|_V: the equation conserves it, and the error of a step is measured in it.
    """

    def __init__(self, torus: Torus, metric: SobolevMetric):
        self.torus = torus
        self.modes = tuple((n - 1) // 3 for n in torus.shape)
        self.kept = torus.within(self.modes)
        self.symbol = metric.symbol(torus.laplacian_symbol)
        self._smoothing = self.kept / self.symbol
        self._inner = tuple(2 * mode // 3 for mode in self.modes)
        self._outer = ~torus.within(self._inner)
        self._root = np.sqrt(self.symbol * np.where(torus.wavenumbers[-1] > 0, 2.0, 1.0))[self.kept]

    def start(self, u0) -> tuple[np.ndarray, float]:
        """The state of a velocity, and its energy."""
        torus = self.torus
        with np.errstate(all="ignore"):
            u_hat = torus.transform(u0)
            size = np.abs(u_hat)
            u_hat[size <= np.finfo(float).eps * torus.maximum(size)] = 0
            energy, tail = self.energy(u_hat)
            state = self._state(u_hat)
            usable = math.isfinite(energy) and torus.is_finite(self.rate(0.0, state))
        if not usable:
            raise InputError("u0 is so large that its energy or its acceleration overflows. Shoot for a shorter time.")
        if tail > LARGEST_TAIL:
            raise InputError(
                f"u0 is finer than the grid {torus.shape}: a share {tail:.1e} of its energy is in modes beyond "
                f"{self._inner}, more than {LARGEST_TAIL:g}. Use a finer grid or a smoother u0."
            )
        return state, self.energy(self.coefficients(state))[0]

    def coefficients(self, state) -> np.ndarray:
        u_hat = np.zeros((self.torus.dimension, *self.torus.spectral_shape), complex)
        u_hat[:, self.kept] = state.reshape(self.torus.dimension, -1) / self._root
        return u_hat

    def rate(self, time, state) -> np.ndarray:
        torus, d, u_hat = self.torus, self.torus.dimension, self.coefficients(state)
        symbols = torus.derivative_symbols
        fields = torus.inverse(np.concatenate([u_hat, self.symbol * u_hat, *(symbol * u_hat for symbol in symbols)]))
        u, m, gradients = fields[:d], fields[d : 2 * d], fields[2 * d :].reshape(d, d, *torus.shape)
        products = np.empty((d + 1, d, *torus.shape))
        np.multiply(u[:, None], m, out=products[:d])
        # Component i of (grad u)^T m is sum_j m_j d_i u_j.
        np.einsum("j...,ij...->i...", m, gradients, out=products[d])
        *fluxes, force = torus.transform(products)
        return self._state(
            -self._smoothing * (sum(symbol * flux for symbol, flux in zip(symbols, fluxes, strict=True)) + force)
        )

    def energy(self, u_hat) -> tuple[float, float]:
        """<u, m>, and the share of it in the outer third of the modes."""
        torus = self.torus
        u, m = torus.inverse(u_hat), torus.inverse(u_hat * self.symbol)
        energy = torus.inner(u, m)
        return energy, torus.inner(torus.inverse(u_hat * self._outer), m) / energy if energy > 0 else 0.0

    def check(self, time, end, state, first, tolerance) -> None:
        energy, tail = self.energy(self.coefficients(state))
        if not tail <= LARGEST_TAIL:  # NaN too
            raise NumericalError(
                f"at time {time:.6g} of {end:g} the geodesic is finer than the grid {self.torus.shape} (share of the "
                f"energy beyond the modes {self._inner}: {tail:.1e}). Use a finer grid, a smoother metric "
                f"or a smaller velocity."
            )
        drift = abs(energy - first)
        if not drift <= (LARGEST_DRIFT * tolerance + ROUND_OFF_DRIFT) * first:
            raise NumericalError(
                f"at time {time:.6g} of {end:g} the energy has drifted by {drift / first:.1e} of itself with "
                f"tolerance={tolerance:.1e}. Use a smaller tolerance, or end before."
            )

    def _state(self, u_hat) -> np.ndarray:
        return (u_hat[:, self.kept] * self._root).ravel()


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
