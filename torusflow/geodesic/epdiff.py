"""EPDiff, the equation of geodesics, with densities that its flow carries: rate, derivative, transpose, time steps."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import numpy as np

from ..errors import InputError, NumericalError, UnstableError
from ..memory import check_memory
from ..torus.grid import TWO_PI, Torus
from ..torus.sobolev import SobolevMetric
from ..transport.runge_kutta import RK4, Tableau

# Share of the energy in the outer third of the modes, beyond which the grid no longer carries the geodesic: velocities
# are then wrong by some 1e-3 (measured against fine grids for s = 1, 1.5 and 2). The share of |u|^2 is blind: it was
# 1e-6 to 1e-4 where nothing of u was right any more.
LARGEST_TAIL = 0.03
# By what share of itself the energy may drift in steps of fixed length.
LARGEST_DRIFT = 1e-2


class Fields(NamedTuple):
    """A state on the grid: u, m = (1 - l^2 Laplacian)^s u, d_i u_j with i first, and the densities."""

    velocity: np.ndarray
    momentum: np.ndarray
    gradient: np.ndarray
    densities: np.ndarray


class EPDiff:
    """d_t u = -K*P(sum_j d_j(u_j m) + sum_j m_j grad u_j) and d_t rho = -sum_j d_j P(u_j rho).

    P keeps |k_j| <= (n_j - 1) // 3 of velocities, and of densities the modes that then stay free of aliasing. States
    are spectra, complex arrays (d + densities, *spectral_shape): u^, then rho^ of each density.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    densities : int
        How many are carried.
    scheme : Tableau
        Of steps of fixed length.

    Attributes
    ----------
    torus, metric, densities, scheme
    modes, density_modes : tuple of int
        Largest |k_j| kept.
    kept : boolean array (*spectral_shape)
        The modes of velocities.
    symbol : array (*spectral_shape)
        (1 + l^2 |2 pi k|^2)^s.

    Raises
    ------
    InputError
        If the metric has no derivatives.

    Notes
    -----
    With [u, w] = (u.grad) w - (w.grad) u the equation is <d_t u, w>_V = <m, [u, w]> for all kept w. So the transpose of
    its derivative in <., .>_V takes w to P[u, w] + K*P(sum_j d_j(w_j m) + sum_j m_j grad w_j). A weight I on a density
    adds K*P(rho grad I) to that, and becomes P(u.grad I). On the grid this is exact, since d_j is skew there.
    """

    def __init__(self, torus: Torus, metric: SobolevMetric, densities: int = 0, scheme: Tableau = RK4):
        if not isinstance(torus, Torus) or not isinstance(metric, SobolevMetric):
            raise InputError("geodesics take a Torus and a SobolevMetric first.")
        torus.refuse_divided("geodesics are computed by", "leave out comm.")
        if metric.smoothness < 1:
            raise InputError(
                f"geodesics need a metric with derivatives, smoothness >= 1, got {metric.smoothness:g}: below, "
                f"momentum does not determine a flow. Use SobolevMetric(3.0, length), say."
            )
        self.torus, self.metric, self.densities, self.scheme = torus, metric, densities, scheme
        self.modes = tuple((n - 1) // 3 for n in torus.shape)
        self.density_modes = tuple((n - mode - 1) // 2 for n, mode in zip(torus.shape, self.modes, strict=True))
        self.kept, self._kept_density = torus.within(self.modes), torus.within(self.density_modes)
        self.symbol = metric.symbol(torus.laplacian_symbol)
        self._smoothing = self.kept / self.symbol
        self.inner_modes = tuple(2 * mode // 3 for mode in self.modes)
        self._outer = ~torus.within(self.inner_modes)

    # -- the equation ------------------------------------------------------------------------------------------

    def project(self, density) -> np.ndarray:
        """The kept coefficients of a density (*n)."""
        return self._kept_density * self.torus.transform(density)

    def fields(self, state) -> Fields:
        """The state on the grid."""
        d, shape = self.torus.dimension, self.torus.local_shape
        u_hat = state[:d]
        gradients = [symbol * u_hat for symbol in self.torus.derivative_symbols]
        values = self.torus.inverse(np.concatenate([u_hat, self.symbol * u_hat, *gradients, state[d:]]))
        end = 2 * d + d * d
        return Fields(values[:d], values[d : 2 * d], values[2 * d : end].reshape(d, d, *shape), values[end:])

    def rate(self, at: Fields) -> np.ndarray:
        """d_t of the state."""
        return self._rate(self._products(at, at))

    def tangent(self, at: Fields, change: Fields) -> np.ndarray:
        """The change of the rate for a change of the state."""
        return self._rate(self._products(at, change) + self._products(change, at))

    def transpose(self, at: Fields, weight) -> np.ndarray:
        """The transpose of `tangent`, in <., .>_V for velocities and the mean of products for densities."""
        torus, d = self.torus, self.torus.dimension
        w = self.fields(weight)
        slopes = torus.inverse(np.stack([symbol * weight[d:] for symbol in torus.derivative_symbols]))  # d_i I
        fluxes = w.velocity[:, None] * at.momentum
        force = np.einsum("j...,ij...->i...", at.momentum, w.gradient)
        force += np.einsum("c...,ic...->i...", at.densities, slopes)
        bracket = np.einsum("j...,ji...->i...", at.velocity, w.gradient)
        bracket -= np.einsum("j...,ji...->i...", w.velocity, at.gradient)
        carried = np.einsum("j...,jc...->c...", at.velocity, slopes)
        *fluxes, force, bracket, carried = np.split(
            torus.transform(np.concatenate([*fluxes, force, bracket, carried])), [d * j for j in range(1, d + 3)]
        )
        momentum = self._divergence(fluxes) + force
        return np.concatenate([self.kept * bracket + self._smoothing * momentum, self._kept_density * carried])

    def _products(self, moving: Fields, carried: Fields) -> np.ndarray:
        """u_j m_i, sum_j m_j d_i u_j and u_j rho, in this order, array (d d + d + d densities, *n)."""
        u, m, rho = moving.velocity, carried.momentum, carried.densities
        force = np.einsum("j...,ij...->i...", m, moving.gradient)
        return np.concatenate([*(u[:, None] * m), force, *(u[:, None] * rho)])

    def _rate(self, products) -> np.ndarray:
        d, shape = self.torus.dimension, self.torus.spectral_shape
        products = self.torus.transform(products)
        fluxes, force, carried = np.split(products, [d * d, d * d + d])
        momentum = self._divergence(fluxes.reshape(d, d, *shape)) + force
        densities = self._divergence(carried.reshape(d, self.densities, *shape))
        return -np.concatenate([self._smoothing * momentum, self._kept_density * densities])

    def _divergence(self, fluxes) -> np.ndarray:
        return cast(
            np.ndarray, sum(symbol * flux for symbol, flux in zip(self.torus.derivative_symbols, fluxes, strict=True))
        )

    # -- what a geodesic keeps ---------------------------------------------------------------------------------

    def energy(self, state) -> tuple[float, float]:
        """<u, m>, and the share of it in the outer third of the modes."""
        torus, u_hat = self.torus, state[: self.torus.dimension]
        u, m = torus.inverse(u_hat), torus.inverse(u_hat * self.symbol)
        energy = torus.inner(u, m)
        return energy, torus.inner(torus.inverse(u_hat * self._outer), m) / energy if energy > 0 else 0.0

    def check(self, state, first: float, drift: float, when: str, remedy: str, largest_tail=LARGEST_TAIL) -> None:
        """Raise a NumericalError, naming when, if the state is finer than the grid or its energy not the first."""
        energy, tail = self.energy(state)
        if not tail <= largest_tail:  # NaN too
            raise NumericalError(
                f"{when} the geodesic is finer than the grid {self.torus.shape} (share of the energy beyond the modes "
                f"{self.inner_modes}: {tail:.1e}). Use a finer grid, a smoother metric or a smaller velocity."
            )
        if not abs(energy - first) <= drift * first:
            share = abs(energy - first) / first
            raise NumericalError(f"{when} the energy has drifted by {share:.1e} of itself {remedy}")

    # -- steps of fixed length ---------------------------------------------------------------------------------

    def push(self, state, steps: int) -> np.ndarray:
        """The states at times 0, 1/steps, ..., 1 by Runge-Kutta steps, complex array (steps + 1, ...).

        Raises
        ------
        UnstableError
            If the velocity is too fast for a step; names the time and the steps it needs.
        NumericalError
            If the geodesic becomes finer than the grid or its energy drifts; names the time.
        """
        what, present = f"velocity and density at {steps} steps", self.torus.physical_memory()
        check_memory(2 * (steps + 1) * state.size, what, "Use fewer steps.", present)
        states = self.torus.empty((steps + 1, *state.shape), complex)
        states[0], (first, _) = state, self.energy(state)
        with np.errstate(all="ignore"):  # what leaves the range of numbers is refused
            for step in range(steps + 1):
                when = f"at time {step / steps:.4g} of 1"
                remedy = f"in steps of 1/{steps}. Use steps={2 * steps}, or a smaller velocity."
                self.check(states[step], first, LARGEST_DRIFT, when, remedy)
                if step < steps:
                    stages, states[step + 1] = self._stages(states[step], 1 / steps)
                    self._refuse_unstable(stages[0].velocity, steps, when)
        return states

    def push_tangent(self, states, change) -> np.ndarray:
        """The change of the last of the states for a change of the first."""
        h = 1 / (len(states) - 1)
        for state in states[:-1]:
            stages = self._stages(state, h)[0]
            change = change + self.scheme.change(lambda m, c, at=stages: self.tangent(at[m], self.fields(c)), change, h)
        return change

    def push_transpose(self, states, weight) -> np.ndarray:
        """The transpose of `push_tangent`: a weight on the last state becomes one on the first."""
        h = 1 / (len(states) - 1)
        for state in reversed(states[:-1]):
            stages = self._stages(state, h)[0]
            weight = weight + self.scheme.transposed(lambda m, q, at=stages: self.transpose(at[m], q), weight, h)
        return weight

    def _stages(self, state, h: float) -> tuple[list[Fields], np.ndarray]:
        """The stages of a step, and the state after it."""
        stages = []

        def rate(m, at):
            stages.append(self.fields(at))
            return self.rate(stages[-1])

        return stages, state + self.scheme.change(rate, state, h)

    def _refuse_unstable(self, velocity, steps, when) -> None:
        speed = sum(TWO_PI * mode * np.abs(u) for mode, u in zip(self.density_modes, velocity, strict=True))
        courant = self.torus.maximum(speed) / steps
        if courant > self.scheme.stability_limit:
            needed = math.ceil(steps * courant / self.scheme.stability_limit)
            raise UnstableError(
                f"{when} {self.scheme.unstable(courant)} with steps={steps}: use steps={needed}, or a smaller "
                f"velocity.",
                courant,
                needed,
            )
