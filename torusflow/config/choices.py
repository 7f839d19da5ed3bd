"""[select]: the problems among which validation chooses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple, cast

from ..errors import InputError
from ..risk import Risk
from ..torus.control import VelocitySpace
from .likelihood import fewer
from .problem import make_problem
from .tables import call

# Where [select] names a key: the table it belongs to.
PLACES = {"smoothness": "metric", "length": "metric", "band": "model", "layers": "model", "penalty": "risk"}
DEFAULTS = {"smoothness": (2.5, 3.0), "length": (0.05, 0.1, 0.2)}
BANDS = {1: (10, 16), 2: (10, 16), 3: (4, 6)}


class Choices(NamedTuple):
    """What [select] asks for.

    Attributes
    ----------
    values : list of dict
        One combination each.
    candidates : list of (Risk, Risk)
        Training, on some of the samples, and validation, for `torusflow.select`.
    rounds : tuple of int
    """

    values: list[dict]
    candidates: list[tuple[Risk, Risk]]
    rounds: tuple[int, ...]


def choices(tables: Mapping, folder, comm=None) -> Choices:
    """The problems among which [select] has validation choose.

    A key that its own table gives is not varied unless [select] lists it.
    """
    table = dict(tables.get("select", {}))
    how = call(_how, "select", {key: table.pop(key) for key in ("rounds", "samples") if key in table})
    given = {key for key, name in PLACES.items() if key in tables.get(name, {})}
    space = cast(VelocitySpace, make_problem(chosen(tables, {}), folder, comm).risk.space)
    defaults = DEFAULTS | {"band": BANDS[space.torus.dimension]}
    lists = {key: values for key, values in defaults.items() if key not in given} | call(_lists, "select", table)
    values = [dict(zip(lists, combination, strict=True)) for combination in itertools.product(*lists.values())]
    candidates = []
    for choice in values:
        problem = make_problem(chosen(tables, choice), folder, comm)
        risk, validation = problem.risk, problem.limits.get("validation")
        if validation is None:
            raise InputError("[select] chooses by a part of the samples: write validation = 0.1 below [split].")
        candidates.append((fewer(risk, how["samples"]), validation))
    return Choices(values, candidates, how["rounds"])


def chosen(tables: Mapping, choice: Mapping) -> dict:
    """The tables with the values of one choice."""
    tables = {name: dict(table) for name, table in tables.items() if name != "select"}
    for key, value in choice.items():
        tables.setdefault(PLACES[key], {})[key] = value
    return tables


def _lists(smoothness=None, length=None, band=None, layers=None, penalty=None) -> dict:
    given = {key: values for key, values in locals().items() if values is not None}
    for key, values in given.items():
        if not isinstance(values, tuple) or not values:
            raise InputError(f"{key} must be a list of values to choose from, such as [2.0, 2.5], got {values!r}.")
    return given


def _how(rounds=(10, 20), samples=5000) -> dict:
    whole = all(isinstance(n, int) and n >= 1 for n in (*rounds, samples)) if isinstance(rounds, tuple) else False
    if not whole or not rounds:
        raise InputError(f"rounds must be a list of iterations and samples a number, got {rounds!r}, {samples!r}.")
    return {"rounds": rounds, "samples": samples}
