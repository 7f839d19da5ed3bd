"""What a loss offers to the risk, and abilities that some have."""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

import numpy as np

from ..model import check_ability
from ..torus.grid import Torus


@runtime_checkable
class Loss(Protocol):
    """A function of a model's output, bounded below.

    Examples
    --------
    >>> import torusflow as tfl
    >>> isinstance(tfl.losses.LogLikelihood(), tfl.losses.Loss)
    True
    """

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
    """curvature(output, direction): the second derivative, for Gauss-Newton and other methods of second order.

    Examples
    --------
    >>> import torusflow as tfl
    >>> isinstance(tfl.losses.SquaredDistance([[1.0]]), tfl.losses.HasCurvature)
    True
    """

    def curvature(self, output, direction, /) -> np.ndarray:
        """The derivative of the gradient at an output along a direction."""
        ...


@runtime_checkable
class Predicting(Protocol):
    """predictions(output): what is compared with the targets, where that is not the output itself, for pictures.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> isinstance(tfl.losses.VariableProjection(np.ones(3)), tfl.losses.Predicting)
    True
    """

    def predictions(self, output, /) -> np.ndarray:
        """An array like the targets."""
        ...


@runtime_checkable
class OverSamples(Protocol):
    """part(rows, axis): a sum or mean over samples, from some of them, for `StochasticGradientDescent`.

    Examples
    --------
    >>> import torusflow as tfl
    >>> isinstance(tfl.losses.SquaredDistance([[1.0]]), tfl.losses.OverSamples)
    True
    """

    def part(self, rows, axis: int = 0, /) -> Loss:
        """An unbiased estimate of the loss, on the outputs of some of the samples.

        A mean over samples becomes the mean over these, a sum their sum times N/B. So the mean of all parts of one size
        is the loss, and so it is with gradients.

        Parameters
        ----------
        rows : array of int
            The numbers of the B samples.
        axis : int
            Along which axis of an output samples stand.
        """
        ...


@runtime_checkable
class Scored(Protocol):
    """scores(output): further numbers by which to judge an output, such as an accuracy; columns of the history.

    Examples
    --------
    >>> import torusflow as tfl
    >>> isinstance(tfl.losses.MulticlassHinge([0, 1]), tfl.losses.Scored)
    True
    """

    def scores(self, output, /) -> dict[str, float]:
        """Numbers by the names of their columns."""
        ...


def scores(loss: Loss, output) -> dict[str, float]:
    """What a loss says of an output beside its value."""
    return loss.scores(output) if isinstance(loss, Scored) else {}


@runtime_checkable
class OnGrids(Protocol):
    """on(torus): the same loss on another grid, for `coarse_to_fine` and refinement.

    Examples
    --------
    >>> import torusflow as tfl
    >>> loss = tfl.losses.SquaredL2(tfl.densities.uniform(tfl.Torus((16,))))
    >>> isinstance(loss, tfl.losses.OnGrids), loss.on(tfl.Torus((32,))).target.values.shape
    (True, (32,))
    """

    def on(self, torus: Torus, /) -> Loss:
        """The same loss there, such as ``MyLoss(self.target.on(torus))`` where the target is a Density."""
        ...


def on_grid(loss: Loss, torus: Torus) -> Loss:
    """The same loss on another grid, or an InputError if it does not say what that is."""
    advice = f"return {type(loss).__name__}(self.target.on(torus)) in on(self, torus), where its target is a Density."
    check_ability(loss, OnGrids, "a loss on another grid needs", advice[0].upper() + advice[1:])
    return cast(OnGrids, loss).on(torus)
