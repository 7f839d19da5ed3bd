"""The descent of a stored run made again, to see on its way what the file does not keep."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from ..arguments import is_number
from ..errors import InputError, TorusflowError
from ..storage import Run
from ..storage.classes import Unknown
from .loop import descend
from .method import State

# A descent that was repeated went the same way if its risks agree to this.
SAME = 1e-6
# That it may take unless more is allowed.
SECONDS = 30.0


def check_seconds(seconds) -> None:
    """Raise an InputError if this is not how long repeating a descent may take."""
    if not is_number(seconds) or not seconds >= 0:
        raise InputError(f"seconds must be a number >= 0, got {seconds!r}.")


def repeat(run: Run, start, see: Callable[[int, State], None]) -> bool:
    """Whether the descent of a run could be made again from its start and went the same way.

    Parameters
    ----------
    run : Run
    start : array
        The control that the run started from.
    see : callable
        Is called with every iteration and its state.
    """
    if isinstance(run.method, Unknown):
        return False
    before, refine = run.history["risk"], bool(run.limits.get("refine", False))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were said when the run was made
            result = descend(
                run.risk, start, run.method, len(before) - 1, refine=refine, callback=lambda i, _, state: see(i, state)
            )
    except TorusflowError:
        return False
    if result.status.startswith("interrupted"):
        raise KeyboardInterrupt
    now = result.history["risk"]
    return len(before) == len(now) and np.allclose(before, now, rtol=SAME, atol=SAME * abs(before[0]))
