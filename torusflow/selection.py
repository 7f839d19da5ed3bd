"""Which of several problems fits data best that training does not see."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .arguments import check_function, checked_whole, is_number
from .descent import Method, descend
from .errors import InputError, NumericalError
from .risk import Risk


@dataclass(frozen=True, eq=False)
class Selection:
    """Outcome of `select`.

    Attributes
    ----------
    best : int
        Index of the candidate with the smallest validation among those that came to the last round.
    validation : array (n_candidates,)
        The smallest validation each has reached; infinite if its descent failed.
    iterations : array (n_candidates,) of int
        Iterations each was given.
    """

    best: int
    validation: np.ndarray
    iterations: np.ndarray


def select(
    candidates: Sequence[tuple[Risk, Callable[[np.ndarray], float]]],
    method: Method,
    rounds: Sequence[int] = (10, 20),
    keep: float = 1 / 3,
    callback: Callable[[int, int, float], None] | None = None,
) -> Selection:
    """Successive halving: train all for some iterations, go on with the part of them that validates best [1]_.

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

    Returns
    -------
    Selection

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
    validation, iterations = np.full(len(candidates), math.inf), np.zeros(len(candidates), int)
    controls = [risk.space.zeros() for risk, _ in candidates]
    running = list(range(len(candidates)))
    for number, count in enumerate(rounds):
        for index in running:
            risk, validate = candidates[index]
            try:
                found = descend(risk, controls[index], method, count, validation=validate, patience=max(count, 1))
                if found.status.startswith("interrupted"):
                    raise KeyboardInterrupt
                controls[index], validation[index] = found.control, np.min(found.history["validation"])
            except NumericalError:
                validation[index] = math.inf
            iterations[index] += count
            if callback is not None:
                callback(number, index, validation[index])
        running.sort(key=lambda index: validation[index])
        best = running[0]
        running = running[: max(1, math.ceil(keep * len(running)))]
    if not math.isfinite(validation[best]):
        raise NumericalError("none of the candidates could be trained. Use more substeps or a larger penalty.")
    return Selection(best, validation, iterations)
