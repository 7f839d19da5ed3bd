"""Points lifted to more dimensions by zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import checked_whole, settle
from ..display import OneLine
from ..errors import InputError
from .maps import Constant


@dataclass(frozen=True)
class Padding(OneLine):
    """x -> (x, 0): points in a space of more dimensions.

    Parameters
    ----------
    width : int
        The dimension of that.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.Network(np.ones((5, 2)), [tfl.Padding(4), tfl.Affine(1)])
    >>> model.space.zeros().shape
    (5,)
    """

    width: int

    def __post_init__(self):
        settle(self, width=checked_whole("width", self.width))

    def ends_in(self, dimension: int) -> int:
        """The width."""
        if dimension > self.width:
            raise InputError(
                f"Padding({self.width}) adds coordinates, but points in R^{dimension} come to it. Take a larger width, "
                f"or tfl.Affine({self.width})."
            )
        return self.width

    def controls(self, dimension: int) -> None:
        """None."""

    def initial(self, dimension: int, rng: np.random.Generator) -> None:
        """None."""

    def value(self, x, w) -> np.ndarray:
        """(x, 0), array (N, width)."""
        return np.pad(x, ((0, 0), (0, self.width - x.shape[1])))

    def at(self, x, w) -> Constant:
        """The map with its derivative."""
        d = x.shape[1]
        return Constant(self.value(x, w), lambda dx: self.value(dx, None), lambda p: p[:, :d])
