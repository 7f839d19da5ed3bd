"""Residual networks with two-layer perceptrons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ..arguments import check_generator, checked_columns, checked_whole, is_positive, real_array, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from ..model import DerivativeBounds
from .resnet_bounds import resnet_lipschitz


class Activation(NamedTuple):
    """sigma and its derivative, which is at most one; and how large the second one may be."""

    value: Callable
    derivative: Callable
    bend: float


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2, 4 / math.sqrt(27)),
    "softplus": Activation(lambda z: np.logaddexp(0, z), expit, 1 / 4),
    "sine": Activation(np.sin, np.cos, 1.0),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float), math.inf),
}


@dataclass(frozen=True, eq=False)
class ResNet(OneLine):
    """w -> x_L, x_(l+1) = x_l + (scale/L) A_l sigma(B_l x_l).

    Parameters
    ----------
    X : array (d, N)
        x_0, one input per column.
    layers : int
        L.
    width : int
        m, neurons per layer.
    activation : {"tanh", "softplus", "sine", "relu"}
        sigma; a rectifier has no derivative at 0, where 0 is taken.
    inner : array (layers, width, d), optional
        Fixed matrices B_l, so that A alone is trained; both are trained if not given.
    scale : float
        1/sqrt(width) with random A and B of unit variance gives the scaling of the neural tangent kernel [1]_.

    Attributes
    ----------
    space : Euclidean
        Inner products (1/L) sum_l. Controls are arrays (L, 2, m, d) of A_l^T and B_l, or (L, m, d) of A_l^T where B is
        fixed.
    output_space : Euclidean
        (d, N).

    Raises
    ------
    InputError
        If a shape, number or name cannot be used.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, Neural tangent kernel, NeurIPS 2018, arXiv:1806.07572, section 2.
    """

    X: np.ndarray
    layers: int
    width: int
    activation: str = "tanh"
    inner: np.ndarray | None = None
    scale: float = 1.0

    def __post_init__(self):
        layers, width = checked_whole("layers", self.layers), checked_whole("width", self.width)
        settle(self, X=checked_columns(self.X), layers=layers, width=width)
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            raise InputError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}.")
        if not is_positive(self.scale):
            raise InputError(f"scale must be a positive number, got {self.scale!r}.")
        settle(self, scale=float(self.scale))
        if self.inner is not None:
            try:
                inner = Euclidean(self._one).element(real_array(self.inner, "the matrices B_l"))
            except InputError as error:
                raise InputError(f"inner: {error} Give one matrix (width, d) per layer.") from None
            settle(self, inner=inner)

    @property
    def _one(self) -> tuple[int, int, int]:
        return self.layers, self.width, len(self.X)

    @cached_property
    def space(self) -> Euclidean:
        layers, width, d = self._one
        return Euclidean((layers, 2, width, d) if self.inner is None else self._one, 1 / self.layers)

    @cached_property
    def output_space(self) -> Euclidean:
        return Euclidean(self.X.shape)

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in, one per row."""
        return self.X.T

    def rows(self, output) -> np.ndarray:
        """An output with one point per row."""
        return np.transpose(output)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control of independent standard normal entries."""
        check_generator(rng)
        return rng.standard_normal(self.space.shape)

    def weights(self, w) -> tuple[np.ndarray, np.ndarray]:
        """A (layers, d, m) and B (layers, m, d) of a control."""
        w = self.space.element(w)
        outer, inner = (w, self.inner) if self.inner is not None else (w[:, 0], w[:, 1])
        return np.swapaxes(outer, 1, 2), inner

    def __call__(self, w) -> np.ndarray:
        """x_L, array (d, N)."""
        return self.linearise(w).output

    def linearise(self, w) -> ResNetLinearisation:
        """The network with tangent and adjoint; keeps the states of all layers."""
        return ResNetLinearisation(self, self.space.element(w).copy())

    def derivative_bounds(self, w) -> DerivativeBounds:
        """How fast the derivative changes (`torusflow.models.resnet_bounds`).

        Raises
        ------
        InputError
            If the activation is a rectifier: then the derivative jumps.
        """
        if self.activation == "relu":
            raise InputError(
                "the derivative of a network of rectifiers jumps, so there are no bounds for certificates. Take "
                "activation='softplus', say."
            )
        outer, inner = self.weights(w)
        states = np.stack(self.linearise(w).states[:-1])
        z, sigma = inner @ states, ACTIVATIONS[self.activation]
        return DerivativeBounds(
            resnet_lipschitz(
                self.scale, sigma.bend, self.inner is None, outer, inner, states, sigma.value(z), sigma.derivative(z)
            )
        )


class ResNetLinearisation:
    """A `ResNet` at a control (`torusflow.model.Linearisation`)."""

    def __init__(self, model: ResNet, w):
        self._model = model
        self._outer, self._inner = model.weights(w)
        self._sigma = ACTIVATIONS[model.activation]
        self._rate = model.scale / model.layers
        self.states = [model.X]
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused
            for outer, inner in zip(self._outer, self._inner, strict=True):
                x = self.states[-1]
                self.states.append(x + self._rate * outer @ self._sigma.value(inner @ x))
        self.output = self.states[-1]
        if not np.all(np.isfinite(self.output)):
            raise NumericalError("the output of the network is not finite. Use a smaller control.")

    def tangent(self, dw) -> np.ndarray:
        """The change of x_L, array (d, N)."""
        model = self._model
        d_outer, d_inner = model.weights(dw)
        if model.inner is not None:
            d_inner = np.zeros_like(model.inner)
        dx = np.zeros_like(model.X)
        for x, outer, inner, da, db in zip(self.states, self._outer, self._inner, d_outer, d_inner, strict=False):
            z = inner @ x
            dz = inner @ dx + db @ x
            dx = dx + self._rate * (da @ self._sigma.value(z) + outer @ (self._sigma.derivative(z) * dz))
        return dx

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        model = self._model
        p, gradient = model.output_space.element(p), model.space.zeros()
        for layer in reversed(range(model.layers)):
            x, outer, inner = self.states[layer], self._outer[layer], self._inner[layer]
            z = inner @ x
            dz = self._rate * self._sigma.derivative(z) * (outer.T @ p)
            outer_gradient = model.scale * self._sigma.value(z) @ p.T
            if model.inner is None:
                gradient[layer] = outer_gradient, model.layers * dz @ x.T
            else:
                gradient[layer] = outer_gradient
            p = p + inner.T @ dz
        return gradient
