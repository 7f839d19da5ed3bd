"""Problem files: a TOML table for each part of a problem, with the names and keys of the Python interface."""

from __future__ import annotations

import difflib
import inspect
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import losses
from .descent import GradientDescent, Method
from .errors import InputError
from .models.measure_node import MeasureNODE
from .risk import Risk
from .samples import read_csv
from .torus import densities
from .torus.coordinates import Coordinates
from .torus.density import Density
from .torus.grid import Torus
from .torus.sobolev import SobolevMetric

# Grids when none is given: seconds an iteration at most.
SHAPES = {1: (256,), 2: (64, 64), 3: (32, 32, 32)}
TABLES = ("torus", "metric", "model", "initial", "target", "loss", "risk", "descent", "limits")


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
    """

    risk: Risk
    method: Method
    limits: dict
    coordinates: Coordinates


def read_tables(path) -> dict:
    """The tables of a problem file.

    Raises
    ------
    InputError
        If the file cannot be read or is no TOML.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {(error.strerror or str(error)).lower()}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} is not valid TOML: {error}.") from None


def make_problem(tables: Mapping, folder=".") -> Problem:
    """The problem described by tables, as in a problem file.

    Parameters
    ----------
    tables : mapping
        From ``torus``, ``metric``, ``model``, ``initial``, ``target``, ``loss``, ``risk``, ``descent``, ``limits`` to
        mappings of keys to values; only ``target`` has no default.
    folder : path
        What file names are relative to.

    Raises
    ------
    InputError
        If a table or key is unknown, missing, or has a value that cannot be used.
    """
    for name, table in tables.items():
        _known(name, TABLES, "table")
        if not isinstance(table, Mapping):
            raise InputError(f"{name} must be a table: write [{name}] on a line of its own, and its keys below.")
    table = {name: dict(tables.get(name, {})) for name in TABLES}
    if "target" not in tables:
        raise InputError('no [target]: say what to fit, for example [target] kind = "samples", file = "angles.csv".')

    if "shape" not in table["torus"]:
        table["torus"]["shape"] = SHAPES[_dimension(table["target"], Path(folder))]
    torus = _call(Torus, "torus", table["torus"])
    metric = _call(SobolevMetric, "metric", table["metric"])
    initial, _ = _density("initial", {"kind": "uniform"} | table["initial"], torus, Path(folder))
    target, coordinates = _density("target", table["target"], torus, Path(folder))
    defaults = {"layers": 8, "substeps": None}
    model = _call(MeasureNODE, "model", defaults | table["model"], torus=torus, metric=metric, initial=initial)
    loss = _call(_kind("loss", table["loss"], LOSSES, "SquaredL2"), "loss", table["loss"], target=target)
    risk = _call(Risk, "risk", table["risk"], model=model, loss=loss)
    chosen = _kind("descent", table["descent"], METHODS, "GradientDescent")
    method = _call(chosen, "descent", {"line_search": "armijo"} | table["descent"])
    return Problem(risk, method, _call(_limits, "limits", table["limits"]), coordinates)


def _limits(iterations=200, gradient_tolerance=0.0, risk_tolerance=0.0, max_time=math.inf) -> dict:
    return locals().copy()


def _samples(torus, folder, file, columns=None, units="turns", names=None, centred=None, bandwidth="auto", floor=0.0):
    """Bandwidth in the units of the file."""
    values, header = read_csv(folder / _text("file", file), columns)
    coordinates = Coordinates(units, tuple(names or header), (values < 0).any() if centred is None else centred)
    if values.shape[1] != torus.dimension:
        raise InputError(
            f"{file!r} gives {values.shape[1]} columns, the torus has {torus.dimension} dimensions. "
            f"Choose as many columns, or another shape."
        )
    points = coordinates.to_torus(values, repr(file))
    if isinstance(bandwidth, int | float):
        bandwidth = bandwidth / coordinates.period
    return densities.from_samples(torus, points, bandwidth, floor), coordinates


def _image(torus, folder, file, floor=0.1, dark=False, blur="auto"):
    return densities.from_image(torus, folder / _text("file", file), floor, dark, blur), Coordinates()


def _plain(function: Callable) -> Callable:
    """A density family as a kind of density in a problem file."""

    def make(torus, folder, **keys):
        return function(torus, **keys), Coordinates()

    parameters = list(inspect.signature(function).parameters.values())
    folder = inspect.Parameter("folder", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    make.__signature__ = inspect.Signature([parameters[0], folder, *parameters[1:]])
    return make


def _dimension(target: dict, folder: Path) -> int:
    """Of the torus, where only the samples say it."""
    if target.get("kind") != "samples" or not isinstance(target.get("file"), str):
        return 2
    return read_csv(folder / target["file"], target.get("columns"))[0].shape[1]


DENSITIES = {
    "uniform": _plain(densities.uniform),
    "von_mises": _plain(densities.von_mises),
    "banana": _plain(densities.banana),
    "image": _image,
    "samples": _samples,
}
LOSSES = {kind.__name__: kind for kind in (losses.SquaredL2, losses.L2, losses.KullbackLeibler, losses.SobolevMMD)}
METHODS = {"GradientDescent": GradientDescent}


def _density(name, table, torus, folder) -> tuple[Density, Coordinates]:
    make = _kind(name, table, DENSITIES, None)
    return _call(make, name, table, torus=torus, folder=folder)


def _kind(name: str, table: dict, kinds: Mapping, default: str | None):
    """The class or function that the key ``kind`` names; the key is taken out of the table."""
    kind = table.pop("kind", default)
    if kind is not None and not isinstance(kind, str):
        raise InputError(f"[{name}] kind must be a text in quotes, got {kind!r}.")
    if kind is None:
        raise InputError(f"[{name}] needs a kind: one of {', '.join(kinds)}.")
    _known(kind, kinds, f"[{name}] kind")
    return kinds[kind]


def _call(function: Callable, name: str, table: dict, **given):
    """function(**given, **table), with errors that speak of the table."""
    parameters = inspect.signature(function).parameters
    free = [key for key in parameters if key not in given]
    for key in table:
        _known(key, free, f"[{name}] key")
    missing = [key for key in free if parameters[key].default is inspect.Parameter.empty and key not in table]
    if missing:
        raise InputError(f"[{name}] lacks the key {missing[0]!r}.")
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return function(**given, **table)
    except InputError as error:
        raise InputError(f"[{name}] {error}") from None
    except TypeError as error:
        raise InputError(f"[{name}] holds a value of a wrong type: {error}.") from None


def _known(name, names, what: str):
    if name not in names:
        close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.4)
        hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."
        raise InputError(f"unknown {what} {name!r}. {hint}")


def _text(name: str, value) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} must be a text in quotes, got {value!r}.")
    return value
