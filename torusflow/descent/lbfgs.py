"""The limited-memory quasi-Newton method, in the inner product of the control space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..arguments import checked_whole
from ..hilbert import HilbertSpace, norm
from ..risk import Risk
from .line_search import SUFFICIENT_DECREASE, wolfe
from .method import State, checked_step

# A pair of step and change of gradient with less curvature than this, <s, y> / |y|^2 relative to the step, is noise.
LEAST_CURVATURE = 1e-12


@dataclass(frozen=True)
class LBFGS:
    """w <- w - t B grad R(w), B the BFGS approximation of the inverse Hessian from the last pairs [1]_.

    All products are those of the control space, so that the first B, a multiple of the identity there, already holds
    the kernel; the step t meets Wolfe's conditions.

    Parameters
    ----------
    memory : int
        Pairs of steps and changes of the gradient kept.
    step : float
        First trial of the first iteration, along minus the gradient; later ones start with t = 1.

    Raises
    ------
    InputError
        If memory is not a positive whole number or the step is not positive.

    References
    ----------
    .. [1] D. C. Liu, J. Nocedal, On the limited memory BFGS method for large scale optimization, Math. Program. 45
       (1989) 503-528, doi:10.1007/BF01589116, algorithm 2.1.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.LBFGS(), iterations=20)
    >>> run.value < 1e-3 * risk(start)
    True
    """

    memory: int = 10
    step: float = 0.1
    remembers: ClassVar = {"steps": "controls", "changes": "controls"}

    def __post_init__(self):
        checked_whole("LBFGS: memory", self.memory)
        checked_step("LBFGS", self.step)

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start, no pairs."""
        empty = risk.space.zeros()[None][:0]
        return State.at(risk.at(control), 0.0, self.step, memory={"steps": empty, "changes": empty})

    def update(self, risk: Risk, state: State) -> State:
        """One quasi-Newton step; without pairs, one down the gradient."""
        steps, changes = state.memory["steps"], state.memory["changes"]
        direction = -inverse_hessian(risk.space, steps, changes, state.gradient)
        if len(steps) and not risk.space.inner(state.gradient, direction) < 0:
            steps, changes, direction = steps[:0], changes[:0], -state.gradient
        if len(steps):
            point, t = wolfe(risk, state, direction, 1.0)
        else:  # of unknown scale: a step that overshoots can lead a flow to where it does not come back from
            point, t = wolfe(risk, state, direction, state.next_step, SUFFICIENT_DECREASE)
        moved, changed = t * direction, point.gradient - state.gradient
        curvature = risk.space.inner(moved, changed)
        if curvature > LEAST_CURVATURE * norm(risk.space, moved) * norm(risk.space, changed):
            steps = np.concatenate([steps, moved[None]])[-self.memory :]
            changes = np.concatenate([changes, changed[None]])[-self.memory :]
        return State.at(point, t, state.next_step, state.time + t, memory={"steps": steps, "changes": changes})


def inverse_hessian(space: HilbertSpace, steps, changes, gradient) -> np.ndarray:
    """B g by the two-loop recursion, B = (<s, y> / <y, y>) Id of the last pair before the updates.

    Parameters
    ----------
    space : HilbertSpace
    steps, changes : array (m, ...)
        s_i and y_i, oldest first.
    gradient : array
        g.
    """
    result, factors = gradient.copy(), []
    for s, y in zip(reversed(steps), reversed(changes), strict=True):
        rho = 1 / space.inner(s, y)
        factors.append((rho, rho * space.inner(s, result)))
        result -= factors[-1][1] * y
    if len(steps):
        result *= space.inner(steps[-1], changes[-1]) / space.inner(changes[-1], changes[-1])
    for s, y, (rho, factor) in zip(steps, changes, reversed(factors), strict=True):
        result += (factor - rho * space.inner(y, result)) * s
    return result
