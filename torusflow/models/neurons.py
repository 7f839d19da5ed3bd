"""Neurons of one layer: what each of them makes of each point, before an outer layer sums them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..arguments import check_generator, checked_rows, checked_whole, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from .resnet import ACTIVATIONS


@dataclass(frozen=True, eq=False)
class OneLayer(OneLine):
    """What layers of neurons have in common: outputs (N, M), the neurons of one point in a row.

    Parameters
    ----------
    inputs : array (N, d)
    count : int
        M.
    """

    inputs: np.ndarray
    count: int

    def __post_init__(self):
        count = checked_whole(f"{type(self).__name__}: count", self.count)
        settle(self, inputs=checked_rows(self.inputs), count=count)

    @cached_property
    def output_space(self) -> Euclidean:
        return Euclidean((len(self.inputs), self.count))

    def rows(self, output) -> np.ndarray:
        """An output, which has the neurons of one point in a row."""
        return output

    def part(self, rows):
        """The same neurons at some of the inputs."""
        return replace(self, inputs=self.inputs[rows])


@dataclass(frozen=True, eq=False)
class Neurons(OneLayer):
    """theta -> sigma(a_m.x_i + b_m), array (N, M): the features of a two-layer network.

    Its outer layer is found by `losses.VariableProjection`, or trained with the neurons in a `TwoLayer`.

    Parameters
    ----------
    inputs : array (N, d)
        x, one point per row.
    count : int
        M.
    activation : {"tanh", "softplus", "sine", "relu"}
        sigma; a rectifier has no derivative at 0, where 0 is taken.

    Attributes
    ----------
    space : Euclidean
        Of controls (M, d + 1), a_m and b_m in row m. Inner products are means over the neurons, so that each moves in
        descent as a particle of the mean field does, whatever M.
    output_space : Euclidean
        (N, M).

    Raises
    ------
    InputError
        If the inputs are not a matrix of finite numbers, or another argument cannot be used.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> model = tfl.Neurons(x, count=10)
    >>> model(model.space.zeros()).shape
    (20, 10)
    """

    activation: str = "tanh"

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            raise InputError(f"Neurons: activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}.")

    @cached_property
    def space(self) -> Euclidean:
        return Euclidean((self.count, self.inputs.shape[1] + 1), 1 / self.count)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control of independent standard normal entries."""
        check_generator(rng)
        return rng.standard_normal(self.space.shape)

    def __call__(self, theta) -> np.ndarray:
        """The features, array (N, M)."""
        return self.linearise(theta).output

    def linearise(self, theta) -> NeuronsLinearisation:
        """The features with tangent and adjoint."""
        return NeuronsLinearisation(self, self.space.element(theta))


class NeuronsLinearisation:
    """`Neurons` at a control (`torusflow.model.Linearisation`)."""

    def __init__(self, model: Neurons, theta):
        self._model, sigma = model, ACTIVATIONS[model.activation]
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused
            z = self._before(theta)
            self.output, self._slope = sigma.value(z), sigma.derivative(z)
        if not np.all(np.isfinite(self.output)):
            raise NumericalError("the features are not finite. Use a smaller control.")

    def _before(self, theta) -> np.ndarray:
        """a_m.x_i + b_m."""
        return self._model.inputs @ theta[:, :-1].T + theta[:, -1]

    def tangent(self, dw) -> np.ndarray:
        """The change of the features, array (N, M)."""
        return self._slope * self._before(self._model.space.element(dw))

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        model = self._model
        p = model.count * self._slope * model.output_space.element(p)
        return np.column_stack([p.T @ model.inputs, p.T @ np.ones(len(p))])
