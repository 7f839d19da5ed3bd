"""What was checked of a run as its report was written, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np

from .. import checks
from ..backends import to_host
from ..descent.progress import TROUBLES
from ..errors import TorusflowError
from ..model import HasCourantNumber, HasResolution
from ..models.sample_node import SampleNODE
from ..storage import Run

# A Taylor check and an adjoint check take about as long as so many iterations.
ITERATIONS = 60
SAME_OUTPUT = 1e-10
PASSED, WRONG, OPEN = "passed", "wrong", "open"


class Verdict(NamedTuple):
    """Outcome of a check.

    Attributes
    ----------
    name : str
    outcome : {"passed", "wrong", "open"}
    words : str
    """

    name: str
    outcome: str
    words: str


def verdicts(run: Run, seconds: float) -> list[Verdict]:
    """All that can be checked of a run whose classes are known; dear checks only where they take less than so long."""
    sealed = Verdict("file", PASSED, "its checksum is right, so it is as it was written")
    return [sealed, *_cheap(run), *_dear(run, seconds)]


def _cheap(run: Run) -> Iterator[Verdict]:
    model: Any = run.risk.model
    yield _tried("output", lambda: _output(run))
    if isinstance(model, HasCourantNumber):
        yield _tried("stability", lambda: _stability(run))
    for column, wrong, words in TROUBLES:
        if column in run.history and not (
            column == "tail" and isinstance(model, HasResolution)
        ):  # its mass judges that
            last = float(run.history[column][-1])
            said = words.format(last) if wrong(last) else RIGHT[column].format(last)
            yield Verdict("positive" if column == "minimum" else "grid", WRONG if wrong(last) else PASSED, said)
    if isinstance(model, HasResolution | SampleNODE):
        yield _tried("likelihood", lambda: _judged(checks.likelihood(cast(Any, model), run.control)))


RIGHT = {
    "minimum": "the density is nowhere negative but for round-off, its least value is {:.2g}",
    "tail": "{:.1e} of the variance is in the outer third of the modes: the grid resolves the output",
}


def _dear(run: Run, seconds: float) -> list[Verdict]:
    done = len(run.history["risk"]) - 1
    expected = ITERATIONS * float(run.history["seconds"][-1]) / max(done, 1)
    if expected > seconds:
        words = (
            f"not checked: that would take about {expected:.0f} s. Ask for it with --seconds {np.ceil(expected):.0f}"
        )
        return [Verdict("gradient", OPEN, f"{words} (in Python: seconds=...)")]
    return [
        _tried("adjoint", lambda: _judged(checks.adjoint(run.risk.model, run.control))),
        _tried("gradient", lambda: _judged(checks.taylor(run.risk, run.control))),
    ]


def _tried(name: str, check: Callable[[], tuple[str, str]]) -> Verdict:
    try:
        return Verdict(name, *check())
    except TorusflowError as error:
        return Verdict(name, WRONG, str(error))


def _judged(found) -> tuple[str, str]:
    """Of what `torusflow.checks` gives: its verdict, which may be that nothing can be told, and its sentence."""
    wrong = getattr(found, "wrong", not found.passed)
    return PASSED if found.passed else WRONG if wrong else OPEN, str(found)


def _output(run: Run) -> tuple[str, str]:
    if "densities" in run.attributes:
        return PASSED, "densities are not kept in the file, the model has made them of the control"
    stored, made = run.output, to_host(run.risk.model(run.control))
    gap = float(np.max(np.abs(stored - made)) / (np.max(np.abs(made)) or 1.0))
    if gap <= SAME_OUTPUT:
        how_near = f"to {gap:.1e}" if gap else "exactly"
        return PASSED, f"the stored output is the model's at the stored control, {how_near}"
    return WRONG, f"the stored output differs from the model's at the stored control by {gap:.1e} of it"


def _stability(run: Run) -> tuple[str, str]:
    model: Any = run.risk.model
    number, limit = model.courant(run.control), model.courant_limit
    return PASSED if number <= limit else WRONG, f"Courant number {number:.2f}, stable up to {limit:.2f}"
