"""Fields A sigma(B x + b) of two-layer perceptrons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import checked_flag, checked_whole, is_positive, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean
from .resnet import ACTIVATIONS, checked_activation


@dataclass(frozen=True)
class Perceptrons(OneLine):
    """v(x) = scale sum_j a_j sigma(b_j.x + beta_j), by coefficients (m, 2 d + 1): a row (a_j, b_j, beta_j) a neuron.

    They are those of a `ResNet` with biases; without, rows are (a_j, b_j) as in one whose widths differ.

    Parameters
    ----------
    width : int
        m.
    activation : {"tanh", "softplus", "sine", "relu"}
        sigma.
    bias : bool
        Whether there are beta_j.
    scale : float
        Positive.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.NODE(np.ones((5, 2)), tfl.Perceptrons(width=8, activation='softplus'), layers=4)
    >>> model.space.zeros().shape
    (5, 8, 5)
    """

    width: int
    activation: str = "tanh"
    bias: bool = True
    scale: float = 1.0

    def __post_init__(self):
        checked_activation(self.activation)
        if not is_positive(self.scale):
            raise InputError(f"scale must be a positive number, got {self.scale!r}.")
        settle(self, width=checked_whole("width", self.width), bias=checked_flag("bias", self.bias))

    def space(self, layers: int, dimension: int) -> Euclidean:
        """The space of controls (layers, m, 2 d + 1)."""
        return Euclidean((layers, self.width, 2 * dimension + self.bias), 1 / layers)

    def field(self, coefficients) -> PerceptronField:
        """v for given coefficients."""
        return PerceptronField(self, coefficients)

    def change(self, coefficients, change) -> PerceptronChange:
        """How v changes with its coefficients."""
        return PerceptronChange(PerceptronField(self, coefficients), change)

    def gradient(self, coefficients, points, momenta) -> np.ndarray:
        """The gradient of sum_i p_i.v(x_i) with respect to the coefficients, like these."""
        v, d = PerceptronField(self, coefficients), points.shape[1]
        z = v.arguments(points)
        pulled = v.slope(z) * (momenta @ v.outer.T)
        gradient = np.empty_like(coefficients)
        gradient[:, :d] = self.scale * v.sigma.value(z).T @ momenta
        gradient[:, d : 2 * d] = pulled.T @ points
        gradient[:, 2 * d :] = pulled.sum(axis=0)[:, None][:, : self.bias]
        return gradient


class PerceptronField:
    """scale sum_j a_j sigma(b_j.x + beta_j) (`torusflow.transport.particles.Field`)."""

    def __init__(self, family: Perceptrons, coefficients):
        d = coefficients.shape[1] // 2
        self.outer, self.inner = coefficients[:, :d], coefficients[:, d : 2 * d]
        self.bias = coefficients[:, 2 * d] if family.bias else 0.0
        self.scale, self.sigma = family.scale, ACTIVATIONS[family.activation]

    def arguments(self, points) -> np.ndarray:
        """b_j.x + beta_j, array (N, m)."""
        return points @ self.inner.T + self.bias

    def slope(self, arguments) -> np.ndarray:
        """scale sigma'."""
        return self.scale * self.sigma.derivative(arguments)

    def value(self, points):
        return self.scale * self.sigma.value(self.arguments(points)) @ self.outer

    def tangent(self, points, change):
        return (self.slope(self.arguments(points)) * (change @ self.inner.T)) @ self.outer

    def transpose(self, points, weight):
        return (self.slope(self.arguments(points)) * (weight @ self.outer.T)) @ self.inner


class PerceptronChange:
    """The derivative of a `PerceptronField` in its coefficients, of which a flow wants the values only."""

    def __init__(self, field: PerceptronField, change):
        d = field.inner.shape[1]
        self._field = field
        self._outer, self._inner = change[:, :d], change[:, d : 2 * d]
        self._bias = change[:, 2 * d] if change.shape[1] > 2 * d else 0.0

    def value(self, points):
        v = self._field
        z, dz = v.arguments(points), points @ self._inner.T + self._bias
        return v.scale * v.sigma.value(z) @ self._outer + (v.slope(z) * dz) @ v.outer
