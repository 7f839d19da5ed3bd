"""Maps of points that are not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import settle
from ..display import OneLine
from ..errors import InputError
from .maps import Constant, as_map


@dataclass(frozen=True, eq=False)
class Fixed(OneLine):
    """A map of points with a control that is not trained.

    Parameters
    ----------
    map : Affine or Model
        What a `Network` takes.
    control : array
        One of its controls, such as a matrix (width, d + 1) of an `Affine`.

    Raises
    ------
    InputError
        If it is no map with a control; in a network, if this is none of its controls.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    >>> model = tfl.Network(np.eye(2), [tfl.Fixed(tfl.Affine(2), rotation), tfl.Affine(1)])
    >>> model.space.zeros().shape
    (3,)
    """

    map: Any
    control: np.ndarray

    def __post_init__(self):
        as_map(self.map)  # refuses what is none
        try:
            control = np.array(self.control)
        except ValueError:
            raise InputError("the control of a Fixed map must be an array, not rows of unequal lengths.") from None
        control.flags.writeable = False
        settle(self, control=control)

    def ends_in(self, dimension: int) -> int:
        """The dimension in which the map ends."""
        inner = as_map(self.map)
        ends, space = inner.ends_in(dimension), inner.controls(dimension)
        if space is None:
            raise InputError(f"a {type(self.map).__name__} has nothing to train: leave Fixed out.")
        try:
            space.element(self.control)
        except InputError as error:
            raise InputError(f"the control of a Fixed {type(self.map).__name__}: {error}") from None
        return ends

    def controls(self, dimension: int) -> None:
        """None."""

    def initial(self, dimension: int, rng: np.random.Generator) -> None:
        """None."""

    def value(self, x, w) -> np.ndarray:
        """The points that come out of the map with its control."""
        return as_map(self.map).value(x, self.control)

    def at(self, x, w) -> Constant:
        """The map with its derivative in the points."""
        inner = as_map(self.map).at(x, self.control)
        still = np.zeros_like(self.control)
        return Constant(inner.output, lambda dx: inner.tangent(still, dx), lambda p: inner.transpose(p)[1])
