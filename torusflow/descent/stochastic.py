"""Stochastic gradient descent: each step sees a few of the samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import InputError
from ..risk import Risk
from .method import State, checked_step


@dataclass(frozen=True)
class StochasticGradientDescent:
    """w <- w - t grad R_B(w) for every batch B of the samples in a random order; an iteration is one pass over all.

    The step is t = step / (1 + passes done / half_life) [1]_. The history's risk and gradient are those of all samples
    at the end of each pass.

    Parameters
    ----------
    step : float
        t at the start.
    batch : int
        Samples per step.
    half_life : float
        Number of passes after which t has halved.
    seed : int
        Of the random orders; the order of a pass depends only on it and on the number of the pass.

    Raises
    ------
    InputError
        If a number is out of range; in `descend`, if the model has no samples that can be taken apart.

    References
    ----------
    .. [1] H. Robbins, S. Monro, A stochastic approximation method, Ann. Math. Stat. 22 (1951) 400-407,
       doi:10.1214/aoms/1177729586.
    """

    step: float = 0.01
    batch: int = 256
    half_life: float = 5.0
    seed: int = 0
    remembers: ClassVar = {"passes": "a number"}

    def __post_init__(self):
        checked_step("StochasticGradientDescent", self.step)
        for name, value, least in (("batch", self.batch, 1), ("seed", self.seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise InputError(f"StochasticGradientDescent: {name} must be a whole number >= {least}, got {value!r}.")
        if not isinstance(self.half_life, int | float | np.number) or not self.half_life > 0:
            raise InputError(f"StochasticGradientDescent: half_life must be positive, got {self.half_life!r}.")

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start."""
        risk.part([0])  # refuses models without samples before any work
        return State.at(risk.at(control), 0.0, self.step, memory={"passes": np.array(0)})

    def update(self, risk: Risk, state: State) -> State:
        """One pass over all samples."""
        passes = int(state.memory["passes"])
        step, control = self.step / (1 + passes / self.half_life), state.control
        order = np.random.default_rng([self.seed, passes]).permutation(risk.samples)
        batches = np.array_split(order, -(-risk.samples // self.batch))
        for rows in batches:
            control = control - step * risk.part(rows).value_and_gradient(control)[1]
        time = state.time + step * len(batches)
        return State.at(risk.at(control), step, step, time, memory={"passes": np.array(passes + 1)})
