"""Networks put together of flows and of what stands before, between and after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from ..arguments import check_generator, checked_choice, checked_rows, copy_with, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean, HilbertSpace, ProductSpace
from .maps import PointMap, as_map


@dataclass(frozen=True, eq=False)
class Network(OneLine):
    """w -> M_n(... M_2(M_1(x, w_1), w_2) ..., w_n): points through one map after another.

    Parameters
    ----------
    x : array (N, d)
        One point per row.
    maps : sequence
        M_1, ..., M_n: `Affine` maps, whose matrices are trained; `Padding` by zeros; `Features` or
        `RandomFourierFeatures`; models that move points (`RKHSNODE`, `ResNet`, `NODE`, `LinearResNet`, `TorusNODE`, or
        a Network), whose own points count by their dimension only; and any of these with a `Fixed` control.
    weights : sequence of float, optional
        Positive, of the trained maps in the inner product; ones if not given. A map moves at the rate 1 / weight.

    Attributes
    ----------
    space : ProductSpace
        Of the spaces of those maps that are trained: ``space.parts(w)`` are their controls, ``space.join(controls)`` is
        a control.
    output_space : Euclidean
        (N, e), one point per row, also where a model in it has columns.

    Raises
    ------
    InputError
        If one of the maps is none, points come to it in a dimension that is not its own, or nothing is trained.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.random.default_rng(0).standard_normal((50, 2))
    >>> flow = tfl.RKHSNODE(np.zeros((1, 4)), tfl.RandomFourierFeatures(4, 100), layers=10)
    >>> model = tfl.Network(x, [tfl.Padding(4), flow, tfl.Affine(3)])
    >>> w = model.initial(np.random.default_rng(1))
    >>> model(w).shape, [part.shape for part in model.space.parts(w)]
    ((50, 3), [(10, 4, 100), (3, 5)])
    """

    x: np.ndarray
    maps: Sequence[Any]
    weights: Sequence[float] = ()
    space: ProductSpace = field(init=False, repr=False)
    output_space: Euclidean = field(init=False, repr=False)

    def __post_init__(self):
        x = checked_rows(self.x)
        if not isinstance(self.maps, list | tuple):
            raise InputError(f"Network: maps must be a list, such as [tfl.Padding(4), flow], got {self.maps!r}.")
        settle(self, x=x, maps=tuple(self.maps))
        spaces = [space for space in self._spaces if space is not None]
        if not spaces:
            raise InputError("a Network needs a map that is trained: a flow, or tfl.Affine(3), that is not Fixed.")
        space = ProductSpace(spaces, self.weights)
        settle(self, space=space, weights=space.weights, output_space=Euclidean((len(x), self._dimensions[-1])))

    @cached_property
    def _maps(self) -> list[PointMap]:
        return [as_map(each) for each in self.maps]

    @cached_property
    def _dimensions(self) -> list[int]:
        """Of the points that come to each map, and at the end."""
        dimensions = [self.x.shape[1]]
        for i, each in enumerate(self._maps):
            try:
                dimensions.append(each.ends_in(dimensions[-1]))
            except InputError as error:
                raise InputError(f"map {i} of a Network: {error}") from None
        return dimensions

    @cached_property
    def _spaces(self) -> list[HilbertSpace | None]:
        return [each.controls(d) for each, d in zip(self._maps, self._dimensions, strict=False)]

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in."""
        return self.x

    def rows(self, output) -> np.ndarray:
        """An output, which has one point per row."""
        return output

    def starting(self, points) -> Network:
        """The same network of other points (N, d), those of a test say."""
        x = checked_rows(points, self.x.shape[1])
        return copy_with(self, x=x, output_space=Euclidean((len(x), *self.output_space.shape[1:])))

    def part(self, rows) -> Network:
        """The same network of some of the points."""
        return self.starting(self.x[checked_choice(rows, len(self.x))])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """A control to start from: random matrices of `Affine` maps, and what a model draws, otherwise zero."""
        check_generator(rng)
        triples = zip(self._maps, self._spaces, self._dimensions, strict=False)
        return self.space.join(each.initial(d, rng) for each, space, d in triples if space is not None)

    def describe(self) -> dict[str, str]:
        """Points, maps and controls in words."""
        n, d = self.x.shape
        names = [type(each).__name__ for each in self.maps]
        ways = [f"{name} to R^{d}" for name, d in zip(names, self._dimensions[1:], strict=True)]
        return {
            "points": f"{n} in R^{d}",
            "maps": ", ".join(ways),
            "control": f"{self.space.shape[0]:,} numbers in {len(self.space.spaces)} of {len(names)} maps",
        }

    def controls(self, w) -> list:
        """The control of every map; None of those that have none."""
        parts = iter(self.space.parts(self.space.element(w)))
        return [None if space is None else next(parts) for space in self._spaces]

    def __call__(self, w) -> np.ndarray:
        """The points at the end, array (N, e)."""
        x = self.x
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused
            for i, (each, control) in enumerate(zip(self._maps, self.controls(w), strict=True)):
                x = _finite(each.value(x, control), "points", i)
        return x

    def linearise(self, w) -> NetworkLinearisation:
        """The network with tangent and adjoint; keeps what each map needs for them."""
        return NetworkLinearisation(self, self.space.element(w).copy())


class NetworkLinearisation:
    """A `Network` at a control (`torusflow.model.Linearisation`)."""

    def __init__(self, model: Network, w):
        self._model, self._at = model, []
        x = model.x
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused
            for i, (each, control) in enumerate(zip(model._maps, model.controls(w), strict=True)):
                self._at.append(each.at(x, control))
                x = _finite(self._at[-1].output, "points", i)
        self.output = x

    def tangent(self, dw, dx=None) -> np.ndarray:
        """The change of the points at the end, array (N, e), where those at the start move by dx."""
        for at, change in zip(self._at, self._model.controls(dw), strict=True):
            dx = at.tangent(change, dx)
        return cast(np.ndarray, dx)  # one map has a control

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = sum p tangent(dw)."""
        return self._pulled(p, next(i for i, space in enumerate(self._model._spaces) if space is not None))[0]

    def transpose(self, p) -> tuple[np.ndarray, np.ndarray]:
        """g and the p_0, array (N, d), with <g, dw> + sum p_0 dx = sum p tangent(dw, dx)."""
        return self._pulled(p, 0)

    def _pulled(self, p, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Back to a map before which none is trained."""
        p, gradients = self._model.output_space.element(p), []
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused
            for after, at in reversed(list(enumerate(self._at))[last:]):
                gradient, p = at.transpose(_finite(p, "weights", after))
                gradients.append(gradient)
        trained = [gradient for gradient in reversed(gradients) if gradient is not None]
        return self._model.space.riesz(trained), p


def _finite(x, what: str, number: int) -> np.ndarray:
    if not np.all(np.isfinite(x)):
        raise NumericalError(f"{what} after map {number} of a Network are not finite. Use a smaller control or step.")
    return x
