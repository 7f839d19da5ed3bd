"""The continuity equation by truncated Fourier series and Runge-Kutta steps, its tangent and its transpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arguments import LARGEST_COUNT, checked_whole
from ..backends.turns import Turn
from ..errors import NumericalError, UnstableError
from ..torus.grid import TWO_PI, Torus
from .checkpoints import Checkpoints
from .runge_kutta import RK4, Tableau

Velocity = Callable[[int], np.ndarray]


class ContinuityEquation:
    """d_s rho = A(v) rho = -sum_j d_j P(v_j rho) for s in [0, 1], v constant on each of L layers.

    P keeps |k_j| <= modes_j. Densities are handled by their kept coefficients, in work arrays that this object owns;
    one push runs at a time, and velocities are asked for within it.

    Parameters
    ----------
    torus : Torus
    band : tuple of int
        Largest |k_j| of the velocity.
    layers : int
    substeps : int or None
        Runge-Kutta steps per layer; None takes enough for every speed up to one side of the torus per unit time.
    scheme : Tableau
        For constant v a step is its stability polynomial R(h A), taken in Horner form: a stage for each of its degrees.

    Attributes
    ----------
    modes : tuple of int
        M_j, the largest with n_j > 2 M_j + band_j: then the products v_j rho are free of aliasing within P.
    steps : int
        Runge-Kutta steps in all, layers x substeps; h = 1/steps.
    spectral_shape : tuple of int
        Of the kept coefficients.
    turn : Turn
        Who has the work arrays now, and the arrays that the velocities are views of.
    kept : str
        What is kept of a stage, in words.

    Notes
    -----
    The transpose of one step is R(h A)^T = R(h A^T) with A^T w = sum_j v_j P d_j w, so the same stages run backwards on
    the transport equation. With y_m = rho + c_m h A y_(m-1) the forward stages and w_s = w the last weight,
    w_(m-1) = c_m h A^T w_m, the derivative of <w, R(h A) rho> with respect to v_j is sum_m c_m h y_(m-1) P d_j w_m,
    and w becomes w_0 + ... + w_s.
    """

    def __init__(self, torus: Torus, band: tuple[int, ...], layers: int, substeps: int | None, scheme: Tableau = RK4):
        modes = tuple((n - b - 1) // 2 for n, b in zip(torus.shape, band, strict=True))
        if substeps is None:
            substeps = max(1, math.ceil(TWO_PI * sum(modes) / scheme.stability_limit / layers))
        self.torus, self.layers, self.substeps = torus, layers, checked_whole("substeps", substeps)
        self.steps = layers * self.substeps
        self.modes, self.scheme = modes, scheme
        self.turn = Turn()
        self._stages = torus.stages(self.modes)
        self._plan = torus.plan(1, self.modes)
        self._coefficients = np.array(scheme.horner) / self.steps
        self.spectral_shape = self._stages.kept

    kept = "density"

    @property
    def stage_shape(self) -> tuple[int, ...]:
        """Of what a linearisation keeps of one stage."""
        return self.torus.local_shape

    # -- coefficients ------------------------------------------------------------------------------------------

    def project(self, f) -> np.ndarray:
        """The kept coefficients of a field (*n), as the methods below take them."""
        with self.turn.take():
            plan = self._plan
            f = self.torus.field(f).astype(float, order="C", copy=False)
            plan.forward(f.reshape(plan.real.shape))
            return plan.spectral[0].copy()

    def evaluate(self, f_hat) -> np.ndarray:
        """The field (*n) with given kept coefficients."""
        with self.turn.take():
            self._plan.spectral[0] = f_hat
            f = self.torus.empty(self.torus.local_shape)
            self._plan.inverse(f.reshape(self._plan.real.shape))
            return f

    def courant(self, velocity) -> float:
        """h max_x sum_j 2 pi M_j |v_j(x)|: step length times the fastest frequency of A(v), see `Torus.fastest`.

        Parameters
        ----------
        velocity : array (d, *n)
        """
        fastest = self._fastest(velocity)
        return (fastest if isinstance(fastest, float) else float(fastest.max())) / self.steps

    def _fastest(self, velocity) -> Any:
        return self.torus.fastest(velocity, [TWO_PI * mode for mode in self.modes])

    # -- sweeps ------------------------------------------------------------------------------------------------

    def push(self, density_hat, velocity: Velocity, stages=None, visit=None) -> np.ndarray:
        """rho^(1) = R(h A(v_L))...R(h A(v_1)) rho^(0).

        Parameters
        ----------
        density_hat : complex array
            Kept coefficients at s = 0.
        velocity : callable
            layer -> array (d, *n).
        stages : array (steps, degree, *n) or Checkpoints, optional
            Filled with the density at every stage, or with what it can be recomputed from, for `tangent` and
            `transpose`.
        visit : callable, optional
            visit(layer, density_hat) after each layer; the coefficients are a work array.

        Returns
        -------
        complex array
            Kept coefficients at s = 1.

        Raises
        ------
        UnstableError
            Before the first step of a layer whose Courant number exceeds the scheme's limit, on a device after the
            last one; names the substeps it needs.
        NumericalError
            If a velocity is not finite.
        """
        with self.turn.take():
            base, waiting = density_hat.copy(), []
            for layer in range(self.layers):
                field = velocity(layer)
                fastest = self._fastest(field)
                if not isinstance(fastest, float):  # on its way from a device, on which nobody waits for each layer
                    waiting.append(fastest)
                elif not fastest / self.steps <= self.scheme.stability_limit:  # NaN too
                    self._refuse_unstable(velocity)
                steps = range(layer * self.substeps, (layer + 1) * self.substeps)
                if isinstance(stages, Checkpoints):
                    for step in steps:
                        stages.keep(step, base)
                        self._advance(base, field, 1)
                else:
                    keep = None if stages is None else stages[steps.start : steps.stop]
                    self._advance(base, field, self.substeps, keep)
                if visit is not None:
                    visit(layer, base)
            if waiting and not np.stack(waiting).max() / self.steps <= self.scheme.stability_limit:
                self._refuse_unstable(velocity)
            return base

    def replay(self, density_hat, velocity: Velocity, steps: range, stages) -> None:
        """Some steps of a push that has been checked, once more, within a sweep.

        Parameters
        ----------
        density_hat : complex array
            Kept coefficients before the first of the steps.
        velocity : callable
            layer -> array (d, *n).
        steps : range
        stages : array (at least len(steps), degree, *n)
            Filled with the density at every stage.
        """
        base = density_hat.copy()
        for layer, part in self._by_layer(steps):
            keep = stages[part.start - steps.start : part.stop - steps.start]
            self._advance(base, velocity(layer), len(part), keep)

    def tangent(self, velocity: Velocity, tangent_velocity: Velocity, stages) -> np.ndarray:
        """The derivative of `push` at v in the direction v', for a fixed initial density.

        Parameters
        ----------
        velocity, tangent_velocity : callable
            layer -> array (d, *n).
        stages : array (steps, degree, *n) or Checkpoints
            From `push`.

        Returns
        -------
        complex array
            Kept coefficients of the change of the final density.
        """
        with self.turn.take():
            base = self.torus.zeros(self.spectral_shape, complex)
            for steps, densities in self._windows(stages, velocity):
                for layer, part in self._by_layer(steps):
                    kept = densities[part.start - steps.start : part.stop - steps.start]
                    self._advance_tangent(base, velocity(layer), tangent_velocity(layer), kept)
            return base

    def transpose(self, weight_hat, velocity: Velocity, stages, take: Callable, momentum=None) -> np.ndarray:
        """The transpose of `tangent`, and of `push` in the initial density.

        Parameters
        ----------
        weight_hat : complex array
            Kept coefficients of the weight w at s = 1.
        velocity : callable
            layer -> array (d, *n).
        stages : array (steps, degree, *n) or Checkpoints
            From `push`.
        take : callable
            take(layer, momentum) for the layers from last to first, with momentum (d, *n) such that
            <w, rho'> = sum_layers mean(momentum . v'); the array is a work array.
        momentum : array (d, *n), optional
            The work array.

        Returns
        -------
        complex array
            Kept coefficients of the weight at s = 0: <w(1), R rho'> = <w(0), rho'>.
        """
        with self.turn.take():
            if momentum is None:
                momentum = self.torus.empty((self.torus.dimension, *self.torus.local_shape))
            total = weight_hat.copy()
            for steps, densities in self._windows(stages, velocity, backwards=True):
                for layer, part in reversed(list(self._by_layer(steps))):
                    kept = densities[part.start - steps.start : part.stop - steps.start]
                    fresh = part.stop % self.substeps == 0
                    self._advance_transpose(total, velocity(layer), kept, momentum, fresh)
                    if part.start % self.substeps == 0:
                        take(layer, momentum)
            return total

    # -- some steps within a layer, of which `Stages` says more --------------------------------------------------

    def _advance(self, base, velocity, steps: int, keep=None) -> None:
        self._stages.push(base, velocity, self._coefficients, steps, keep)

    def _advance_tangent(self, base, velocity, change, densities) -> None:
        self._stages.tangent(base, velocity, change, densities, self._coefficients)

    def _advance_transpose(self, weight, velocity, densities, momentum, fresh: bool) -> None:
        self._stages.transpose(weight, velocity, densities, self._coefficients, momentum, fresh)

    def _by_layer(self, steps: range) -> Iterator[tuple[int, range]]:
        """Some steps in a row, cut where layers end."""
        start = steps.start
        while start < steps.stop:
            layer = start // self.substeps
            stop = min(steps.stop, (layer + 1) * self.substeps)
            yield layer, range(start, stop)
            start = stop

    def _windows(self, stages, velocity, backwards=False) -> Iterator[tuple[range, np.ndarray]]:
        """Steps in a row and their stages; recomputing takes the work arrays, so sweeps leave nothing there."""
        if isinstance(stages, Checkpoints):
            yield from stages.windows(self, velocity, backwards)
        else:
            yield range(self.steps), stages

    def _refuse_unstable(self, velocity):
        """Raise for the fastest layer, so that the substeps named are enough for all of them."""
        numbers = [self.courant(velocity(layer)) for layer in range(self.layers)]
        courant = max(numbers, key=lambda c: c if math.isfinite(c) else math.inf)
        layer = numbers.index(courant)
        if not math.isfinite(courant):
            raise NumericalError(f"layer {layer}: the velocity holds values that are not finite.")
        needed = math.ceil(self.substeps * courant / self.scheme.stability_limit)
        remedy = f"substeps={needed}, or " if needed <= LARGEST_COUNT else ""
        raise UnstableError(
            f"layer {layer}: {self.scheme.unstable(courant)} with substeps={self.substeps}: use {remedy}a smaller "
            f"velocity.",
            courant,
            needed,
        )
