"""Gradient descent with the two-point step of Barzilai and Borwein, which the risk may rise for a while to allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..arguments import checked_whole
from ..risk import Risk
from .line_search import WOLFE_DECREASE, armijo
from .method import State, checked_step

# Where the gradient hardly changes, or the risk is not convex along the step, the next one is this many times longer.
MOST_GROWTH = 1e3


@dataclass(frozen=True)
class BarzilaiBorwein:
    """w <- w - t grad R(w), t = <s, s>/<s, y> of the last step s and change y of the gradient [1]_.

    The step is halved until R(w - t g) <= max of the last risks - 1e-4 t |g|^2 [2]_: held to no more than that, the
    method keeps the irregular steps it owes its speed to. One the model refuses as unstable counts as too long.

    Parameters
    ----------
    step : float
        First trial of the first iteration.
    memory : int
        Risks kept; with 1 the risk falls at every iteration.

    Raises
    ------
    InputError
        If memory is not a positive whole number or the step is not positive.

    References
    ----------
    .. [1] J. Barzilai, J. M. Borwein, Two-point step size gradient methods, IMA J. Numer. Anal. 8 (1988) 141-148,
       doi:10.1093/imanum/8.1.141, equation (5).
    .. [2] L. Grippo, F. Lampariello, S. Lucidi, A nonmonotone line search technique for Newton's method, SIAM J. Numer.
       Anal. 23 (1986) 707-716, doi:10.1137/0723046.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.BarzilaiBorwein(), iterations=60)
    >>> run.value < 0.01 * risk(start)
    True
    """

    step: float = 0.1
    memory: int = 10
    remembers: ClassVar = {"risks": "numbers"}

    def __post_init__(self):
        checked_step("BarzilaiBorwein", self.step)
        checked_whole("BarzilaiBorwein: memory", self.memory)

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start."""
        point = risk.at(control)
        return State.at(point, 0.0, self.step, memory={"risks": np.array([point.value])})

    def update(self, risk: Risk, state: State) -> State:
        """One step, and from the change of the gradient the length of the next."""
        risks, gradient = state.memory["risks"], state.gradient
        point, t = armijo(risk, state, -gradient, state.next_step, WOLFE_DECREASE, max(risks))
        # s = -t g, so <s, s>/<s, y> = t |g|^2 / -<g, y>.
        squared = risk.space.inner(gradient, gradient)
        fall = -risk.space.inner(gradient, point.gradient - gradient)
        following = t * squared / fall if fall > squared / MOST_GROWTH else MOST_GROWTH * t
        memory = {"risks": np.append(risks, point.value)[-self.memory :]}
        return State.at(point, t, following, state.time + t, memory=memory)
