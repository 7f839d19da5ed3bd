"""What a loss offers to the risk."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..errors import InputError
from ..hilbert import HilbertSpace
from ..torus.grid import Torus


class Loss(Protocol):
    """A function of a model's output, bounded below.

    One with second derivatives also offers ``curvature(output, direction)``, the derivative of the gradient along a
    direction, for Gauss-Newton; one with a target density offers ``on(torus)``, itself on another grid.
    """

    def __call__(self, output) -> float:
        """The value."""
        ...

    def gradient(self, output) -> np.ndarray:
        """The gradient in the output space; for densities the first variation in the mean inner product."""
        ...

    def check(self, space: HilbertSpace) -> None:
        """Raise an InputError unless elements of `space` are what this loss takes."""
        ...


def on_grid(loss: Loss, torus: Torus) -> Loss:
    """The same loss on another grid, or an InputError if it does not say what that is."""
    if not hasattr(loss, "on"):
        name = type(loss).__name__
        raise InputError(
            f"{name} does not say what it is on another grid: give it a method on(self, torus) that returns the same "
            f"loss there, such as {name}(self.target.on(torus)) where its target is a Density."
        )
    return loss.on(torus)
