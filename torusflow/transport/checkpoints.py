"""The densities of a push at all its stages, recomputed a few steps at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

# Steps recomputed at once, at most: fewer checkpoints would only help a push of more than ten thousand steps.
LONGEST = 32


class Checkpoints:
    """What `ContinuityEquation.tangent` and `transpose` need of a push, in little memory for one more push.

    The kept coefficients before every `length`-th step are stored; the stages of the steps that follow are recomputed
    when a sweep comes to them, by the same operations, so that nothing depends on which of the two was chosen. The
    length is the one with the least memory, proportional to the square root of the number of steps.

    Parameters
    ----------
    equation : ContinuityEquation
        Of the push.

    Attributes
    ----------
    length : int
        Steps from one checkpoint to the next.
    """

    def __init__(self, equation):
        self.length = _length(equation)
        self._kept: dict[int, np.ndarray] = {}

    @staticmethod
    def bytes(equation) -> int:
        """Memory that the stages of a push take at most, on all processes together."""
        length = _length(equation)
        return math.ceil(equation.steps / length) * _checkpoint_bytes(equation) + length * _step_bytes(equation)

    def keep(self, step: int, density_hat) -> None:
        """Note the coefficients before a step, if a checkpoint is due there."""
        if step % self.length == 0:
            self._kept[step] = density_hat.copy()

    def windows(
        self, equation, velocity: Callable[[int], np.ndarray], backwards: bool
    ) -> Iterator[tuple[range, np.ndarray]]:
        """Steps and the stages of these, array (length, degree, *n), from checkpoint to checkpoint; one work array."""
        torus = equation.torus
        stages = torus.empty((min(self.length, equation.steps), equation.scheme.degree, *equation.stage_shape))
        for first in sorted(self._kept, reverse=backwards):
            steps = range(first, min(first + self.length, equation.steps))
            equation.replay(self._kept[first], velocity, steps, stages)
            yield steps, stages


def kept_bytes(equation) -> int:
    """Memory that all stages of a push take, with the velocities of all layers, on all processes together."""
    velocity = equation.torus.dimension * equation.torus.size * np.dtype(np.float64).itemsize
    return equation.steps * _step_bytes(equation) + equation.layers * velocity


def _step_bytes(equation) -> int:
    torus = equation.torus
    fields = math.prod(equation.stage_shape) // math.prod(torus.local_shape)
    return equation.scheme.degree * fields * torus.size * np.dtype(np.float64).itemsize


def _checkpoint_bytes(equation) -> int:
    """Of what all processes have: they must not choose differently."""
    *others, last = equation.modes
    kept = math.prod(2 * mode + 1 for mode in others) * (last + 1)
    return kept * np.dtype(np.complex128).itemsize


def _length(equation) -> int:
    best = math.sqrt(equation.steps * _checkpoint_bytes(equation) / _step_bytes(equation))
    return min(max(1, round(best)), LONGEST)
