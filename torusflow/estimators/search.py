"""The setting that fits best the rows it has not seen, by cross-validation and successive halving."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ..descent import LBFGS
from ..descent.loop import advanced
from ..descent.progress import Progress, following
from ..errors import NumericalError
from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..risk import Risk
from .settings import Part, Sample, Setting

# Iterations between looks at the clock, and without a better validation before a descent ends.
CHUNK, PATIENCE = 5, 25
# Of L-BFGS with weak penalties: the validation is then the regularisation.
METHOD = LBFGS()


@dataclass(frozen=True)
class Choice:
    """Outcome of a search.

    Attributes
    ----------
    setting : Setting
    iterations : int
        After which the rows held out were fitted best.
    validation : float
        Their mean negative log-density relative to the uniform one, in nats.
    gap : float
        So much smaller it was on the rows trained on.
    tried : tuple of (Setting, float)
        All settings and their validation, as far as each came.
    complete : bool
        Whether there was time for all.
    held_out : tuple of (int array, float array)
        For each part that was held out its rows and their log-densities relative to the uniform one, whose mean is
        minus the validation.
    """

    setting: Setting
    iterations: int
    validation: float
    gap: float
    tried: tuple[tuple[Setting, float], ...]
    complete: bool
    held_out: tuple[tuple[np.ndarray, np.ndarray], ...] = field(compare=False)


class Descent:
    """One descent, in steps of as many iterations as wanted."""

    def __init__(self, setting: Setting, part: Part, threads: int | None = None):
        risk = setting.risk(part, threads)
        self._validation = None if part.held_out is None else Risk(risk.model, part.held_out)
        self._start, self.status = time.perf_counter(), ""
        start = risk.space.zeros()
        self.progress = Progress(risk, start, True).after(METHOD.init(risk, start), 0.0, self._validation)

    def advance(self, iterations: int) -> None:
        """On to so many iterations in all, or to the end."""
        while self.progress.done < iterations and not self.status:
            before = self.progress
            try:
                self.progress = advanced(before, METHOD, self._seconds, self._validation)
            except NumericalError as error:
                self.status = f"ended after {before.done} iterations: {error}"
            self._validation = following(self._validation, before.risk, self.progress.risk)

    @property
    def model(self) -> LogDensityNODE:
        """With the substeps reached."""
        return cast(LogDensityNODE, self.progress.risk.model)

    @property
    def curve(self) -> np.ndarray:
        """The validation at every iterate."""
        return self.progress.result("").history["validation"]

    @property
    def gap(self) -> float:
        """Validation less training, where the validation is best."""
        progress = self.progress
        return progress.best_row["validation"] - progress.risk.loss(progress.best.output)

    def scores(self, points) -> np.ndarray:
        """Negative log-densities at points, where the validation is best."""
        return -self.model.log_density(self.progress.best.control, points)

    @property
    def change(self) -> float:
        """By so much the validation is too low, because peaks between the points of the training grid are not seen."""
        return self.model.resolution(self.progress.best.control).change

    def _seconds(self) -> float:
        return time.perf_counter() - self._start


class Trial:
    """A setting on every fold."""

    def __init__(self, setting: Setting, parts: Sequence[Part], threads: int | None):
        self.setting, self.descents = setting, [Descent(setting, part, threads) for part in parts]
        self._held_out = [cast(NormalisedLikelihood, part.held_out).samples for part in parts]

    @property
    def curve(self) -> np.ndarray:
        """The mean validation of the folds at every iterate; a fold that has ended stays where it was."""
        curves = [descent.curve for descent in self.descents]
        longest = max(map(len, curves))
        return np.mean([np.pad(curve, (0, longest - len(curve)), "edge") for curve in curves], axis=0)

    def validation(self) -> float:
        """The best mean validation so far, with the mass on a finer grid."""
        return float(np.min(self.curve) + np.mean([descent.change for descent in self.descents]))

    @property
    def gap(self) -> float:
        """Validation less training, the mean over the folds."""
        return float(np.mean([descent.gap for descent in self.descents]))

    def scores(self) -> np.ndarray:
        """Negative log-densities of the rows that are held out, one fold after another."""
        pairs = zip(self.descents, self._held_out, strict=True)
        return np.concatenate([descent.scores(points) for descent, points in pairs])

    @property
    def ended(self) -> bool:
        """Whether more iterations are of no use."""
        curve = self.curve
        return all(d.status for d in self.descents) or len(curve) - 1 - int(np.argmin(curve)) >= PATIENCE


def search(
    settings: Sequence[Setting],
    sample: Sample,
    folds: Sequence[np.ndarray],
    rounds: Sequence[tuple[int, int]],
    iterations: int,
    deadline: float,
    workers: int,
    threads: int | None = None,
) -> Choice:
    """The best of some settings.

    Parameters
    ----------
    settings : sequence of Setting
    sample : Sample
    folds : sequence of bool array (N,)
        The rows that each descent holds out.
    rounds : sequence of (int, int)
        Iterations in all to train to, and how many settings then go on.
    iterations : int
        At most, for the last one.
    deadline : float
        As `time.perf_counter` counts.
    workers : int
        Threads, each with a descent of its own; one descent at a time has threads of its torus.
    threads : int, optional
        So many then; all processors if not given.
    """
    threads = threads if workers == 1 else 1

    @functools.cache
    def parts(grid, bandwidth):
        setting = dataclasses.replace(settings[0], grid=grid, bandwidth=bandwidth)
        return [setting.part(sample, held, threads) for held in folds]

    trials = [Trial(setting, parts(setting.grid, setting.bandwidth), threads) for setting in settings]
    tried = {}
    with ThreadPoolExecutor(workers) as pool:
        for count, keep in (*rounds, (iterations, 1)):
            _train(pool, trials, min(count, iterations), deadline)
            tried |= {trial.setting: trial.validation() for trial in trials}
            trials = sorted(trials, key=lambda trial: tried[trial.setting])
            trials = [_cautious(trials)] if keep == 1 and len(folds) > 1 else trials[:keep]
    best = trials[0]
    if not math.isfinite(tried[best.setting]):
        raise NumericalError("no setting could be trained on these rows.")
    return Choice(
        best.setting,
        int(np.argmin(best.curve)),
        tried[best.setting],
        best.gap,
        tuple(sorted(tried.items(), key=lambda pair: pair[1])),
        time.perf_counter() < deadline,
        _held_out(best, sample.weights, folds, tried[best.setting]),
    )


def _held_out(trial: Trial, weights, folds, validation: float) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Rows and log-densities of each part; each descent is best at an iterate of its own, all are at another."""
    rows = [np.flatnonzero(held) for held in folds]
    logs = -trial.scores()
    logs -= np.average(logs, weights=weights[np.concatenate(rows)]) + validation
    return tuple(zip(rows, np.split(logs, np.cumsum([len(part) for part in rows])[:-1]), strict=True))


def _cautious(trials: Sequence[Trial]) -> Trial:
    """Of those that are not worse than the first by more than one standard error, the one that overfits least [1]_.

    Few rows cannot tell such settings from each other.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, C. J. Stone, R. A. Olshen, Classification and regression trees, 1984, section 3.4.3.
    """
    best, as_good = trials[0].scores(), [trials[0]]
    for trial in trials[1:]:
        worse = trial.scores() - best
        if np.mean(worse) <= np.std(worse) / math.sqrt(len(worse)):
            as_good.append(trial)
    return min(as_good, key=lambda trial: trial.gap)


def _train(pool, trials: Sequence[Trial], count: int, deadline: float) -> None:
    """All trials on to so many iterations, those that still get better."""
    done = 0
    while done < count and time.perf_counter() < deadline:
        done = min(done + CHUNK, count)
        running = [trial for trial in trials if not trial.ended]
        descents = [descent for trial in running for descent in trial.descents]
        if not descents:
            return
        list(pool.map(Descent.advance, descents, [done] * len(descents)))


def folds_of(n: int, count: int, rng: np.random.RandomState) -> list[np.ndarray]:
    """So many parts of the rows, each held out once; for count = 1, one tenth of them."""
    order, parts = rng.permutation(n), []
    size = n // 10 if count == 1 else n // count
    for fold in range(count):
        held = np.zeros(n, bool)
        held[order[fold * size : n if 1 < count == fold + 1 else (fold + 1) * size]] = True
        parts.append(held)
    return parts
