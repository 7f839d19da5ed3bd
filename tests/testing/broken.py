"""What the tests of broken classes share: a right model in few lines, a density, and what it is to be found."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pytest

import torusflow as tfl
from torusflow.descent.method import State
from torusflow.hilbert import Euclidean
from torusflow.losses.densities import DensityLoss

LAYERS = 3
TORUS = tfl.Torus((12,), threads=1)
TARGET = tfl.densities.von_mises(TORUS, 0.3, 1.0)


def assert_found(call, check, words):
    """The first check that fails is this one, and says so."""
    with pytest.raises(AssertionError) as raised:
        call()
    said = str(raised.value)
    assert f", {check}: " in said, said
    assert words in said, said


@dataclass(frozen=True, eq=False)
class Wave:
    """w -> scale * sin(w), a right model in few lines; with layers, and so with a factor in its inner product."""

    scale: float = 2.0

    def __post_init__(self):
        if not isinstance(self.scale, float) or not np.isfinite(self.scale):
            raise tfl.InputError(f"Wave: scale must be a finite number, got {self.scale!r}.")

    @cached_property
    def space(self):
        return Euclidean((LAYERS, 2), 1 / LAYERS)

    @cached_property
    def output_space(self):
        return Euclidean((LAYERS, 2))

    def __call__(self, w):
        return self.linearise(w).output

    def linearise(self, w):
        return WaveLinearisation(self, self.space.element(w).copy())


class WaveLinearisation:
    def __init__(self, model, w):
        self.model, self.w, self.output = model, w, model.scale * np.sin(w)

    def slope(self):
        return self.model.scale * np.cos(self.w)

    def tangent(self, dw):
        return self.slope() * self.model.space.element(dw)

    def adjoint(self, p):
        return LAYERS * self.slope() * self.model.output_space.element(p)


@dataclass(frozen=True, eq=False)
class Half(DensityLoss):
    """(1/2) mean (rho - target)^2 with a weight."""

    weight: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.weight, float) or not self.weight > 0:
            raise tfl.InputError(f"Half: weight must be a positive number, got {self.weight!r}.")

    def __call__(self, rho):
        difference = self.checked(rho) - self.target.values
        return self.weight * self.torus.inner(difference, difference) / 2

    def gradient(self, rho):
        return self.weight * (self.checked(rho) - self.target.values)

    def curvature(self, rho, direction):
        return self.weight * direction


@dataclass(frozen=True)
class Plain:
    """w <- w - step * gradient."""

    step: float = 0.1
    remembers: ClassVar = {"done": "a number"}

    def __post_init__(self):
        if not isinstance(self.step, float) or not self.step > 0:
            raise tfl.InputError(f"Plain: step must be a positive number, got {self.step!r}.")

    def init(self, risk, control):
        return State.at(risk.at(control), 0.0, self.step, memory={"done": np.array(0)})

    def update(self, risk, state):
        return self.moved(risk, state, self.step)

    def moved(self, risk, state, step):
        done = {"done": np.array(state.memory["done"] + 1)}
        return State.at(risk.at(state.control - step * state.gradient), step, step, state.time + step, memory=done)
