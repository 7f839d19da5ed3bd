"""From samples to a trained density: settings chosen by validation, then all samples fitted."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import cast

import numpy as np

from ..arguments import checked_whole, is_number, is_positive
from ..descent.progress import Progress
from ..errors import InputError
from ..models import LogDensityNODE
from ..torus.grid import Torus
from .pilot import best_bandwidth
from .search import Choice, Descent, folds_of, search
from .settings import Sample, Setting, candidates

LARGEST_GAP = 0.1  # nats between rows trained on and rows held out
LARGEST_CHANGE = 1e-3  # of log Z on a finer grid
SEARCH_SHARE = 0.6  # of the time; the rest is for the fit of all rows
FINER = 3  # grids are tried until one resolves the density


def fit_density(
    sample: Sample,
    fixed: dict,
    rng: np.random.RandomState,
    iterations: int,
    seconds: float,
    threads: int | None = None,
) -> tuple[Choice, Progress]:
    """What was chosen, and the descent on all samples for as many iterations as it was best after.

    Where the grid does not resolve the density, a finer one is taken.

    Parameters
    ----------
    sample : Sample
    fixed : dict
        Fields of `Setting` that are not to be chosen.
    rng : RandomState
        Holds rows out.
    iterations : int
        Of a descent, at most.
    seconds : float
        At most, but for the iterations under way.
    threads : int, optional
        All processors if not given.
    """
    end, d = time.perf_counter() + seconds, sample.points.shape[1]
    plan = candidates(sample, best_bandwidth(sample.points, sample.weights), fixed)
    folds = folds_of(len(sample.points), plan.folds, rng)
    # Of many rows in three dimensions a descent makes use of all processors; else they take one each.
    workers = 1 if d == 3 and plan.folds == 1 else Torus((4,), threads=threads).threads or 1
    settings, rounds = plan.settings, plan.rounds
    for _ in range(1 if "grid" in fixed else FINER):
        now = time.perf_counter()
        deadline = now + SEARCH_SHARE * (end - now)  # never, where there is no end
        choice = search(settings, sample, folds, rounds, iterations, deadline, workers, threads)
        progress = _fitted(choice, sample, end, threads)
        if abs(_change(progress)) <= LARGEST_CHANGE or time.perf_counter() > end:
            break
        settings, rounds = (finer(choice.setting),), ()
    return choice, progress


def finer(setting: Setting) -> Setting:
    """The same on a grid with half as many points again."""
    return dataclasses.replace(setting, grid=3 * setting.grid // 2)


def checked_fixed(fixed: dict) -> dict:
    """The fields of a setting that are not None, or an InputError."""
    fixed = {name: value for name, value in fixed.items() if value is not None}
    for name, value in fixed.items():
        if name in ("band", "grid"):
            checked_whole(name, value)
        elif not is_positive(value) and not (name == "penalty" and is_number(value) and value == 0):
            raise InputError(f"{name} must be a positive number, or None to have it chosen, got {value!r}.")
    return fixed


def checked_seconds(max_time) -> float:
    """A number of seconds, infinite for None, or an InputError."""
    if max_time is not None and not is_positive(max_time):
        raise InputError(f"max_time must be a number of seconds > 0, or None for no limit, got {max_time!r}.")
    return math.inf if max_time is None else max_time


def doubts(choice: Choice, progress: Progress, n: int, seconds: float) -> list[str]:
    """What a person should know of a fit to n rows, in sentences."""
    d, change, said = _model(progress).torus.dimension, abs(_change(progress)), []
    if choice.gap > LARGEST_GAP:
        said.append(
            f"the density fits rows that it was trained on {choice.gap:.2g} nats better than rows held out: {n} rows "
            f"are few for {d} column{'s' * (d > 1)} like these. What to expect of new rows is validation_score_, "
            f"{-choice.validation:.2f} nats above the uniform density; scores of the training rows are too high. More "
            f"rows bring the two together."
        )
    if not choice.complete or progress.done < choice.iterations:
        said.append(
            f"max_time={seconds:g} seconds ended the fit after {progress.done} iterations, before all was tried. With "
            f"more time the density may become better."
        )
    if change > LARGEST_CHANGE:
        said.append(
            f"the density has peaks that the grid of {choice.setting.grid} points per axis hardly resolves: its mass "
            f"changes by {change:.1e} on a finer one. Use grid={finer(choice.setting).grid}."
        )
    return said


def _fitted(choice: Choice, sample: Sample, end: float, threads: int | None) -> Progress:
    descent = Descent(choice.setting, choice.setting.part(sample, threads=threads), threads)
    while descent.progress.done < choice.iterations and not descent.status and time.perf_counter() < end:
        descent.advance(descent.progress.done + 1)
    return descent.progress


def _change(progress: Progress) -> float:
    return _model(progress).resolution(progress.state.control).change


def _model(progress: Progress) -> LogDensityNODE:
    return cast(LogDensityNODE, progress.risk.model)
