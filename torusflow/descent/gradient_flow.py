"""The gradient flow: descent with infinitely small steps, integrated to a tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..arguments import is_number, settle
from ..backends import to_host
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import HilbertSpace, Shared, placed
from ..risk import Risk, RiskAt
from .method import StalledError, State

# After a stage where the risk cannot be computed, the next attempt reaches this part of the way to it; twelve of them
# are a factor of 1e-12, below which a step of a flow that stays in range would long have succeeded.
RETREAT = 0.1
MAXIMUM_RETREATS = 12


@dataclass(frozen=True)
class GradientFlow(OneLine):
    """dw/dt = -grad R(w), by the Dormand-Prince method of order eight with adaptive steps [1]_.

    Parameters
    ----------
    final_time : float
        Where the flow ends.
    tolerance : float
        Relative and absolute, for the local error of each entry of the control.
    times : sequence of float
        Increasing times in [0, final_time] at which the control is kept: ``result.times`` and ``result.controls``.
        Steps end there, so nothing is interpolated.

    Raises
    ------
    InputError
        If a number is out of range, or the times do not increase.

    References
    ----------
    .. [1] E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, second edition, Springer
       1993, doi:10.1007/978-3-540-78862-1, section II.5 (DOP853; here as in scipy.integrate).

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.GradientFlow(final_time=0.1, times=(0.05, 0.1)))
    >>> run.times
    array([0.05, 0.1 ])
    """

    final_time: float
    tolerance: float = 1e-8
    times: tuple[float, ...] = ()

    def __post_init__(self):
        for name, largest in (("final_time", math.inf), ("tolerance", 0.1)):
            value = getattr(self, name)
            if not is_number(value) or not 0 < value < largest:
                raise InputError(f"GradientFlow: {name} must be a positive number below {largest:g}, got {value!r}.")
        if self.tolerance < 1e-13:
            raise InputError(f"GradientFlow: tolerance {self.tolerance:g} is below what doubles can give; use 1e-12.")
        try:
            times: tuple = tuple(self.times)
        except TypeError:
            times = (None,)
        if not all(isinstance(t, int | float | np.integer | np.floating) for t in times):
            raise InputError(
                f"GradientFlow: times must be a sequence of numbers such as (0.5, 1.0), got {self.times!r}."
            )
        times = tuple(float(t) for t in times)
        if any(not 0 <= t <= self.final_time for t in times) or any(np.diff(times) <= 0):
            raise InputError(f"GradientFlow: times must increase within [0, {self.final_time:g}], got {self.times!r}.")
        settle(self, times=times)

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start."""
        return State.at(risk.at(control), 0.0, 0.0, keep=0.0 in self.times)

    def update(self, risk: Risk, state: State) -> State:
        """One adaptive step, at most to the next time asked for."""
        goal = min((t for t in self.times if t > state.time), default=self.final_time)
        step, first_error = state.next_step, None
        for _ in range(MAXIMUM_RETREATS):
            try:
                return self._step(risk, state, step, goal)
            except _OutOfRange as error:
                # A stage of a step too long, not the flow itself, need not lie where the model makes sense.
                first_error = first_error or error.__cause__
                step = RETREAT * error.reach
        raise StalledError(f"the flow cannot be continued at time {state.time:.6g}: {first_error}")

    def _step(self, risk: Risk, state: State, step: float, goal: float) -> State:
        """A step of at most the given length, or of one that the solver finds where that is zero."""
        from scipy.integrate import DOP853

        space = risk.space
        start = _as_vector(space, state.control)
        last = cast(RiskAt | None, None)

        def velocity(time, vector):
            nonlocal last
            if last is None and np.array_equal(vector, start):
                return -_as_vector(space, state.gradient)  # known from the step before
            try:
                if not np.all(np.isfinite(vector)):
                    raise NumericalError("the control is not finite.")
                last = risk.at(placed(space, _as_control(space, vector)))
                return -_as_vector(space, last.gradient)
            except NumericalError as error:
                raise _OutOfRange(time - state.time) from error

        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused above
            solver = DOP853(
                velocity,
                state.time,
                start,
                goal,
                first_step=min(step, goal - state.time) or None,
                rtol=max(self.tolerance, 100 * np.finfo(float).eps),
                atol=self.tolerance,
            )
            message = solver.step()
        if solver.status == "failed":
            raise StalledError(f"the flow cannot be continued at time {state.time:.6g}: {message}")
        # The last point that the solver looked at is the one it stepped to; none if no step changed the control.
        last = last or risk.at(state.control)
        reached = goal if solver.status == "finished" else solver.t
        # A step cut short to meet a time asked for says nothing about the next one.
        following = max(step, solver.h_abs) if reached == goal else solver.h_abs
        return State.at(
            last,
            reached - state.time,
            following,
            reached,
            keep=reached in self.times,
            finished=f"final time {self.final_time:g} reached, risk {last.value:.6g}"
            if reached == self.final_time
            else "",
        )


class _OutOfRange(Exception):
    """A stage at this time after the start of the step lies where the risk cannot be computed."""

    def __init__(self, reach: float):
        super().__init__(reach)
        self.reach = reach


def _as_vector(space: HilbertSpace, control) -> np.ndarray:
    """The real and imaginary parts of all entries, one after another; each process has those of all."""
    control = space.gather(control) if isinstance(space, Shared) else control
    return np.ascontiguousarray(to_host(control)).view(np.float64).ravel()


def _as_control(space: HilbertSpace, vector) -> np.ndarray:
    control = vector.copy().view(space.dtype)
    return space.part(control.reshape(space.whole_shape)) if isinstance(space, Shared) else control.reshape(space.shape)
