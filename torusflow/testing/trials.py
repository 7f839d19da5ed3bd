"""What the checks of losses, models and methods have in common: how they run, differ, copy and store."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..arguments import check_generator, is_number
from ..descent import Method, Result, descend
from ..errors import InputError, NumericalError
from ..risk import Risk
from ..storage import load

# Of a fourth-order difference, relative: with steps of a thousandth it errs by 1e-12 / 30 times a fifth derivative, and
# by round-off of some 1e-13. Shorter steps are for losses that bend more.
DIFFERENCE_TOLERANCE = 1e-8
STEPS = (1e-3, 1e-4, 1e-5)
# The same sum in another order.
SAME = 1e-13
# No shape that anything is likely to have.
ODD_SHAPE = (2, 2, 99)


class Broken(AssertionError):
    """A promise that is not kept, in words."""


def require(kept, words: str) -> None:
    """Raise `Broken` unless a promise is kept."""
    if not kept:
        raise Broken(words)


def run(trial, subject, checks: Sequence[Callable] | None, known: list[Callable]) -> None:
    """Run the checks on what they check, or all that are known; the first that fails says whose promise it was.

    Raises
    ------
    AssertionError
        If one fails, or what is checked raises an error of its own, which is then the cause.
    InputError
        If the checks are not a list of known ones.
    """
    checks = known if checks is None else checks
    if not isinstance(checks, list | tuple) or any(check not in known for check in checks):
        names = ", ".join(check.__name__ for check in known)
        raise InputError(f"checks must be a list of some of {known[0].__module__}: {names}; got {checks!r}.")
    for check in checks:
        where = f"{type(subject).__name__}, {check.__name__}"
        try:
            check(trial)
        except Broken as broken:
            raise AssertionError(f"{where}: {broken}") from None
        except Exception as error:
            raise AssertionError(f"{where}: raised {type(error).__name__}: {error}") from error


def generator(rng) -> np.random.Generator:
    """The one given, or one of seed zero."""
    rng = np.random.default_rng(0) if rng is None else rng
    check_generator(rng)
    return rng


def difference_gap(along: Callable, expected, size: Callable, steps: Sequence[float] = STEPS):
    """How far the derivative of `along` at zero is from the one expected, by the step that shows it best.

    Parameters
    ----------
    along : callable
        From a number to a number or an array.
    expected : float or array
    size : callable
        Of a difference.

    Returns
    -------
    gap : float
        Of the step for which it is least.
    derivative : float or array
        The difference quotient.
    """
    best = math.inf, math.nan
    for h in steps:
        try:
            quotient = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
        except NumericalError:  # too far for the model
            continue
        gap = size(quotient - expected)
        if gap < best[0]:
            best = gap, quotient
    return best


def overwrite(array) -> None:
    """Make zeros of what was returned, as a caller may."""
    if isinstance(array, np.ndarray) and array.flags.writeable:
        array[...] = 0.0


def refuses(call: Callable, words: str, what: str, how: str) -> None:
    """Require that a call raises an InputError whose sentence has a certain word."""
    try:
        call()
    except InputError as error:
        require(words in str(error), f"{what} is refused with {str(error)!r}, which does not say {words!r}. {how}")
        return
    except Exception as error:
        raise Broken(f"{what} raises {type(error).__name__}: {error}, where an InputError belongs. {how}") from None
    raise Broken(f"{what} is accepted without an error. {how}")


def refuses_nan(thing) -> None:
    """Require that a dataclass refuses NaN in place of each number it has been given, and within each array."""
    for field in dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ():
        value = getattr(thing, field.name, None)
        if not field.init or not _may_be_nan(value):
            continue
        spoilt = math.nan
        if isinstance(value, np.ndarray):
            spoilt = value.copy()
            spoilt.flat[0] = math.nan
        name = type(thing).__name__
        refuses(
            lambda field=field, spoilt=spoilt: dataclasses.replace(cast(Any, thing), **{field.name: spoilt}),
            "",
            f"{field.name}={'an array with a NaN' if isinstance(value, np.ndarray) else 'nan'}",
            f"Look at it in __post_init__ and raise tfl.InputError('{name}: {field.name} must be ..., got ...').",
        )


def _may_be_nan(value) -> bool:
    return is_number(value) or (isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0)


def copies(thing) -> list[tuple[str, Any]]:
    """A deep copy and a pickled one, and how they were made."""
    made = []
    for way, make in (
        ("copy.deepcopy", copy.deepcopy),
        ("pickle", lambda thing: pickle.loads(pickle.dumps(thing))),
    ):
        try:
            made.append((way, make(thing)))
        except Exception as error:
            raise Broken(
                f"{way} raises {type(error).__name__}: {error}. Make it a frozen dataclass at the top of a module, "
                f"which holds no lambdas, no open files and no local classes."
            ) from None
    return made


def own_classes(*things) -> list[type]:
    """The classes of these that are not torusflow's."""
    kinds = dict.fromkeys(type(thing) for thing in things)
    return [kind for kind in kinds if kind.__module__.split(".")[0] != "torusflow"]


def require_run_comes_back(risk: Risk, start, method: Method, iterations: int, classes: Sequence) -> None:
    """Require that a run is stored, read back bit for bit, and goes on from its file as if it had not ended there."""
    classes = [*own_classes(risk.model, risk.loss, method), *classes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        try:
            result = descend(risk, start, method, iterations, store=path)
            back = load(path, classes=classes) if classes else load(path)
        except InputError as error:
            raise Broken(
                f"a run with it cannot be stored and read back: {error} What is stored is a frozen dataclass at the "
                f"top of a module, whose fields are numbers, texts, arrays, None, and such dataclasses; name further "
                f"classes of yours that it holds by classes=[...]."
            ) from error
        again = descend(back.risk, start, back.method, 2 * iterations, store=path, resume=True)
    require(np.array_equal(back.control, result.control), "the control of a stored run is read back as another one.")
    require(
        back.risk(back.control) == result.value,
        f"what comes back from a file is another risk: {back.risk(back.control)!r} at the control where it was "
        f"{result.value!r}. Everything it computes with must follow from the fields.",
    )
    if dataclasses.is_dataclass(method):
        require(
            back.method == method, f"what comes back from a file is another method: {back.method!r}, not {method!r}."
        )
    _require_same_run(descend(risk, start, method, 2 * iterations), again)


def _require_same_run(whole: Result, again: Result) -> None:
    why = "Results may depend on the fields and the arguments alone; what a method remembers goes into State.memory."
    for name in sorted(whole.history.keys() - {"seconds"}):
        ours, theirs = whole.history[name], again.history[name]
        if not np.array_equal(ours, theirs, equal_nan=True):
            row = int(np.argmax(ours != theirs)) if np.shape(ours) == np.shape(theirs) else len(theirs) - 1
            raise Broken(
                f"a run that goes on from its file is not the one without a break: {name} of iteration {row} is "
                f"{theirs[row]!r}, not {ours[row]!r}. {why}"
            )
    for name in ("status", "control", "output", "times", "controls"):
        require(
            np.array_equal(getattr(whole, name), getattr(again, name)),
            f"a run that goes on from its file is not the one without a break: its {name} is another. {why}",
        )
