"""Descent with momentum: the heavy ball, and Nesterov's accelerated gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..arguments import is_number
from ..errors import InputError, NumericalError
from ..risk import Risk
from .line_search import GROW, armijo
from .method import State, check_line_search, checked_step

# With R(w - t g) <= R(w) - (t/2) |g|^2 a step is at most one over the curvature, as the estimate sequences ask for.
ACCELERATED_DECREASE = 0.5


@dataclass(frozen=True)
class HeavyBall:
    """w_(n+1) = w_n - step grad R(w_n) + momentum (w_n - w_(n-1)), Polyak's method [1]_.

    On a quadratic with eigenvalues between m and L the error falls by the factor (sqrt L - sqrt m)/(sqrt L + sqrt m) an
    iteration with step = 4/(sqrt L + sqrt m)^2 and the square of that factor as momentum.

    Parameters
    ----------
    step : float
        Fixed step length, or the first one the line search tries.
    momentum : float
        In [0, 1).
    line_search : {None, "armijo"}
        With "armijo" the whole step, momentum included, is halved until it lowers the risk as Armijo's rule asks, and
        the next iteration starts from the step taken, doubled if it was accepted at once; momentum that points uphill
        is dropped. A step the model refuses as unstable counts as too long.

    Raises
    ------
    InputError
        If a number is out of range or the line search unknown.

    References
    ----------
    .. [1] B. T. Polyak, Some methods of speeding up the convergence of iteration methods, USSR Comput. Math. Math.
       Phys. 4 (1964) 1-17, doi:10.1016/0041-5553(64)90137-5.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.HeavyBall(0.05, line_search='armijo'), iterations=100)
    >>> run.value < 0.01 * risk(start)
    True
    """

    step: float = 0.1
    momentum: float = 0.9
    line_search: str | None = None
    remembers: ClassVar = {"previous": "a control"}

    def __post_init__(self):
        _check(self)

    def init(self, risk: Risk, control) -> State:
        """The start, at rest."""
        return State.at(risk.at(control), 0.0, self.step, memory={"previous": control})

    def update(self, risk: Risk, state: State) -> State:
        """One step down the gradient, and on in the direction of the last one."""
        step, memory = state.next_step, {"previous": state.control}
        direction = self.momentum / step * (state.control - state.memory["previous"]) - state.gradient
        if self.line_search is None:
            return State.at(risk.at(state.control + step * direction), step, step, state.time + step, memory=memory)
        if not risk.space.inner(state.gradient, direction) < 0:
            direction = -state.gradient
        point, t = armijo(risk, state, direction, step)
        return State.at(point, t, GROW * t if t == step else t, state.time + t, memory=memory)


@dataclass(frozen=True)
class Nesterov:
    """w_(n+1) = y_n - step grad R(y_n), y_(n+1) = w_(n+1) + momentum_n (w_(n+1) - w_n) [1]_.

    The iterates that `descend` reports are the points y_n where gradients are taken.

    Parameters
    ----------
    step : float
        Fixed step length, or the first one the line search tries.
    momentum : float, optional
        In [0, 1); on a quadratic with eigenvalues between m and L, step = 1/L and momentum (sqrt L - sqrt m)/(sqrt L +
        sqrt m) the error falls by the factor 1 - sqrt(m/L) per iteration. By default it grows from 0 to 1 as
        (t_n - 1)/t_(n+1), t_(n+1) = (1 + sqrt(1 + 4 t_n^2))/2, which needs no knowledge of m.
    restart : bool
        Whether to start again from rest when the last step went uphill [2]_, and, with a line search, when momentum
        would raise the risk or is refused as unstable; the risk then never rises.
    line_search : {None, "armijo"}
        With "armijo" a step t is halved until R(y - t g) <= R(y) - (t/2) |g|^2, and the next iteration starts from the
        step taken, doubled if it was accepted at once. This costs one more forward run of the model per iteration.

    Raises
    ------
    InputError
        If a number is out of range or the line search unknown.

    References
    ----------
    .. [1] Y. Nesterov, Introductory Lectures on Convex Optimization, Springer 2004, doi:10.1007/978-1-4419-8853-9,
       section 2.2.1.
    .. [2] B. O'Donoghue, E. Candes, Adaptive restart for accelerated gradient schemes, Found. Comput. Math. 15 (2015)
       715-732, doi:10.1007/s10208-013-9150-3, section 3.2.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.Nesterov(0.05, line_search='armijo'), iterations=100)
    >>> run.value < 0.01 * risk(start)
    True
    """

    step: float = 0.1
    momentum: float | None = None
    restart: bool = True
    line_search: str | None = None
    remembers: ClassVar = {"previous": "a control", "t": "a number"}

    def __post_init__(self):
        _check(self)
        if not isinstance(self.restart, bool):
            raise InputError(f"Nesterov: restart must be True or False, got {self.restart!r}.")

    def init(self, risk: Risk, control) -> State:
        """The start, at rest."""
        return State.at(risk.at(control), 0.0, self.step, memory={"previous": control, "t": np.array(1.0)})

    def update(self, risk: Risk, state: State) -> State:
        """One step down the gradient, and on from there."""
        step = following = state.next_step
        stepped = None
        if self.line_search is not None:
            stepped, step = armijo(risk, state, -state.gradient, step, ACCELERATED_DECREASE)
            following = GROW * step if step == following else step
        reached = state.control - step * state.gradient if stepped is None else stepped.control
        move = reached - state.memory["previous"]
        t = float(state.memory["t"])
        next_t = (1 + math.sqrt(1 + 4 * t**2)) / 2
        momentum = (t - 1) / next_t if self.momentum is None else self.momentum
        if self.restart and risk.space.inner(state.gradient, move) > 0:
            momentum, next_t = 0.0, 1.0
        point = self._ahead(risk, stepped, reached + momentum * move)
        if point is stepped:
            next_t = 1.0
        memory = {"previous": reached, "t": np.array(next_t)}
        return State.at(point, step, following, state.time + step, memory=memory)

    def _ahead(self, risk, stepped, control):
        """The risk at the point momentum leads to; or the one the step led to where that is lower, and known."""
        if stepped is None or not self.restart:
            return risk.at(control)
        try:
            point = risk.at(control)
        except NumericalError:
            return stepped
        return point if point.value <= stepped.value else stepped


def _check(method) -> None:
    name = type(method).__name__
    checked_step(name, method.step)
    momentum = 0.0 if method.momentum is None and name == "Nesterov" else method.momentum
    if not is_number(momentum) or not 0 <= momentum < 1:
        raise InputError(f"{name}: momentum must be a number in [0, 1), got {momentum!r}.")
    check_line_search(name, method.line_search)
