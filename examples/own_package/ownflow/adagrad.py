"""Gradient descent whose step length comes from the gradients seen so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torusflow as tfl


@dataclass(frozen=True)
class AdaGradNorm:
    """w_(n+1) = w_n - step g_n / sqrt(offset^2 + |g_0|^2 + ... + |g_n|^2), |.| the norm of the control space [1]_.

    Parameters
    ----------
    step : float
        About how far the solution may be.
    offset : float
        Positive; makes the first steps shorter.

    Raises
    ------
    InputError
        If one is not positive.

    References
    ----------
    .. [1] R. Ward, X. Wu, L. Bottou, AdaGrad stepsizes: sharp convergence over nonconvex landscapes, J. Mach. Learn.
       Res. 21 (2020) 219, algorithm 1.
    """

    step: float = 0.5
    offset: float = 1e-3

    # Of State.memory, so that files know what belongs there.
    remembers: ClassVar = {"squares": "a number"}

    def __post_init__(self):
        for name in ("step", "offset"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise tfl.InputError(f"AdaGradNorm: {name} must be a positive number, got {value!r}.")

    def init(self, risk, control) -> tfl.State:
        """The risk and its gradient at the start."""
        return tfl.State.at(risk.at(control), 0.0, self.step, memory={"squares": np.array(self.offset**2)})

    def update(self, risk, state) -> tfl.State:
        """One step down the gradient."""
        squares = float(state.memory["squares"]) + risk.space.inner(state.gradient, state.gradient)
        step = self.step / math.sqrt(squares)
        point = risk.at(state.control - step * state.gradient)
        return tfl.State.at(point, step, step, state.time + step, memory={"squares": np.array(squares)})
