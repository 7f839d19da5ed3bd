"""What a run was like on its way: some of its iterates, kept in the file or found by repeating the descent."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..backends import to_host
from ..descent.repetition import repeat
from ..storage import Run
from ..storage.reading import array, opened_run
from .packing import some


class Iterate(NamedTuple):
    """A control on the way, and the model's output there.

    Attributes
    ----------
    iteration : int
    control, output : array
    """

    iteration: int
    control: np.ndarray
    output: np.ndarray


def iterates(path, run: Run, most: int, seconds: float = math.inf) -> tuple[list[Iterate], str]:
    """Some iterates of a run, the first and the last among them, and where they come from in a sentence.

    Parameters
    ----------
    path : str or path
        Of the file that the run was read from.
    run : Run
    most : int
        Iterates, at most.
    seconds : float
        A descent that took longer is not repeated.
    """
    model, done = run.risk.model, len(run.history["risk"]) - 1
    last = Iterate(_reached(run), run.control, run.output)
    start, times, controls = _kept(path, run.risk)
    if start is None or not done:
        return [last], "The file has no other iterate than the last."
    first = Iterate(0, start, to_host(model(start)))
    ends = [first] * (last.iteration > 0) + [last]
    if len(times):
        chosen = {int(np.argmin(np.abs(run.history["time"] - times[i]))): controls[i] for i in range(len(times))}
        between = [(n, control) for n, control in sorted(chosen.items()) if 0 < n < last.iteration]
        between = [between[i] for i in some(len(between), most - 2)]
        found = [Iterate(n, control, to_host(model(control))) for n, control in between]
        return [first, *found, last], "The iterates are those at the times that the method was asked to keep."
    took = float(run.history["seconds"][-1])
    if took > seconds:
        return ends, (
            f"The file keeps the first and the last iterate. Those between can be found by repeating the descent, "
            f"which took {took:.0f} s: ask for it with --seconds {math.ceil(took)} (in Python: seconds=...)."
        )
    found = _repeated(run, start, done, most)
    if not found:
        return ends, "The file keeps the first and the last iterate; the descent could not be repeated from its start."
    between = [iterate for iterate in found if 0 < iterate.iteration < last.iteration]
    return [first, *between, last], "Iterates between the first and the last were found by repeating the descent."


def _kept(path, risk) -> tuple[Any, np.ndarray, np.ndarray]:
    """The first control, None in files without one, and the times and controls that the method was asked to keep."""
    shape = tuple(risk.space.shape)
    with opened_run(path) as file:
        checkpoint = file.get("checkpoint")
        if checkpoint is None:
            return None, np.empty(0), np.empty((0, *shape))
        start = risk.space.element(array(checkpoint, "start", shape, "fc")[...])
        times = array(checkpoint, "times", (None,))[...]
        controls = array(checkpoint, "controls", (len(times), *shape), "fc")[...]
    return start, times, controls


def _reached(run: Run) -> int:
    """The iteration of the run's control: the best one where there was a validation."""
    best = run.history.get("validation")
    return len(run.history["risk"]) - 1 if best is None else int(np.nanargmin(best))


def _repeated(run: Run, start, done: int, most: int) -> list[Iterate]:
    """Iterates of the same descent, more of them near its start; none where it cannot be made or goes another way."""
    wanted = set(np.unique(np.geomspace(1, done, most - 1).round().astype(int)).tolist())
    found = []

    def keep(iteration, state):
        if iteration in wanted:
            found.append(Iterate(iteration, to_host(state.control), to_host(state.output)))

    return found if repeat(run, start, keep) else []
