"""Sums of losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from ..arguments import is_number, settle
from ..display import OneLine
from ..errors import InputError
from ..model import check_ability
from ..torus.density import Density
from ..torus.grid import Torus
from .loss import HasCurvature, Loss, OverSamples, on_grid, scores


@dataclass(frozen=True, eq=False)
class WeightedSum(OneLine):
    """sum_i w_i loss_i.

    Parameters
    ----------
    losses : sequence of Loss
        Losses of the same model's outputs.
    weights : sequence of float
        Positive, one per loss.

    Raises
    ------
    InputError
        If there are no losses, not as many weights as losses, or a weight is not positive.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> uniform = tfl.densities.uniform(tfl.Torus(16))
    >>> loss = tfl.losses.WeightedSum([tfl.losses.SquaredL2(uniform), tfl.losses.L2(uniform)], [0.5, 2.0])
    >>> float(loss(np.full(16, 3.0)))
    5.0
    """

    losses: Sequence[Loss]
    weights: Sequence[float]

    def __post_init__(self):
        for name in ("losses", "weights"):
            try:
                settle(self, **{name: tuple(getattr(self, name))})
            except TypeError:
                raise InputError(
                    f"WeightedSum: {name} must be a list, got a {type(getattr(self, name)).__name__}. "
                    f"Write WeightedSum([first, second], [0.5, 2.0])."
                ) from None
        for loss in self.losses:
            if isinstance(loss, type) or not isinstance(loss, Loss):
                raise InputError(f"WeightedSum: each loss must be one of tfl.losses, got {loss!r}.")
        for weight in self.weights:
            if not is_number(weight) or not weight > 0:
                raise InputError(f"WeightedSum: each weight must be a positive number, got {weight!r}.")
        if not self.losses or len(self.losses) != len(self.weights):
            raise InputError(
                f"WeightedSum: give at least one loss and a weight for each, "
                f"got {len(self.losses)} losses and {len(self.weights)} weights."
            )
        settle(self, weights=tuple(float(weight) for weight in self.weights))

    @property
    def target(self) -> Density | None:
        """The first target density among the losses, for pictures and files."""
        targets = (getattr(loss, "target", None) for loss in self.losses)
        return next((target for target in targets if isinstance(target, Density)), None)

    def part(self, rows, axis: int = 0) -> WeightedSum:
        """The same with every loss from some of the samples (`torusflow.losses.OverSamples`)."""
        for loss in self.losses:
            check_ability(loss, OverSamples, "a WeightedSum on some of the samples needs", "Leave that loss out.")
        return replace(self, losses=tuple(cast(OverSamples, loss).part(rows, axis) for loss in self.losses))

    def scores(self, output) -> dict[str, float]:
        """Those of every loss that has some (`torusflow.losses.Scored`); the first one's where names are the same."""
        return {name: score for loss in reversed(self.losses) for name, score in scores(loss, output).items()}

    def on(self, torus: Torus) -> WeightedSum:
        """The same with every loss on another grid."""
        return replace(self, losses=tuple(on_grid(loss, torus) for loss in self.losses))

    def check(self, space) -> None:
        """Raise an InputError unless every loss takes elements of the space."""
        for loss in self.losses:
            loss.check(space)

    def __call__(self, output) -> float:
        return sum(weight * loss(output) for weight, loss in self._terms())

    def gradient(self, output) -> np.ndarray:
        return cast(np.ndarray, sum(weight * loss.gradient(output) for weight, loss in self._terms()))

    def curvature(self, output, direction) -> np.ndarray:
        for loss in self.losses:
            check_ability(loss, HasCurvature, "the curvature of a WeightedSum needs", "Leave that loss out.")
        parts = (weight * cast(HasCurvature, loss).curvature(output, direction) for weight, loss in self._terms())
        return cast(np.ndarray, sum(parts))

    def _terms(self):
        return zip(self.weights, self.losses, strict=True)
