"""Problem files: a TOML table for each part of a problem, with the names and keys of the Python interface."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..descent import LBFGS, GradientDescent, GradientFlow, GreedyDescent, Method
from ..errors import InputError
from ..hilbert import norm
from ..risk import Risk
from ..torus.coordinates import Coordinates
from .densities import density_risk
from .points import points_risk
from .tables import call, kind_of, known

TABLES = ("torus", "metric", "model", "field", "initial", "target", "inputs", "targets", "loss", "risk", "start")
TABLES += ("descent", "limits")
METHODS = {kind.__name__: kind for kind in (GradientDescent, GradientFlow, GreedyDescent, LBFGS)}


@dataclass(frozen=True, eq=False)
class Problem:
    """A descent that is ready to run.

    Attributes
    ----------
    risk : Risk
    method : Method
    limits : dict
        Keywords of `descend`: iterations, gradient_tolerance, risk_tolerance, max_time.
    coordinates : Coordinates
        The user's units.
    start : array
        The first control.
    """

    risk: Risk
    method: Method
    limits: dict
    coordinates: Coordinates
    start: np.ndarray


def make_problem(tables: Mapping, folder=".") -> Problem:
    """The problem described by tables, as in a problem file.

    Parameters
    ----------
    tables : mapping
        From the names in `TABLES` to mappings of keys to values. A ``model`` with a ``kind`` other than MeasureNODE
        needs ``inputs`` and ``targets``, otherwise a ``target`` is needed; all else has defaults.
    folder : path
        What file names are relative to.

    Raises
    ------
    InputError
        If a table or key is unknown, missing, or has a value that cannot be used.
    """
    for name, table in tables.items():
        known(name, TABLES, "table")
        if not isinstance(table, Mapping):
            raise InputError(f"{name} must be a table: write [{name}] on a line of its own, and its keys below.")
    table = {name: dict(tables.get(name, {})) for name in TABLES}
    on_densities = table["model"].get("kind", "MeasureNODE") == "MeasureNODE"
    mine = {"torus", "initial", "target"} if on_densities else {"inputs", "targets", "field"}
    foreign = ({"inputs", "targets", "field"} if on_densities else {"torus", "initial", "target"}) & set(tables)
    if foreign:
        kind = table["model"].get("kind", "MeasureNODE")
        raise InputError(f"[{sorted(foreign)[0]}] does not go with a {kind}, which takes {', '.join(sorted(mine))}.")
    if on_densities:
        table["model"].pop("kind", None)
        risk, coordinates = density_risk(table, Path(folder))
    else:
        risk, coordinates = points_risk(table, Path(folder)), Coordinates()
    chosen = kind_of("descent", table["descent"], METHODS, "GradientDescent")
    defaults = {"line_search": "armijo"} if chosen is GradientDescent else {}
    method = call(chosen, "descent", defaults | table["descent"])
    start = call(_start, "start", table["start"], risk=risk)
    return Problem(risk, method, call(_limits, "limits", table["limits"]), coordinates, start)


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


def _limits(iterations=200, gradient_tolerance=0.0, risk_tolerance=-math.inf, max_time=math.inf) -> dict:
    return locals().copy()
