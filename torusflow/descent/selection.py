"""Choosing among problems the one that best fits data which training does not see."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import check_function, checked_whole, is_number
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..interrupts import Held
from ..risk import Risk
from . import Method, descend
from .will import Will


@dataclass(frozen=True, eq=False)
class Selection(OneLine):
    """Outcome of `select`.

    Attributes
    ----------
    best : int
        Index of the candidate with the smallest validation among those that came to the last round.
    validation : array (n_candidates,)
        The smallest validation each has reached; infinite if its descent failed.
    iterations : array (n_candidates,) of int
        Iterations each was given.
    control : array
        What the best one was trained to, on the samples of its own risk.
    status : str
        "complete", or what ended the selection before its last round.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> found = tfl.select([(risk, risk), (risk, risk)], tfl.LBFGS(), rounds=(2,))
    >>> found.iterations
    array([2, 2])
    """

    best: int
    validation: np.ndarray
    iterations: np.ndarray
    control: np.ndarray
    status: str = "complete"


def select(
    candidates: Sequence[tuple[Risk, Callable[[np.ndarray], float]]],
    method: Method,
    rounds: Sequence[int] = (10, 20),
    keep: float = 1 / 3,
    callback: Callable[[int, int, float], object] | None = None,
    stop: Callable[[], str] | None = None,
) -> Selection:
    """Choose among risks by successive halving: train all, and go on with the part that validates best [1]_.

    Parameters
    ----------
    candidates : sequence of (Risk, callable)
        What to train, from the zero control, and the validation: from a control to a number.
    method : Method
    rounds : sequence of int
        Iterations in each round, on top of those before; the method starts anew in every round.
    keep : float
        Part of the candidates that goes on to the next round, at least one.
    callback : callable, optional
        callback(round, candidate, validation) after each descent.
    stop : callable, optional
        Asked after every iteration; a text ends the selection and says why.

    Returns
    -------
    Selection
        Also when it is interrupted from the keyboard: then with the best so far, and a status that says so.

    Raises
    ------
    InputError
        If there are no candidates or no rounds, or keep is not between 0 and 1.
    NumericalError
        If the descent of every candidate fails.

    References
    ----------
    .. [1] K. Jamieson, A. Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, AISTATS
       2016, PMLR 51:240-248, figure 3.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> metric = tfl.SobolevMetric(2.0, 0.1)
    >>> rougher = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=2)
    >>> rough = tfl.Risk(rougher, risk.loss)
    >>> found = tfl.select([(risk, risk), (rough, rough)], tfl.LBFGS(), rounds=(3,))
    >>> found.best in (0, 1), found.validation.shape
    (True, (2,))
    """
    for name, values in (("candidates", candidates), ("rounds", rounds)):
        if not isinstance(values, Sequence) or isinstance(values, str | bytes):
            raise InputError(f"select: {name} must be a list, got {values!r}.")
    if not is_number(keep) or not len(candidates) or not len(rounds) or not 0 < keep < 1:
        raise InputError(
            f"select takes at least one candidate, at least one round, and 0 < keep < 1; got {len(candidates)}, "
            f"{len(rounds)} and {keep!r}."
        )
    for candidate in candidates:
        pair = isinstance(candidate, tuple | list) and len(candidate) == 2
        if (
            not pair
            or isinstance(candidate[1], type)
            or not isinstance(candidate[0], Risk)
            or not callable(candidate[1])
        ):
            raise InputError(f"select: a candidate is a pair of a Risk and a validation, got {candidate!r}.")
    rounds = [checked_whole("select: each of rounds", count) for count in rounds]
    if callback is not None:
        check_function("callback", callback)
    will = Will(candidates[0][0].space)
    with will.held() as signals:
        return _Halving(candidates, method, stop, callback, signals, will).run(rounds, keep)


class _Halving:
    """How far each candidate has come."""

    def __init__(self, candidates, method: Method, stop, callback, signals: Held, will: Will):
        self._candidates, self._method = candidates, method
        self._stop, self._callback, self._signals, self._will = stop, callback, signals, will
        self._validation, self._iterations = np.full(len(candidates), math.inf), np.zeros(len(candidates), int)
        self._controls = [risk.space.zeros() for risk, _ in candidates]

    def run(self, rounds: Sequence[int], keep: float) -> Selection:
        running, status = list(range(len(self._candidates))), "complete"
        for number, count in enumerate(rounds):
            for index in running:
                ended = self._train(index, count)
                if ended or (ended := self._told(number, index)):
                    status = ended
                    break
            running.sort(key=lambda index: self._validation[index])
            best, running = running[0], running[: max(1, math.ceil(keep * len(running)))]
            if status != "complete":
                break
        if status == "complete" and not math.isfinite(self._validation[best]):
            raise NumericalError("none of the candidates could be trained. Use more substeps or a larger penalty.")
        return Selection(best, self._validation, self._iterations, self._controls[best], status)

    def _train(self, index: int, count: int) -> str:
        """Some iterations more of one candidate; why the selection ends, if it does."""
        risk, validate = self._candidates[index]
        self._iterations[index] += count
        try:
            found = descend(
                risk, self._controls[index], self._method, count, validation=validate, patience=count, stop=self._stop
            )
        except NumericalError:  # at its start already
            self._validation[index] = math.inf
            return ""
        self._controls[index], self._validation[index] = found.control, np.min(found.history["validation"])
        return found.status if found.status.startswith(("interrupted", "failed")) else ""

    def _told(self, number: int, index: int) -> str:
        """Tell the callback; why the selection ends, if it does."""
        try:
            with self._will.let_through(self._signals), self._will.alike():
                if self._callback is not None:
                    self._callback(number, index, self._validation[index])
        except KeyboardInterrupt:
            return "interrupted between two descents"
        except Exception as error:
            return f"failed: the callback raised {type(error).__name__}: {error}"
        waits = not self._will.alone and self._will.waiting(self._signals)  # which otherwise is let through
        return "interrupted between two descents" if waits else ""
