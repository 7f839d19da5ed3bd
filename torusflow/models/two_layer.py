"""A layer of weights behind features, trained together with them at another rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arguments import checked_whole, is_positive, real_array, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean, ProductSpace
from ..model import Linearisation, Model


@dataclass(frozen=True, eq=False)
class TwoLayer(OneLine):
    """(theta, u) -> the features phi(theta), array (N, M), and below them the outer weights u, array (outputs, M).

    What the network predicts, phi u^T / M, is for its loss to compute, `losses.OuterLayer`, which penalises u too.

    Parameters
    ----------
    features : Model
        phi, with outputs (N, M): `Neurons`, `CircleNeurons` or any other.
    ratio : float
        Of the rates: in descent u moves so many times as fast as theta. As it grows, descent becomes that of
        `losses.VariableProjection`, which has u best at all times [1]_.
    outputs : int
        Numbers that the network predicts for each input.

    Attributes
    ----------
    space : ProductSpace
        Of controls that hold theta and u: `parts` and `control` go there and back. Inner products of u are
        means over the neurons, divided by the ratio.
    output_space : Euclidean
        (N + outputs, M).

    Raises
    ------
    InputError
        If the features are no model with a matrix of outputs, or a number is not positive.

    References
    ----------
    .. [1] P. Marion, R. Berthier, Leveraging the two-timescale regime to demonstrate convergence of neural networks,
       NeurIPS 2023, arXiv:2304.09576.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> model = tfl.Neurons(x, count=10)
    >>> both = tfl.TwoLayer(model, ratio=10.0)
    >>> both(both.space.zeros()).shape
    (21, 10)
    """

    features: Model
    ratio: float = 1.0
    outputs: int = 1

    def __post_init__(self):
        if not isinstance(self.features, Model) or isinstance(self.features, type):
            raise InputError(
                f"TwoLayer: the features must be a model such as tfl.Neurons(inputs, 50), got a "
                f"{type(self.features).__name__}."
            )
        shape = self.features.output_space.shape
        if len(shape) != 2:
            raise InputError(
                f"TwoLayer: features are outputs (N, M), those of a {type(self.features).__name__} are {shape}."
            )
        if not is_positive(self.ratio):
            raise InputError(f"TwoLayer: ratio must be a positive number, got {self.ratio!r}.")
        settle(self, ratio=float(self.ratio), outputs=checked_whole("TwoLayer: outputs", self.outputs))

    @cached_property
    def space(self) -> ProductSpace:
        count = self.features.output_space.shape[1]
        return ProductSpace([self.features.space, Euclidean((self.outputs, count), 1 / count)], [1.0, 1 / self.ratio])

    @cached_property
    def output_space(self) -> Euclidean:
        rows, count = self.features.output_space.shape
        return Euclidean((rows + self.outputs, count))

    def control(self, theta, weights) -> np.ndarray:
        """The control with given theta and u, an array (outputs, M), or (M,) where there is one output."""
        weights = real_array(weights, "the outer weights")
        return self.space.join([theta, weights[None] if weights.ndim == 1 else weights])

    def parts(self, w) -> tuple[np.ndarray, np.ndarray]:
        """theta and u of a control."""
        theta, weights = self.space.parts(self.space.element(w))
        return theta, weights

    def __call__(self, w) -> np.ndarray:
        """Features and weights, array (N + outputs, M)."""
        theta, weights = self.parts(w)
        return np.concatenate([self.features(theta), weights])

    def linearise(self, w) -> TwoLayerLinearisation:
        """The same with tangent and adjoint."""
        return TwoLayerLinearisation(self, w)


class TwoLayerLinearisation:
    """`TwoLayer` at a control (`torusflow.model.Linearisation`)."""

    def __init__(self, model: TwoLayer, w):
        self._model = model
        theta, weights = model.parts(w)
        self._features: Linearisation = model.features.linearise(theta)
        self.output = np.concatenate([self._features.output, weights])

    def tangent(self, dw) -> np.ndarray:
        """The change of features and weights."""
        theta, weights = self._model.parts(dw)
        return np.concatenate([self._features.tangent(theta), weights])

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        p, rows = self._model.output_space.element(p), -self._model.outputs
        return self._model.space.riesz([self._features.adjoint(p[:rows]), p.shape[1] * p[rows:]])
