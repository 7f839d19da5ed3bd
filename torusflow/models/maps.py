"""What a network is made of: maps of points, each with a control of its own or none."""

from __future__ import annotations

from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from ..errors import InputError
from ..hilbert import HilbertSpace
from ..model import Movable
from .features import Features, RandomFourierFeatures


class MapLinearisation(Protocol):
    """A map at points and a control."""

    @property
    def output(self) -> np.ndarray:
        """The points that come out, array (N, e)."""
        ...

    def tangent(self, dw, dx) -> np.ndarray:
        """Their change with the control and the points that go in; dx is None where these stay."""
        ...

    def transpose(self, p) -> tuple[Any, np.ndarray]:
        """The gradient in the space of controls, and p_0 (N, d), of sum p output."""
        ...


@runtime_checkable
class PointMap(Protocol):
    """A map of points in R^d for any of some d, with a control of its own or none."""

    def ends_in(self, dimension: int) -> int:
        """The dimension in which points come out, or an InputError if they may not come from this one."""
        ...

    def controls(self, dimension: int) -> HilbertSpace | None:
        """The space of its controls; None if it has none."""
        ...

    def initial(self, dimension: int, rng: np.random.Generator) -> Any:
        """A control to start training from."""
        ...

    def value(self, x, w) -> np.ndarray:
        """The points (N, e) that come out of points (N, d)."""
        ...

    def at(self, x, w) -> MapLinearisation:
        """The same with its derivative both ways."""
        ...


def as_map(thing) -> PointMap:
    """What may stand in a network as a map of points, or an InputError."""
    if isinstance(thing, PointMap) and not isinstance(thing, type):
        return thing
    if isinstance(thing, Features | RandomFourierFeatures):
        return FeatureMap(thing)
    if isinstance(thing, Movable) and not isinstance(thing, type):
        return Flow(thing)
    raise InputError(
        f"a network is made of tfl.Affine, tfl.Padding, tfl.Fixed, features and models that move points, such as a "
        f"ResNet or an RKHSNODE, got {thing!r}."
    )


class FeatureMap:
    """x -> phi(x), fixed features."""

    def __init__(self, features: Features | RandomFourierFeatures):
        self.features = features

    def ends_in(self, dimension: int) -> int:
        self.features.space(1, dimension)  # refuses points in another dimension
        return self.features.count

    def controls(self, dimension: int) -> None:
        return None

    def initial(self, dimension: int, rng: np.random.Generator) -> None:
        return None

    def value(self, x, w) -> np.ndarray:
        return self._by_pieces(self.features.values, x)

    def at(self, x, w) -> Constant:
        def sums(indices):
            return lambda y: self._by_pieces(lambda x, y: np.einsum(indices, self.features.derivatives(x), y), x, y)

        return Constant(self.value(x, w), sums("nmi,ni->nm"), sums("nmi,nm->ni"))

    def _by_pieces(self, function, x, *rows):
        pieces = Features.pieces(x, self.features.count * x.shape[1])
        return np.concatenate([function(x[here], *(y[here] for y in rows)) for here in pieces])


class Flow:
    """A model that moves points, wherever they come from: its own ones only say in which dimension they may be."""

    def __init__(self, model: Movable):
        self.model = cast(Any, model)

    def ends_in(self, dimension: int) -> int:
        own = self.model.inputs.shape[1]
        if dimension != own:
            raise InputError(
                f"this {type(self.model).__name__} moves points in R^{own}, but points in R^{dimension} come to it. "
                f"Make it with points there, np.zeros((1, {dimension})) will do, or put tfl.Affine({own}) before it."
            )
        return self.model.rows(np.zeros(self.model.output_space.shape)).shape[1]

    def controls(self, dimension: int) -> HilbertSpace:
        return self.model.space

    def initial(self, dimension: int, rng: np.random.Generator) -> np.ndarray:
        draw = getattr(self.model, "initial", None)
        return self.model.space.zeros() if draw is None else draw(rng)

    def value(self, x, w) -> np.ndarray:
        return self.model.rows(self.model.starting(x)(w))

    def at(self, x, w) -> FlowLinearisation:
        return FlowLinearisation(self.model.starting(x), w)


class FlowLinearisation:
    """A model at points, in rows (`MapLinearisation`)."""

    def __init__(self, model, w):
        self._rows, self._linearisation = model.rows, model.linearise(w)
        self.output = model.rows(self._linearisation.output)

    def tangent(self, dw, dx):
        change = self._linearisation.tangent(dw, None if dx is None else self._rows(dx))
        return self._rows(change)

    def transpose(self, p):
        gradient, start = self._linearisation.transpose(self._rows(p))
        return gradient, self._rows(start)


class Constant:
    """A map without a control at points (`MapLinearisation`), by its derivative in these both ways."""

    def __init__(self, output, push, pull):
        self.output, self._push, self._pull = output, push, pull

    def tangent(self, dw, dx):
        return None if dx is None else self._push(dx)

    def transpose(self, p):
        return None, self._pull(p)
