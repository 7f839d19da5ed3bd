"""Neural ordinary differential equations on R^d whose fields change with time continuously."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..arguments import check_function, check_generator, checked_choice, checked_rows, copy_with, real_array, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean
from ..memory import check_memory
from ..transport.particles import ParticleFlow
from ..transport.runge_kutta import POINT_SCHEMES, find_scheme, scheme_field
from .features import Features, RandomFourierFeatures
from .kernel_field import KernelField
from .kernel_span import KernelSpan
from .perceptrons import Perceptrons
from .piecewise_linear import PiecewiseLinear
from .time_fields import FieldFamily, Linear, Segment, TimeChange, TimeField, timed, without_time


@dataclass(frozen=True, eq=False)
class NODE(OneLine):
    """v -> x(1), dx/ds = v_s(x), the coefficients of v linear in s between 0, 1/L, ..., 1: the limit of a `ResNet`.

    Parameters
    ----------
    x : array (N, d)
        x(0), one point per row.
    family : Perceptrons, Features, RandomFourierFeatures, KernelField or KernelSpan
        Which fields there are.
    layers : int
        L, intervals of s on which v is linear.
    substeps : int
        Runge-Kutta steps per layer.
    scheme : str
        The Runge-Kutta method, "euler", "rk3", "rk4" or "rk5" by its order. Euler's with one step per layer is the
        residual network whose layers are v at s = 0, 1/L, ..., 1 - 1/L.

    Attributes
    ----------
    space : PiecewiseLinear
        Controls (L + 1, ...) are the coefficients at s = 0, 1/L, ..., 1, and <v, w> = int <v_s, w_s>_V ds.
    output_space : Euclidean
        (N, d).

    Raises
    ------
    InputError
        If the points are not a matrix of finite numbers, or the family does not fit them.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.NODE(np.ones((5, 2)), tfl.Perceptrons(width=8), layers=4)
    >>> w = model.space.zeros()
    >>> w.shape, model(w).shape
    ((5, 8, 5), (5, 2))
    """

    x: np.ndarray
    family: Perceptrons | Features | RandomFourierFeatures | KernelField | KernelSpan
    layers: int = 10
    substeps: int = 1
    scheme: str = scheme_field()
    space: PiecewiseLinear = field(init=False, repr=False)
    output_space: Euclidean = field(init=False, repr=False)
    flow: ParticleFlow = field(init=False, repr=False)
    _fields: FieldFamily = field(init=False, repr=False)

    def __post_init__(self):
        x = checked_rows(self.x)
        if not isinstance(self.family, Perceptrons | Features | RandomFourierFeatures | KernelField | KernelSpan):
            raise InputError(
                f"NODE moves points by Perceptrons, Features, RandomFourierFeatures, a KernelField or a KernelSpan, "
                f"got a {type(self.family).__name__}."
            )
        flow = ParticleFlow(self.layers, self.substeps, find_scheme(self.scheme, POINT_SCHEMES))
        settle(
            self,
            x=x,
            space=PiecewiseLinear(self.family.space(flow.layers + 1, x.shape[1])),
            output_space=Euclidean(x.shape),
            flow=flow,
            _fields=self.family if isinstance(self.family, FieldFamily) else Linear(self.family),
        )

    def __call__(self, v) -> np.ndarray:
        """x(1), array (N, d)."""
        return without_time(self.flow.push(timed(self.x), self._at(self.space.element(v))))

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in."""
        return self.x

    def rows(self, output) -> np.ndarray:
        """An output, which has one point per row."""
        return output

    def trajectory(self, v) -> np.ndarray:
        """The points at s = 0, 1/L, ..., 1, array (layers + 1, N, d)."""
        kept = [timed(self.x)]
        self.flow.push(kept[0], self._at(self.space.element(v)), visit=lambda layer, x: kept.append(x))
        return np.stack([without_time(x) for x in kept])

    def part(self, rows) -> NODE:
        """The same network on some of the points."""
        x = self.x[checked_choice(rows, len(self.x))]
        return copy_with(self, x=x, output_space=Euclidean(x.shape))

    def starting(self, points) -> NODE:
        """The same network from other points (N, d)."""
        x = checked_rows(points, self.x.shape[1])
        return copy_with(self, x=x, output_space=Euclidean(x.shape))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control of independent standard normal entries."""
        check_generator(rng)
        return rng.standard_normal(self.space.shape)

    def from_function(self, function) -> np.ndarray:
        """The control with the coefficients function(s) at s = 0, 1/L, ..., 1.

        Parameters
        ----------
        function : callable
            A number s -> array of coefficients.
        """
        check_function("function", function)
        values = [real_array(function(layer / self.layers), "coefficients") for layer in range(self.layers + 1)]
        if len({value.shape for value in values}) > 1:
            raise InputError("the function gave coefficients of several shapes.")
        return self.space.element(np.stack(values))

    def linearise(self, v) -> NODELinearisation:
        """The flow with tangent and adjoint; keeps the points at every stage."""
        return NODELinearisation(self, self.space.element(v).copy())

    def _at(self, v):
        """Layer -> the field of points and time there."""
        return lambda layer: TimeField(self._fields.field, Segment(v, layer))


class NODELinearisation:
    """A `NODE` at a control (`torusflow.model.Linearisation`); keeps stages x steps x N x (d + 1) numbers."""

    def __init__(self, model: NODE, v):
        self._model, self._control, flow = model, v, model.flow
        points = timed(model.x)
        shape = (flow.steps, flow.scheme.stages, *points.shape)
        check_memory(math.prod(shape), "the points at every stage", "Use fewer layers, substeps or points.")
        self._stages = np.empty(shape)
        self.output = without_time(flow.push(points, model._at(v), self._stages))

    def tangent(self, dw, dx=None) -> np.ndarray:
        """The change of the final points, array (N, d), where those at s = 0 move by dx."""
        model, dw = self._model, self._model.space.element(dw)

        def change(layer):
            return TimeChange(model._fields.change, Segment(self._control, layer), Segment(dw, layer))

        start = None if dx is None else timed(dx)
        return without_time(model.flow.tangent(model._at(self._control), change, self._stages, start))

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = sum p tangent(dw)."""
        return self.transpose(p)[0]

    def transpose(self, p) -> tuple[np.ndarray, np.ndarray]:
        """g and the p_0, array (N, d), with <g, dw> + sum p_0 dx = sum p tangent(dw, dx)."""
        model, gradients = self._model, np.zeros(self._model.space.shape)

        def take(layer, points, momenta):
            segment, size = Segment(self._control, layer), points.shape[-2:]
            for at, q in zip(points.reshape(-1, *size), momenta.reshape(-1, *size), strict=True):
                t, coefficients = segment.part(at), segment.at(at)
                gradient = model._fields.gradient(coefficients, without_time(at), without_time(q))
                gradients[layer] += (1 - t) * gradient
                gradients[layer + 1] += t * gradient

        weights = timed(model.output_space.element(p))
        start = model.flow.transpose(weights, model._at(self._control), self._stages, take)
        return model.space.riesz(gradients), without_time(start)
