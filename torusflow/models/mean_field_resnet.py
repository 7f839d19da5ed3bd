"""Residual networks of which each layer is the mean of perceptron units, whose laws are what is trained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from ..arguments import check_generator, checked_choice, checked_columns, checked_whole, is_positive, settle
from ..errors import InputError
from ..hilbert import Euclidean
from ..model import DerivativeBounds
from .resnet import ResNet, ResNetLinearisation

# For np.pad, of matrices with one input per column.
ONE_ROW_MORE = ((0, 1), (0, 0))


@dataclass(frozen=True, eq=False)
class MeanFieldResNet:
    """w -> x_L, x_(l+1) = x_l + alpha/(L M) sum_m u_lm sigma(w_lm.x_l + b_lm), M units a layer.

    A control is L clouds of M particles (u, w, b), empirical measures mu_l, and in the inner product (1/(L M)) sum its
    gradient flow is that of the measures in the layerwise W2 distance of `torusflow.mean_field.distance`: conditional
    optimal transport [1]_. For infinitely many layers and units dx/ds = alpha int u sigma(w.x + b) d mu_s, from which
    a network of independent units is 1/L + alpha/sqrt(L M) away, up to a constant [2]_.

    Parameters
    ----------
    X : array (d, N)
        x_0, one input per column.
    layers : int
        L.
    width : int
        M, units per layer.
    activation : {"tanh", "softplus", "sine", "relu"}
        sigma; a rectifier has no derivative at 0, where 0 is taken.
    alpha : float
        Positive. As it grows, with time divided by alpha^2, units move less and less: lazy training.

    Attributes
    ----------
    space : Euclidean
        Inner products (1/(L M)) sum. Controls are arrays (L, M, 2 d + 1): u in the first d entries of a particle, w
        in the next d, b in the last.
    output_space : Euclidean
        (d, N).

    Raises
    ------
    InputError
        If a shape, number or name cannot be used.

    References
    ----------
    .. [1] R. Barboni, G. Peyré, F.-X. Vialard, Understanding the training of infinitely deep and wide ResNets with
       conditional optimal transport, Comm. Pure Appl. Math., doi:10.1002/cpa.70004, arXiv:2403.12887.
    .. [2] L. Chizat, The hidden width of deep ResNets: tight error bounds and phase diagrams, arXiv:2509.10167.
    """

    X: np.ndarray
    layers: int
    width: int
    activation: str = "tanh"
    alpha: float = 1.0
    sample_axis: ClassVar[int] = 1
    _lifted: ResNet = field(init=False, repr=False)

    def __post_init__(self):
        if not is_positive(self.alpha):
            raise InputError(f"alpha must be a positive number, got {self.alpha!r}.")
        X, width = checked_columns(self.X), checked_whole("width", self.width)
        # The same network with matrices for weights; a coordinate that is always one takes the place of biases.
        X_and_one = np.pad(X, ONE_ROW_MORE, constant_values=1)
        lifted = ResNet(X_and_one, self.layers, width, self.activation, scale=self.alpha / width)
        settle(self, X=X, layers=lifted.layers, width=width, alpha=float(self.alpha), _lifted=lifted)

    @cached_property
    def space(self) -> Euclidean:
        return Euclidean((self.layers, self.width, 2 * len(self.X) + 1), 1 / (self.layers * self.width))

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

    def part(self, rows) -> MeanFieldResNet:
        """The same network on some of the inputs."""
        return replace(self, X=self.X[:, checked_choice(rows, self.X.shape[1])])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control of independent standard normal entries."""
        check_generator(rng)
        return rng.standard_normal(self.space.shape)

    def __call__(self, w) -> np.ndarray:
        """x_L, array (d, N)."""
        return self.linearise(w).output

    def linearise(self, w) -> MeanFieldLinearisation:
        """The network with tangent and adjoint; keeps the states of all layers."""
        return MeanFieldLinearisation(self, self._lifted.linearise(self.to_matrices(w)))

    def derivative_bounds(self, w) -> DerivativeBounds:
        """How fast the derivative changes: that of the lifted network, whose controls are sqrt(M) times as long.

        Raises
        ------
        InputError
            If the activation is a rectifier: then the derivative jumps.
        """
        lipschitz, width = self._lifted.derivative_bounds(self.to_matrices(w)).lipschitz, self.width
        return DerivativeBounds(lambda radius: width * lipschitz(np.sqrt(width) * radius))

    def to_matrices(self, w) -> np.ndarray:
        """A control as one of the `ResNet` whose inputs have a last coordinate one, array (L, 2, M, d + 1)."""
        w, d = self.space.element(w), len(self.X)
        matrices = self._lifted.space.zeros()
        matrices[:, 0, :, :d], matrices[:, 1] = w[..., :d], w[..., d:]
        return matrices


class MeanFieldLinearisation:
    """A `MeanFieldResNet` at a control (`torusflow.model.Linearisation`)."""

    def __init__(self, model: MeanFieldResNet, lifted: ResNetLinearisation):
        self._model, self._lifted = model, lifted
        self.output = lifted.output[:-1]

    def tangent(self, dw) -> np.ndarray:
        """The change of x_L, array (d, N)."""
        return self._lifted.tangent(self._model.to_matrices(dw))[:-1]

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        p = self._model.output_space.element(p)
        matrices = self._lifted.adjoint(np.pad(p, ONE_ROW_MORE))
        return self._model.width * np.concatenate([matrices[:, 0, :, :-1], matrices[:, 1]], axis=2)
