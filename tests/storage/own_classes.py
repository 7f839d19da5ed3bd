"""A loss, a model, a method of somebody else's, as their package would have them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import torusflow as tfl
from torusflow.hilbert import Euclidean


@dataclass(frozen=True, eq=False)
class Cubed:
    """mean |x - y|^3."""

    targets: np.ndarray
    weight: float = 1.0

    def __call__(self, output):
        return self.weight * float(np.mean(np.abs(output - self.targets) ** 3))

    def gradient(self, output):
        difference = output - self.targets
        return 3 * self.weight * difference * np.abs(difference) / difference.size

    def check(self, space):
        if space.shape != np.shape(self.targets):
            raise tfl.InputError(f"Cubed: targets of shape {np.shape(self.targets)} for outputs {space.shape}.")


@dataclass(frozen=True, eq=False)
class L2:
    """Of the name of another loss: rho -> |rho - target|^4 / 4."""

    target: tfl.Density

    def __call__(self, output):
        return self.target.torus.norm(output - self.target.values) ** 4 / 4

    def gradient(self, output):
        difference = output - self.target.values
        return self.target.torus.norm(difference) ** 2 * difference

    def check(self, space):
        pass

    def on(self, torus):
        return L2(self.target.on(torus))


@dataclass(frozen=True, eq=False)
class Shift:
    """x -> x + sum of the layers of w, on points (N, d)."""

    points: np.ndarray
    layers: int = 2

    @property
    def space(self):
        return Euclidean((self.layers, self.points.shape[1]), 1 / self.layers)

    @property
    def output_space(self):
        return Euclidean(self.points.shape)

    @property
    def inputs(self):
        return self.points

    def rows(self, output):
        return output

    def describe(self):
        return {"points": f"{len(self.points)} that all move alike"}

    def __call__(self, w):
        return self.points + self.space.element(w).mean(axis=0)

    def trajectory(self, w):
        moves = np.concatenate([np.zeros((1, self.points.shape[1])), np.cumsum(w, axis=0)]) / self.layers
        return self.points + moves[:, None]

    def linearise(self, w):
        return Moved(self, self(w))


class Moved:
    def __init__(self, model, output):
        self.model, self.output = model, output

    def tangent(self, dw):
        return np.zeros(self.output.shape) + self.model.space.element(dw).mean(axis=0)

    def adjoint(self, p):
        return np.repeat(self.model.output_space.element(p).sum(axis=0)[None], self.model.layers, axis=0)


@dataclass(frozen=True)
class LBFGS(tfl.LBFGS):
    """Of the name of another method, and a subclass of it."""


@dataclass(frozen=True)
class Polyak:
    """Steps of the length value / |gradient|^2, remembering how many."""

    largest: float = 1.0
    remembers: ClassVar = {"count": "a number"}

    def init(self, risk, control):
        return tfl.State.at(risk.at(control), 0.0, 1.0, memory={"count": np.array(0)})

    def update(self, risk, state):
        step = min(self.largest, 0.5 * state.value / risk.space.inner(state.gradient, state.gradient))
        memory = {"count": state.memory["count"] + 1}
        return tfl.State.at(
            risk.at(state.control - step * state.gradient), step, step, state.time + step, memory=memory
        )
