"""Networks of two layers on points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torusflow as tfl


@dataclass(frozen=True, eq=False)
class TwoLayers:
    """w -> y_i = (1/m) sum_j a_j tanh(b_j . x_i + c_j), the mean over m neurons; w_j = (a_j, b_j, c_j).

    Parameters
    ----------
    x : array (N, d)
        One point a row.
    width : int
        m.
    outputs : int
        k, the dimension of the y_i.

    Attributes
    ----------
    space : Euclidean
        (m, k + d + 1), with the mean over neurons as inner product: gradients do not depend on how many there are.
    output_space : Euclidean
        (N, k).

    Raises
    ------
    InputError
        If x is not a matrix of finite numbers, or a number is not a positive whole number.
    """

    x: np.ndarray
    width: int
    outputs: int = 1

    def __post_init__(self):
        x = np.array(self.x, float)
        if x.ndim != 2 or not np.all(np.isfinite(x)):
            raise tfl.InputError(f"TwoLayers: x must be finite numbers (N, d), one point per row, got shape {x.shape}.")
        for name in ("width", "outputs"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise tfl.InputError(f"TwoLayers: {name} must be a whole number >= 1, got {value!r}.")
        object.__setattr__(self, "x", x)

    @cached_property
    def space(self) -> tfl.Euclidean:
        return tfl.Euclidean((self.width, self.outputs + self.x.shape[1] + 1), 1 / self.width)

    @cached_property
    def output_space(self) -> tfl.Euclidean:
        return tfl.Euclidean((len(self.x), self.outputs))

    def __call__(self, w) -> np.ndarray:
        """y, array (N, k)."""
        return self.linearise(w).output

    @property
    def inputs(self) -> np.ndarray:
        """x: with `rows`, for pictures, and for a warning where one point has two targets."""
        return self.x

    def rows(self, output) -> np.ndarray:
        """An output as it is, one point per row."""
        return output

    def describe(self) -> dict[str, str]:
        """For ``torusflow info``."""
        return {"network": f"{self.x.shape[1]} -> {self.width} -> {self.outputs}, {len(self.x)} points"}

    def linearise(self, w) -> TwoLayersLinearisation:
        """The network with tangent and adjoint."""
        return TwoLayersLinearisation(self, self.space.element(w).copy())


class TwoLayersLinearisation:
    """A `TwoLayers` at a control: what `torusflow.model.Linearisation` asks for."""

    def __init__(self, model: TwoLayers, w):
        self.model, k = model, model.outputs
        self.inputs = np.column_stack([model.x, np.ones(len(model.x))])  # (N, d + 1)
        self.a, self.b = w[:, :k], w[:, k:]
        self.sigma = np.tanh(self.inputs @ self.b.T)  # (N, m)
        self.output = self.sigma @ self.a / model.width

    def tangent(self, dw) -> np.ndarray:
        """The change of y, array (N, k)."""
        dw, k = self.model.space.element(dw), self.model.outputs
        d_sigma = (1 - self.sigma**2) * (self.inputs @ dw[:, k:].T)
        return (self.sigma @ dw[:, :k] + d_sigma @ self.a) / self.model.width

    def adjoint(self, p) -> np.ndarray:
        """The control g with mean over neurons of g_j . dw_j = sum of p * tangent(dw)."""
        p = self.model.output_space.element(p)
        weights = (1 - self.sigma**2) * (p @ self.a.T)
        return np.hstack([self.sigma.T @ p, weights.T @ self.inputs])
