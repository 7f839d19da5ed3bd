"""Gradient descent in the control space, with a fixed step or Armijo's rule."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from ..errors import InputError, NumericalError, UnstableError
from ..risk import Risk
from .method import StalledError, State

# Armijo's constants: sufficient decrease, shrinking of a refused step, growth of the next after one taken at once.
SUFFICIENT_DECREASE = 0.1
SHRINK = 0.5
GROW = 2.0
# Forty halvings: below that the change of the risk is lost in round-off.
MAXIMUM_HALVINGS = 40
# A stable step that promises less than this part of the risk, after longer ones were unstable, leads nowhere.
STUCK = 1e-6


@dataclass(frozen=True)
class GradientDescent:
    """w <- w - step grad R(w), the gradient taken in the inner product of the control space.

    Parameters
    ----------
    step : float
        Fixed step length, or the first one Armijo's rule tries.
    line_search : {None, "armijo"}
        With "armijo" a step t is halved until R(w - t g) <= R(w) - 0.1 t |g|^2 [1]_, and the next iteration starts
        from the step taken, doubled if it was accepted at once. A step the model refuses as unstable counts as too
        long.

    Raises
    ------
    InputError
        If the step is not positive or the line search unknown.

    References
    ----------
    .. [1] L. Armijo, Minimization of functions having Lipschitz continuous first partial derivatives, Pacific J.
       Math. 16 (1966) 1-3, doi:10.2140/pjm.1966.16.1.
    """

    step: float = 0.1
    line_search: str | None = None

    def __post_init__(self):
        number = isinstance(self.step, numbers.Real) and not isinstance(self.step, bool)
        if not number or not 0 < self.step < math.inf:
            raise InputError(f"GradientDescent: step must be a positive number, got {self.step!r}.")
        if self.line_search not in (None, "armijo"):
            raise InputError(f"GradientDescent: line_search must be None or 'armijo', got {self.line_search!r}.")

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start."""
        return State.at(risk.at(control), 0.0, self.step)

    def update(self, risk: Risk, state: State) -> State:
        """One step down the gradient."""
        if self.line_search is None:
            point = risk.at(state.control - self.step * state.gradient)
            return State.at(point, self.step, self.step, state.time + self.step)
        return armijo(risk, state)


def armijo(risk: Risk, state: State) -> State:
    """The first step t, t/2, t/4, ... that lowers the risk by 0.1 t |g|^2."""
    slope = risk.space.inner(state.gradient, state.gradient)
    step, unstable = state.next_step, None
    for halvings in range(MAXIMUM_HALVINGS):
        try:
            trial = risk.at(state.control - step * state.gradient)
        except UnstableError as error:
            trial, unstable = None, unstable or error
        except NumericalError:
            trial = None
        if unstable is not None and step * slope < STUCK * abs(state.value):
            raise StalledError(f"the stability of the transport stops the descent. Longest step tried: {unstable}")
        if trial is not None and trial.value <= state.value - SUFFICIENT_DECREASE * step * slope:
            return State.at(trial, step, GROW * step if halvings == 0 else step, state.time + step)
        step *= SHRINK
    raise StalledError(
        f"no step from {state.next_step:.3g} down to {step:.3g} lowers the risk {state.value:.6g} enough, with a "
        f"gradient of norm {math.sqrt(slope):.3g}: the descent has reached round-off, or the gradient is wrong"
    )
