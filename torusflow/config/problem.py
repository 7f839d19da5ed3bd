"""Problem files: a TOML table for each part of a problem, with the names and keys of the Python interface."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import descent, models
from ..descent import GradientDescent, HeavyBall, Method, Nesterov
from ..descent.limits import check_limits
from ..errors import InputError
from ..hilbert import norm
from ..risk import Risk
from ..torus.coordinates import Coordinates
from .densities import density_risk, takes_densities
from .likelihood import LIKELIHOODS, likelihood
from .own_classes import modules_beside
from .points import points_risk
from .tables import call, check_tables, kind_of, known

# Whatever moves what it was made of.
MODELS = {name: kind for name, kind in vars(models).items() if name in models.__all__ and hasattr(kind, "linearise")}
for wrapper in ("Linearised", "Scaled"):  # of other models
    MODELS.pop(wrapper)
TABLES = ("torus", "metric", "model", "field", "initial", "target", "inputs", "targets", "loss", "risk", "start")
TABLES += ("descent", "limits", "continuation", "split", "select")
ON_DENSITIES, ON_POINTS = {"torus", "initial", "target"}, {"inputs", "targets", "field"}
METHODS = {name: kind for name, kind in vars(descent).items() if name in descent.__all__ and hasattr(kind, "update")}
METHODS.pop("Method")


@dataclass(frozen=True, eq=False)
class Problem:
    """A descent that is ready to run.

    Attributes
    ----------
    risk : Risk
    method : Method
    limits : dict
        Keywords of `descend`: iterations, gradient_tolerance, risk_tolerance, max_time, patience, validation.
    coordinates : Coordinates
        The user's units.
    start : array
        The first control.
    continuation : dict or None
        Keywords of `coarse_to_fine` to replace the start: levels, iterations.
    test : Risk or None
        On samples that neither training nor validation sees.
    """

    risk: Risk
    method: Method
    limits: dict
    coordinates: Coordinates
    start: np.ndarray
    continuation: dict | None = None
    test: Risk | None = None


def make_problem(tables: Mapping, folder: str | Path = ".", comm: Any = None) -> Problem:
    """The problem described by tables, as in a problem file.

    Kinds of models, losses, methods and fields are names of torusflow, or package.module:Class for your own, which are
    also looked for in the folder.

    Parameters
    ----------
    tables : mapping
        From the names in `TABLES` to mappings of keys to values. A ``model`` with a ``kind`` other than MeasureNODE
        needs ``inputs`` and ``targets``, otherwise a ``target`` is needed; all else has defaults.
    folder : path
        What file names are relative to.
    comm : communicator of mpi4py, optional
        Of the `Torus`, whose grid its processes share; all of them read the files.

    Raises
    ------
    InputError
        If a table or key is unknown, missing, or has a value that cannot be used; or if there are several processes and
        no grid that they could share.
    """
    with modules_beside(folder):
        return _problem(tables, folder, comm)


def _problem(tables: Mapping, folder, comm) -> Problem:
    for name in tables:
        known(name, TABLES, "table")
    check_tables(tables)
    table = {name: dict(tables.get(name, {})) for name in TABLES}
    for name in ("loss", "model"):
        if not isinstance(table[name].get("kind", ""), str):
            raise InputError(f"[{name}] kind must be a text in quotes, got {table[name]['kind']!r}.")
    loss = table["loss"].get("kind", LIKELIHOODS.get(table["model"].get("kind", "")))
    kind = table["model"].pop("kind", next((name for name in LIKELIHOODS if LIKELIHOODS[name] == loss), "MeasureNODE"))
    if LIKELIHOODS.get(kind, loss) != loss or (loss in LIKELIHOODS.values() and kind not in LIKELIHOODS):
        raise InputError(
            f"[loss] kind {loss!r} does not go with a {kind}: a SampleNODE and LogLikelihood need each other, and so "
            f"do a LogDensityNODE and NormalisedLikelihood."
        )
    model = kind_of("model", {"kind": kind}, MODELS, None)
    by_likelihood = kind in LIKELIHOODS
    on_densities = by_likelihood or takes_densities(model)
    mine, others = (ON_DENSITIES, ON_POINTS) if on_densities else (ON_POINTS, ON_DENSITIES)
    foreign = (others & set(tables)) | (set() if by_likelihood else {"split", "select"} & set(tables))
    if foreign:
        name = sorted(foreign)[0]
        if foreign & others:
            raise InputError(f"[{name}] does not go with a {kind}, which takes {', '.join(sorted(mine))}.")
        raise InputError(
            f'[{name}] goes with a likelihood only: write kind = "LogLikelihood" below [loss], or remove [{name}].'
        )
    if comm is not None:
        _refuse_undivided(model, comm)
    # All that can be refused without the data is, before they are read.
    method = _method(table["descent"], "LBFGS" if by_likelihood else "GradientDescent")
    limits = call(_limits, "limits", table["limits"])
    continuation = call(_continuation, "continuation", table["continuation"]) if "continuation" in tables else None
    test = None
    if by_likelihood:
        risk, limits["validation"], test, coordinates = likelihood(table, Path(folder), model, comm)
    elif on_densities:
        risk, coordinates = density_risk(model, table, Path(folder), comm)
    else:
        risk, coordinates = points_risk(model, table, Path(folder)), Coordinates()
    start = call(_start, "start", table["start"], risk=risk)
    return Problem(risk, method, limits, coordinates, start, continuation, test)


def _refuse_undivided(model: type, comm: Any) -> None:
    """Raise an InputError if the processes of a communicator cannot share a model of this class."""
    if not takes_densities(model):
        raise InputError(
            f"a {model.__name__} has no grid to share, so it is computed by one process, with threads, and {comm.size} "
            f"were started. Start it without mpiexec."
        )


def _method(table: dict, default: str) -> Method:
    """The method that [descent] describes; "none" stands for None, which TOML lacks."""
    kind = kind_of("descent", table, METHODS, default)
    defaults = {"line_search": "armijo"} if kind in (GradientDescent, HeavyBall, Nesterov) else {}
    given = {key: None if isinstance(value, str) and value == "none" else value for key, value in table.items()}
    return call(kind, "descent", defaults | given)


def _start(risk, norm_of_control=0.0, seed=0) -> np.ndarray:
    """Zero, or a random control of a given norm."""
    if (
        not isinstance(seed, int)
        or seed < 0
        or not isinstance(norm_of_control, int | float)
        or not norm_of_control >= 0
    ):
        raise InputError("norm_of_control must be a number >= 0 and seed a whole number >= 0.")
    if norm_of_control == 0:
        return risk.space.zeros()
    w = risk.space.random(np.random.default_rng(seed))
    return w * (norm_of_control / norm(risk.space, w))


def _continuation(levels=2, iterations=50) -> dict:
    for name, value in (("levels", levels), ("iterations", iterations)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InputError(f"{name} must be a whole number >= 0, got {value!r}.")
    return {"levels": levels, "iterations": iterations}


def _limits(iterations=200, gradient_tolerance=0.0, risk_tolerance=-math.inf, max_time=math.inf, patience=10) -> dict:
    limits = locals().copy()
    check_limits(**limits)
    return limits
