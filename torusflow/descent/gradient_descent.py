"""Gradient descent in the control space, with a fixed step or Armijo's rule."""

from __future__ import annotations

from dataclasses import dataclass

from ..risk import Risk
from .line_search import GROW, armijo
from .method import State, check_line_search, checked_step


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

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.GradientDescent(0.1, line_search='armijo'), iterations=100)
    >>> run.value < 0.01 * risk(start)
    True
    """

    step: float = 0.1
    line_search: str | None = None

    def __post_init__(self):
        checked_step("GradientDescent", self.step)
        check_line_search("GradientDescent", self.line_search)

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start."""
        return State.at(risk.at(control), 0.0, self.step)

    def update(self, risk: Risk, state: State) -> State:
        """One step down the gradient."""
        if self.line_search is None:
            point = risk.at(state.control - self.step * state.gradient)
            return State.at(point, self.step, self.step, state.time + self.step)
        point, step = armijo(risk, state, -state.gradient, state.next_step)
        return State.at(point, step, GROW * step if step == state.next_step else step, state.time + step)
