"""Stiff semilinear equations in Fourier space by adaptive steps: exponential ones, implicit where these go farther."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import NumericalError, UnfinishedError
from . import exponential_steps, implicit_steps

# The step of the next attempt from the error of this one.
SAFETY, SHRINK, GROW = 0.9, 0.2, 4.0
# Below this many times the time reached, or the time asked for, adding a step changes nothing any more.
SMALLEST_STEP = 1e-14
# Seven times what the stiffest reference case takes.
MOST_STEPS = 20_000
# After so many exponential steps, and whenever there are twice as many, an implicit one is tried, this much longer.
FIRST_TRIAL, FARTHER = 50, 10


class Derivative(NamedTuple):
    """F'(y) for implicit steps.

    Attributes
    ----------
    apply : callable
        dy -> F'(y) dy.
    inverse : callable
        h -> (r -> about (1 - h F'(y))^-1 r), a preconditioner.
    """

    apply: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[float], Callable[[np.ndarray], np.ndarray]]


@dataclass(frozen=True)
class Semilinear:
    """dy/dt = F(y) = -Lambda y + N(y), Lambda diagonal, chosen anew for each step so that N is not stiff.

    Parameters
    ----------
    rate : callable
        y -> F(y), complex coefficients.
    stiffness : callable
        y -> Lambda >= 0, an array that broadcasts against y.
    size : callable
        y -> a norm, for errors.
    accept : callable
        accept(time, y) after each step; may raise a `NumericalError` where the result makes no sense any more.
    linearise : callable, optional
        y -> F'(y), for implicit steps.
    inner : callable, optional
        A real inner product of two y, for implicit steps.
    """

    rate: Callable[[np.ndarray], np.ndarray]
    stiffness: Callable[[np.ndarray], np.ndarray]
    size: Callable[[np.ndarray], float]
    accept: Callable[[float, np.ndarray], None] = lambda time, y: None
    linearise: Callable[[np.ndarray], Derivative] | None = None
    inner: Callable[[np.ndarray, np.ndarray], float] | None = None


@dataclass(frozen=True, eq=False)
class Path:
    """What has been solved.

    Attributes
    ----------
    times : tuple of float
    states : list of complex array
        y there.
    steps, implicit : int
        Steps taken, and how many of them were implicit.
    """

    times: tuple[float, ...]
    states: list[np.ndarray]
    steps: int
    implicit: int


class _Kind(NamedTuple):
    """Of steps: attempt(equation, y, rate, step, tolerance) gives y and its error, which is of the order given."""

    attempt: Callable[..., tuple[np.ndarray, float]]
    order: int

    def factor(self, error: float, tolerance: float) -> float:
        """What the next step is of this one."""
        if error == 0:
            return GROW
        # An error that is not a number says only that the step was too long.
        factor = SAFETY * (tolerance / error) ** (1 / self.order) if error < math.inf else 0
        return min(GROW, max(SHRINK, factor))

    def longest_after(self, taken: bool) -> float:
        """The largest factor after the next attempt: errors of high order overshoot where one was just refused."""
        return GROW if taken or self.order < 6 else 1.0


EXPONENTIAL = _Kind(exponential_steps.attempt, 5)
IMPLICIT = _Kind(implicit_steps.attempt, implicit_steps.COLUMNS)


def solve(equation: Semilinear, start, times: Sequence[float], tolerance: float, since: float = 0.0) -> Path:
    """y at the given times from y(since). Steps end at the times asked for.

    Parameters
    ----------
    equation : Semilinear
    start : complex array
    times : sequence of float
        From `checked_times`.
    tolerance : float
        Largest error of a step, in the norm of the equation.
    since : float
        Time of the start.

    Returns
    -------
    Path

    Raises
    ------
    UnfinishedError
        If no step is short enough for the tolerance, too many are needed, or one is not accepted; its solution is the
        `Path` until then.
    """
    walk = _Walk(equation, start.copy(), times, tolerance, since)
    for goal in times:
        walk.to(goal)
    return walk.path()


class _Walk:
    """How far a solution has come, and by steps of which kind and length it goes on."""

    def __init__(self, equation: Semilinear, start, times: Sequence[float], tolerance: float, since: float):
        self._equation, self._times, self._tolerance = equation, times, tolerance
        self._y, self._time, self._rate = start, since, equation.rate(start)
        self._reached, self._kept = [], []
        self._steps = self._implicit = 0
        self._kind, self._step, self._longest = EXPONENTIAL, math.inf, GROW
        self._next_trial = FIRST_TRIAL if equation.linearise else MOST_STEPS

    def path(self) -> Path:
        return Path(tuple(self._reached), self._kept, self._steps, self._implicit)

    def to(self, goal: float) -> None:
        """Go on to a time and keep the state there."""
        while self._time < goal:
            self._refuse_too_many()
            self._step = min(self._step, goal - self._time)
            kind, length = self._next(goal)
            with np.errstate(all="ignore"):  # an attempt may leave the range of numbers; it is refused then
                new, error = kind.attempt(self._equation, self._y, self._rate, length, self._tolerance)
            taken = error <= self._tolerance
            if kind is not self._kind:
                self._next_trial = 2 * self._steps
                if not taken:
                    continue
            if taken:
                self._take(goal if length == goal - self._time else self._time + length, new)
                self._implicit += kind is IMPLICIT
            elif length <= SMALLEST_STEP * max(self._time, goal):
                raise self._unfinished(
                    f"the tolerance {self._tolerance:.1e} cannot be met beyond time {self._time:.6g} of "
                    f"{self._times[-1]:g}: after {self._steps} steps, one of {length:.1e} errs by {error:.1e}. Use a "
                    f"larger tolerance or a finer grid, or stop earlier."
                )
            factor = min(self._longest, kind.factor(error, self._tolerance))
            self._kind, self._step = kind, length * factor
            self._longest = kind.longest_after(taken)
        self._keep()

    def _next(self, goal: float) -> tuple[_Kind, float]:
        """The kind and the length of the next attempt."""
        farther = FARTHER * self._step
        if self._kind is EXPONENTIAL and self._steps >= self._next_trial and farther < goal - self._time:
            return IMPLICIT, farther
        return self._kind, self._step

    def _take(self, time: float, new) -> None:
        try:
            self._equation.accept(time, new)
        except NumericalError as error:
            raise self._unfinished(error) from None
        self._y, self._time, self._rate = new, time, self._equation.rate(new)
        self._steps += 1

    def _keep(self) -> None:
        self._reached.append(self._time)
        self._kept.append(self._y.copy())

    def _refuse_too_many(self) -> None:
        if self._steps >= MOST_STEPS:
            raise self._unfinished(
                f"{self._steps} steps led to time {self._time:.6g} of {self._times[-1]:g}, where errors of "
                f"{self._tolerance:.1e} allow a length of {self._step:.1e}. Go on from what was reached, the attribute "
                f"solution of this error, use a larger tolerance, or stop earlier."
            )

    def _unfinished(self, why) -> UnfinishedError:
        if not self._reached or self._time > self._reached[-1]:
            self._keep()
        return UnfinishedError(why, self.path())
