"""Residual networks with two-layer perceptrons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import expit

from ..arguments import (
    check_generator,
    checked_choice,
    checked_columns,
    checked_flag,
    checked_rows,
    checked_whole,
    is_positive,
    real_array,
    settle,
)
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean, ProductSpace
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


def checked_activation(name) -> str:
    """The name of one of the activations, or an InputError."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise InputError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}.")
    return name


@dataclass(frozen=True, eq=False)
class ResNet(OneLine):
    """w -> x_L, x_(l+1) = x_l + (scale/L) A_l sigma(B_l x_l + b_l).

    Parameters
    ----------
    X : array (d, N)
        x_0, one input per column.
    layers : int
        L.
    width : int or tuple of int
        m, neurons per layer, or those of each layer.
    activation : {"tanh", "softplus", "sine", "relu"}
        sigma; a rectifier has no derivative at 0, where 0 is taken.
    inner : array (layers, width, d), optional
        Fixed matrices B_l, so that A alone is trained; both are trained if not given. For layers of one width without
        biases.
    scale : float
        1/sqrt(width) with random A and B of unit variance gives the scaling of the neural tangent kernel [1]_.
    bias : bool
        Whether there are b_l, which otherwise are zero.

    Attributes
    ----------
    space : Euclidean or ProductSpace
        Inner products (1/L) sum_l. Controls are arrays (L, 2, m, d) of A_l^T and B_l, or (L, m, d) of A_l^T where B is
        fixed. With biases, or widths that differ, they have a row (a, b, bias) of each neuron: arrays (L, m, 2 d + 1),
        or a product of one (m_l, 2 d) or (m_l, 2 d + 1) for each layer. `weights` and `control` go there and back.
    output_space : Euclidean
        (d, N).

    Raises
    ------
    InputError
        If a shape, number or name cannot be used.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, Neural tangent kernel, NeurIPS 2018, arXiv:1806.07572, section 2.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.ResNet(np.ones((2, 5)), layers=3, width=10)
    >>> model.space.zeros().shape, model(model.space.zeros()).shape
    ((3, 2, 10, 2), (2, 5))
    """

    X: np.ndarray
    layers: int
    width: int | tuple[int, ...]
    activation: str = "tanh"
    inner: np.ndarray | None = None
    scale: float = 1.0
    bias: bool = field(default=False, metadata={"stored": "unless default"})
    sample_axis: ClassVar[int] = 1

    def __post_init__(self):
        layers = checked_whole("layers", self.layers)
        settle(self, X=checked_columns(self.X), layers=layers, width=_checked_width(self.width, layers))
        settle(self, bias=checked_flag("bias", self.bias))
        checked_activation(self.activation)
        if not is_positive(self.scale):
            raise InputError(f"scale must be a positive number, got {self.scale!r}.")
        settle(self, scale=float(self.scale))
        if self.inner is not None:
            if self._by_neurons:
                raise InputError(
                    "inner fixes the B_l of layers of one width without biases. Leave inner out, or give one width and "
                    "bias=False; a bias is a B_l on points with a further coordinate 1."
                )
            try:
                inner = Euclidean(self._one).element(real_array(self.inner, "the matrices B_l"))
            except InputError as error:
                raise InputError(f"inner: {error} Give one matrix (width, d) per layer.") from None
            settle(self, inner=inner)

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each layer."""
        return self.width if isinstance(self.width, tuple) else (self.width,) * self.layers

    @property
    def _one(self) -> tuple[int, int, int]:
        return self.layers, self.widths[0], len(self.X)

    @property
    def _by_neurons(self) -> bool:
        """Whether controls have a row of each neuron."""
        return self.bias or isinstance(self.width, tuple)

    @cached_property
    def space(self) -> Euclidean | ProductSpace:
        layers, width, d = self._one
        if isinstance(self.width, tuple):
            return ProductSpace([Euclidean((m, 2 * d + self.bias), 1 / layers) for m in self.width])
        if self.bias:
            return Euclidean((layers, width, 2 * d + 1), 1 / layers)
        return Euclidean((layers, 2, width, d) if self.inner is None else self._one, 1 / layers)

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

    def part(self, rows) -> ResNet:
        """The same network on some of the inputs."""
        return replace(self, X=self.X[:, checked_choice(rows, self.X.shape[1])])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control of independent standard normal entries."""
        check_generator(rng)
        return rng.standard_normal(self.space.shape)

    def starting(self, points) -> ResNet:
        """The same network from other points (N, d), one per row."""
        return replace(self, X=checked_rows(points, len(self.X)).T)

    def weights(self, w) -> tuple:
        """A (layers, d, m) and B (layers, m, d) of a control; with biases B (layers, m, d + 1), whose last column is b.

        Lists of matrices where widths differ.
        """
        w = self.space.element(w)
        if not self._by_neurons:
            outer, inner = (w, self.inner) if self.inner is not None else (w[:, 0], w[:, 1])
            return np.swapaxes(outer, 1, 2), inner
        d, neurons = len(self.X), self.space.parts(w) if isinstance(self.space, ProductSpace) else w
        outer, inner = [rows[:, :d].T for rows in neurons], [rows[:, d:] for rows in neurons]
        return (outer, inner) if isinstance(self.width, tuple) else (np.stack(outer), np.stack(inner))

    def control(self, outer, inner) -> np.ndarray:
        """The control with given A_l and B_l, the inverse of `weights`; of the A_l alone where the B_l are fixed.

        Raises
        ------
        InputError
            If they are not matrices of the layers' shapes.
        """
        try:
            control = self._joined([np.asarray(a) for a in outer], [np.asarray(b) for b in inner])
        except (TypeError, ValueError, IndexError):
            raise InputError("control takes a list of A_l (d, m) and one of B_l, as `weights` gives them.") from None
        return self.space.element(control)

    def _joined(self, outer, inner) -> np.ndarray:
        if not self._by_neurons:
            outer = np.ascontiguousarray(np.swapaxes(outer, 1, 2))
            return np.stack([outer, inner], axis=1) if self.inner is None else outer
        neurons = [np.hstack([a.T, b]) for a, b in zip(outer, inner, strict=True)]
        return self.space.join(neurons) if isinstance(self.space, ProductSpace) else np.stack(neurons)

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
        outer, inner = self._padded(w)
        states = np.stack([self.seen(x) for x in self.linearise(w).states[:-1]])
        z, sigma = inner @ states, ACTIVATIONS[self.activation]
        return DerivativeBounds(
            resnet_lipschitz(
                self.scale, sigma.bend, self.inner is None, outer, inner, states, sigma.value(z), sigma.derivative(z)
            )
        )

    def seen(self, x) -> np.ndarray:
        """What the B_l act on: states (d, N), with a coordinate 1 where there are biases."""
        return np.vstack([x, np.ones(x.shape[1])]) if self.bias else x

    def _padded(self, w) -> tuple[np.ndarray, np.ndarray]:
        """The weights as those of a network of one width, by neurons that do nothing, and of as many rows as columns.

        A bias is a column of B_l for a coordinate that stays 1, so the A_l have a row of zeros for it.
        """
        if not self._by_neurons:
            return self.weights(w)
        most, outer, inner = max(self.widths), *self.weights(w)
        A = [np.pad(a, ((0, self.bias), (0, most - a.shape[1]))) for a in outer]
        B = [np.pad(b, ((0, most - len(b)), (0, 0))) for b in inner]
        return np.stack(A), np.stack(B)


def _checked_width(width, layers: int) -> int | tuple[int, ...]:
    """Neurons per layer: a whole number, or one for each layer."""
    if not isinstance(width, tuple | list):
        return checked_whole("width", width)
    if len(width) != layers:
        raise InputError(f"width must be one whole number, or one for each of the {layers} layers, got {len(width)}.")
    return tuple(checked_whole("each of width", m) for m in width)


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
                self.states.append(x + self._rate * outer @ self._sigma.value(inner @ model.seen(x)))
        self.output = self.states[-1]
        if not np.all(np.isfinite(self.output)):
            raise NumericalError("the output of the network is not finite. Use a smaller control.")

    def tangent(self, dw, dx=None) -> np.ndarray:
        """The change of x_L, array (d, N), where x_0 moves by dx."""
        model, d = self._model, len(self._model.X)
        d_outer, d_inner = model.weights(dw)
        if model.inner is not None:
            d_inner = np.zeros_like(model.inner)
        dx = np.zeros_like(model.X) if dx is None else dx
        for x, outer, inner, da, db in zip(self.states, self._outer, self._inner, d_outer, d_inner, strict=False):
            x = model.seen(x)
            z = inner @ x
            dz = inner[:, :d] @ dx + db @ x
            dx = dx + self._rate * (da @ self._sigma.value(z) + outer @ (self._sigma.derivative(z) * dz))
        return dx

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        return self.transpose(p)[0]

    def transpose(self, p) -> tuple[np.ndarray, np.ndarray]:
        """g and p_0, array (d, N), with <g, dw> + <p_0, dx> = <p, tangent(dw, dx)>."""
        model, d = self._model, len(self._model.X)
        p, outer_gradients, inner_gradients = model.output_space.element(p), [], []
        for layer in reversed(range(model.layers)):
            x, outer, inner = model.seen(self.states[layer]), self._outer[layer], self._inner[layer]
            z = inner @ x
            dz = self._rate * self._sigma.derivative(z) * (outer.T @ p)
            outer_gradients.append((model.scale * self._sigma.value(z) @ p.T).T)
            inner_gradients.append(model.layers * dz @ x.T)
            p = p + inner[:, :d].T @ dz
        return model._joined(outer_gradients[::-1], inner_gradients[::-1]), p
