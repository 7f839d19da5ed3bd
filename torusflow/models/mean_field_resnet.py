"""Residual networks of which each layer is the mean of perceptron units, whose laws are what is trained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from ..arguments import checked_whole, is_positive, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean
from ..model import DerivativeBounds
from .resnet import ResNet, ResNetLinearisation


@dataclass(frozen=True, eq=False)
class MeanFieldResNet(OneLine):
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

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.MeanFieldResNet(np.ones((2, 5)), layers=3, width=8)
    >>> w = model.initial(np.random.default_rng(0))
    >>> w.shape, model(w).shape
    ((3, 8, 5), (2, 5))
    """

    X: np.ndarray
    layers: int
    width: int
    activation: str = "tanh"
    alpha: float = 1.0
    sample_axis: ClassVar[int] = 1
    _network: ResNet = field(init=False, repr=False)

    def __post_init__(self):
        if not is_positive(self.alpha):
            raise InputError(f"alpha must be a positive number, got {self.alpha!r}.")
        width = checked_whole("width", self.width)
        # The same network; only the inner product of controls is another.
        network = ResNet(self.X, self.layers, width, self.activation, scale=self.alpha / width, bias=True)
        settle(self, X=network.X, layers=network.layers, width=width, alpha=float(self.alpha), _network=network)

    @cached_property
    def space(self) -> Euclidean:
        return Euclidean(self._network.space.shape, 1 / (self.layers * self.width))

    @property
    def output_space(self) -> Euclidean:
        return self._network.output_space

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in, one per row."""
        return self._network.inputs

    def rows(self, output) -> np.ndarray:
        """An output with one point per row."""
        return self._network.rows(output)

    def part(self, rows) -> MeanFieldResNet:
        """The same network on some of the inputs."""
        return replace(self, X=self._network.part(rows).X)

    def starting(self, points) -> MeanFieldResNet:
        """The same network from other points (N, d), one per row."""
        return replace(self, X=np.transpose(points))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control of independent standard normal entries."""
        return self._network.initial(rng)

    def __call__(self, w) -> np.ndarray:
        """x_L, array (d, N)."""
        return self._network(w)

    def linearise(self, w) -> MeanFieldLinearisation:
        """The network with tangent and adjoint; keeps the states of all layers."""
        return MeanFieldLinearisation(self._network.linearise(w), self.width)

    def derivative_bounds(self, w) -> DerivativeBounds:
        """How fast the derivative changes: as for the `ResNet`, of which the same control is sqrt(M) times as long.

        Raises
        ------
        InputError
            If the activation is a rectifier: then the derivative jumps.
        """
        lipschitz, width = self._network.derivative_bounds(w).lipschitz, self.width
        return DerivativeBounds(lambda radius: width * lipschitz(np.sqrt(width) * radius))


class MeanFieldLinearisation:
    """A `MeanFieldResNet` at a control (`torusflow.model.Linearisation`): gradients are M times those of the ResNet."""

    def __init__(self, linearisation: ResNetLinearisation, width: int):
        self._linearisation, self._width = linearisation, width
        self.output = linearisation.output

    def tangent(self, dw, dx=None) -> np.ndarray:
        """The change of x_L, array (d, N), where x_0 moves by dx."""
        return self._linearisation.tangent(dw, dx)

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        return self._width * self._linearisation.adjoint(p)

    def transpose(self, p) -> tuple[np.ndarray, np.ndarray]:
        """g and p_0, array (d, N), with <g, dw> + <p_0, dx> = <p, tangent(dw, dx)>."""
        gradient, start = self._linearisation.transpose(p)
        return self._width * gradient, start
