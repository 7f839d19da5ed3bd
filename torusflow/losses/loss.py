"""What a loss offers to the risk, and abilities that some have."""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

import numpy as np

from ..model import check_ability
from ..torus.grid import Torus


@runtime_checkable
class Loss(Protocol):
    """A function of a model's output, bounded below."""

    def __call__(self, output, /) -> float:
        """The value."""
        ...

    def gradient(self, output, /) -> np.ndarray:
        """The gradient in the output space; for densities the first variation in the mean inner product."""
        ...

    def check(self, space, /) -> None:
        """Raise an InputError unless elements of `space` are what this loss takes."""
        ...


@runtime_checkable
class HasCurvature(Protocol):
    """curvature(output, direction): the second derivative, for Gauss-Newton and other methods of second order."""

    def curvature(self, output, direction, /) -> np.ndarray:
        """The derivative of the gradient at an output along a direction."""
        ...


@runtime_checkable
class Predicting(Protocol):
    """predictions(output): what is compared with the targets, where that is not the output itself, for pictures."""

    def predictions(self, output, /) -> np.ndarray:
        """An array like the targets."""
        ...


@runtime_checkable
class OnGrids(Protocol):
    """on(torus): the same loss on another grid, for `coarse_to_fine` and refinement."""

    def on(self, torus: Torus, /) -> Loss:
        """The same loss there, such as ``MyLoss(self.target.on(torus))`` where the target is a Density."""
        ...


def on_grid(loss: Loss, torus: Torus) -> Loss:
    """The same loss on another grid, or an InputError if it does not say what that is."""
    advice = f"return {type(loss).__name__}(self.target.on(torus)) in on(self, torus), where its target is a Density."
    check_ability(loss, OnGrids, "a loss on another grid needs", advice[0].upper() + advice[1:])
    return cast(OnGrids, loss).on(torus)
