"""Greedy descent: each step is a new layer at v = 0, on top of what the layers before have reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from ..errors import InputError
from ..model import Restartable, check_ability
from ..risk import Risk
from .method import State, checked_step


@dataclass(frozen=True)
class GreedyDescent:
    """y <- Phi(-step g)(y), where g is the gradient at v = 0 of the model restarted from y.

    The flow of one layer with velocity -step g, for unit time, is composed with the flow reached so far, which is never
    changed again. As the step goes to zero the outputs follow the tangent flow, with an error of the order of the step;
    plain descent on the control leaves it as soon as the control is not small. Iteration n fills layer n of the
    control, so the model needs a layer for every iteration: its trajectory is the greedy path, and time s = n / layers
    of the flow is the training time n step.

    Parameters
    ----------
    step : float
        Training time of an iteration.

    Raises
    ------
    InputError
        If the step is not positive; in `descend`, if the model cannot be restarted, the control is not zero at the
        start, or the risk has a penalty.

    Notes
    -----
    The history's gradient is g, in every layer: the gradient of the model restarted with all its layers at v = 0.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.von_mises(torus), layers=20)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GreedyDescent(step=0.005), iterations=20)
    >>> print(run.status.split(',')[0])
    all 20 layers are filled at time 0.1
    """

    step: float = 0.01

    def __post_init__(self):
        checked_step("GreedyDescent", self.step)

    def init(self, risk: Risk, control) -> State:
        """The gradient at v = 0."""
        instead = "Use GradientDescent, or a MeasureNODE, a TorusNODE or an RKHSNODE."
        check_ability(risk.model, Restartable, "GreedyDescent restarts a model from its output and needs", instead)
        if risk.penalty or np.any(control):
            what = f"penalty={risk.penalty:g}; leave it out" if risk.penalty else "other start than space.zeros()"
            raise InputError(f"GreedyDescent starts every layer at v = 0, so it takes no {what}.")
        return self._state(risk, control, risk.model(control), 0)

    def update(self, risk: Risk, state: State) -> State:
        """One more layer."""
        model, done = cast(Restartable, risk.model), round(state.time / self.step)
        velocity = -self.step * state.gradient[0]
        output = model.restarted(state.output)(velocity[None])
        control = state.control.copy()
        control[done] = model.layers * velocity  # a layer of the whole model lasts 1/layers only
        return self._state(risk, control, output, done + 1)

    def _state(self, risk: Risk, control, output, done) -> State:
        model = cast(Restartable, risk.model)
        one = Risk(model.restarted(output), risk.loss)
        value, gradient = one.value_and_gradient(one.space.zeros())
        finished = ""
        if done == model.layers:
            finished = f"all {done} layers are filled at time {done * self.step:g}, risk {value:.6g}"
        gradient = np.repeat(gradient, model.layers, axis=0)
        step = self.step if done else 0.0
        return State(control, value, gradient, output, step, self.step, done * self.step, finished=finished)
