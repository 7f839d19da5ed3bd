"""Losses that compare points or matrices with targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from ..arguments import real_array, settle
from ..display import OneLine
from ..errors import InputError
from .loss import Loss
from .weighted_sum import WeightedSum


@dataclass(frozen=True, eq=False)
class PointLoss(OneLine):
    """What the losses against targets of the same shape have in common, and the base of your own sums over points.

    Derive from it and write ``__call__(y)`` and ``gradient(y)``; which outputs it takes, batches, copies and run files
    are seen to here.

    Parameters
    ----------
    targets : array
        Of the shape of the model's output.

    Raises
    ------
    InputError
        If they are not an array of finite numbers.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> class LogCosh(tfl.losses.PointLoss):
    ...     def __call__(self, y):
    ...         return float(np.sum(np.log(np.cosh(self.difference(y)))))
    ...
    ...     def gradient(self, y):
    ...         return np.tanh(self.difference(y))
    >>> round(LogCosh(np.zeros((2, 2)))(np.ones((2, 2))), 4)
    1.7351
    """

    targets: np.ndarray

    def __post_init__(self):
        settle(self, targets=checked_targets(type(self).__name__, self.targets))

    def check(self, space) -> None:
        """Raise an InputError unless outputs have the shape of the targets."""
        if space.shape != self.targets.shape:
            raise InputError(
                f"{type(self).__name__}: targets have shape {self.targets.shape}, the model's outputs {space.shape}."
            )

    def part(self, rows, axis: int = 0) -> Loss:
        """The sum over some of the N samples, times N and divided by their number (`torusflow.losses.OverSamples`)."""
        some = replace(self, targets=np.take(self.targets, rows, axis))
        return WeightedSum([cast(Loss, some)], [self.targets.size / some.targets.size])

    def difference(self, y) -> np.ndarray:
        """y - y*, both of one shape."""
        y = real_array(y, f"{type(self).__name__}: the points")
        if y.shape != self.targets.shape:
            raise InputError(f"{type(self).__name__}: targets have shape {self.targets.shape}, the points {y.shape}.")
        return y - self.targets


@dataclass(frozen=True, eq=False)
class SquaredDistance(PointLoss):
    """(1/2) sum |y - y*|^2, gradient y - y*.

    Parameters
    ----------
    targets : array
        y*, of the shape of the model's output.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> tfl.losses.SquaredDistance(np.zeros((2, 2)))(np.ones((2, 2)))
    2.0
    """

    def __call__(self, y) -> float:
        difference = self.difference(y)
        return float(np.vdot(difference, difference)) / 2

    def gradient(self, y) -> np.ndarray:
        return self.difference(y)

    def curvature(self, y, direction) -> np.ndarray:
        return direction


@dataclass(frozen=True, eq=False)
class GeodesicDistance(PointLoss):
    """(1/2) sum of squared distances on the torus; gradient the shortest way from the target.

    Not differentiable where a point is opposite its target, half a side away; there one of the two ways is taken.

    Parameters
    ----------
    targets : array (N, d)
        In sides of the torus.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> round(tfl.losses.GeodesicDistance(np.array([[0.95]]))(np.array([[0.05]])), 6)
    0.005
    """

    def __call__(self, y) -> float:
        difference = self.gradient(y)
        return float(np.vdot(difference, difference)) / 2

    def gradient(self, y) -> np.ndarray:
        return (self.difference(y) + 0.5) % 1.0 - 0.5

    def curvature(self, y, direction) -> np.ndarray:
        return direction


def checked_targets(owner: str, targets) -> np.ndarray:
    """Targets as an array of finite numbers, at least one, that cannot be changed; or an InputError."""
    name = f"{owner}: the targets"
    targets = real_array(targets, name)
    if not targets.size:
        raise InputError(f"{name} are empty: an array {targets.shape}. Give one for each output of the model.")
    if not np.all(np.isfinite(targets)):
        entry = np.argwhere(~np.isfinite(targets))[0].tolist()
        raise InputError(f"{name} must be finite: entry {entry} is {targets[tuple(entry)]}.")
    targets.flags.writeable = False
    return targets


def conflicting_pairs(points, targets) -> int:
    """How many points stand at the same place as another with a different target: no flow can fit those.

    Parameters
    ----------
    points, targets : array (N, d)
    """
    _, group = np.unique(points, axis=0, return_inverse=True)
    _, pair = np.unique(np.column_stack([group.ravel(), targets]), axis=0, return_inverse=True)
    targets_of_group = np.bincount(np.unique(np.column_stack([group.ravel(), pair.ravel()]), axis=0)[:, 0])
    return int(np.count_nonzero(targets_of_group[group.ravel()] > 1))
