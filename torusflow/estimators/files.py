"""A fitted density in a run file: the run, and the estimator's parameters and findings as the notes beside it."""

from __future__ import annotations

import dataclasses
import json
from typing import NamedTuple, cast

import numpy as np

from ..descent.progress import Progress
from ..errors import InputError
from ..losses import NormalisedLikelihood
from ..storage import Run, RunFile, load
from ..torus.coordinates import Coordinates
from .search import METHOD

# Of what a fit finds, that which a run file has no other place for.
FOUND = ("settings_", "validation_score_", "train_validation_gap_", "complete_", "fit_seconds_")


class Fit(NamedTuple):
    """What a file holds of an estimator; no parameters and nothing found where another descent has made the run."""

    progress: Progress
    coordinates: Coordinates
    parameters: dict
    found: dict


def write_fit(path, overwrite: bool, fit: Fit) -> None:
    """Write a run file, or raise an InputError."""
    found = {name: value for name, value in fit.found.items() if name in FOUND}
    notes = json.dumps({"TorusDensity": fit.parameters, "found": found}, default=_plain)
    store, progress = RunFile(path, overwrite, fit.coordinates, notes=notes), fit.progress
    limits = {"iterations": progress.done, "refine": True}
    why = "as many as the rows held out asked for" if found.get("complete_", True) else "when its time was up"
    # Without what a descent says of the tail of its modes: the mass on a finer grid has judged that.
    result = dataclasses.replace(progress.result(""), status=f"fitted: {progress.done} iterations, {why}")
    store.refuse_existing()
    with store.locked():
        store.prepare(progress.risk, METHOD, None, limits)
        store.save(progress.risk, METHOD, result, progress.checkpoint(), None, limits)


def read_fit(path) -> Fit:
    """What `write_fit` wrote, or the run of any `LogDensityNODE` on samples, or an InputError."""
    run = load(path)
    if not isinstance(run.risk.loss, NormalisedLikelihood):
        raise InputError(
            f"{str(path)!r} is a run of a {type(run.risk.model).__name__}, not one of TorusDensity. Read it with "
            f"tfl.load."
        )
    checkpoint = RunFile(path).checkpoint(run.risk, run.method, validation=run.validation)
    given = list(run.risk.loss.given) or None
    parameters, found = notes_of(run) or ({"period": run.coordinates.units, "given": given}, {})
    return Fit(Progress.restored(run.risk, cast(dict, checkpoint)), run.coordinates, parameters, found)


def notes_of(run: Run) -> tuple[dict, dict] | None:
    """Parameters of the estimator that has made a run, and what it found; None if none has."""
    try:
        notes = json.loads(run.attributes.get("notes", ""))
        found = {"complete_": True, **notes["found"]}  # older files do not say
        return dict(notes["TorusDensity"]), {name: found[name] for name in FOUND}
    except (ValueError, TypeError, KeyError):  # words of a person
        return None


def _plain(value):
    """What JSON does not know: numbers and arrays of NumPy; anything else as its name."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else repr(value)
