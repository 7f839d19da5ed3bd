"""Problems on densities: [torus], [metric], [initial], [target], [model] and [loss]."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import losses
from ..arguments import is_number
from ..errors import InputError
from ..risk import Risk
from ..storage.csv_tables import read_table
from ..torus import densities
from ..torus.coordinates import Coordinates
from ..torus.density import Density
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from .tables import call, kind_of, text

# Mixed into a kernel estimate, which may vanish, where the loss would be infinite; that of the losses.
FLOOR = 1e-3
# What a model is made with by default.
MODEL = {"layers": 8, "substeps": None}
# Grids when none is given: an iteration takes seconds at most.
SHAPES = {1: (256,), 2: (64, 64), 3: (32, 32, 32)}


def _takes_a_target(kind) -> bool:
    """Whether a loss, no base of losses, is made of a target density and needs nothing else."""
    needed = [name for name, p in inspect.signature(kind).parameters.items() if p.default is inspect.Parameter.empty]
    return needed == ["target"] and hasattr(kind, "gradient")


SINGLE_LOSSES = {name: vars(losses)[name] for name in losses.__all__ if _takes_a_target(vars(losses)[name])}
SINGLE_LOSSES.pop("CloudMMD")  # of points beside a density, which are two targets for a problem file


def _weighted_sum(target, terms=()) -> losses.WeightedSum:
    """Each term is a table of a loss, with a weight that is 1 if left out."""
    if not terms or not isinstance(terms, tuple) or not all(isinstance(term, dict) for term in terms):
        raise InputError(
            'terms must be a list of tables: terms = [{kind = "SquaredL2", weight = 0.5}, {kind = "Sinkhorn"}]. On the '
            'command line: --set \'loss.terms=[{kind = "SquaredL2", weight = 0.5}, {kind = "Sinkhorn"}]\'.'
        )
    terms = [dict(term) for term in terms]
    weights = [term.pop("weight", 1.0) for term in terms]
    kinds = [kind_of("loss", term, SINGLE_LOSSES, None) for term in terms]
    parts = [call(kind, "term", term, target=target) for kind, term in zip(kinds, terms, strict=True)]
    return losses.WeightedSum(tuple(parts), tuple(weights))


LOSSES = {**SINGLE_LOSSES, "WeightedSum": _weighted_sum}


def takes_densities(model) -> bool:
    """Whether a class of models is made of a torus and a density on it."""
    return {"torus", "initial"} <= set(inspect.signature(model).parameters)


def density_risk(model: Callable, table: dict, folder: Path, comm: Any = None) -> tuple[Risk, Coordinates]:
    """The risk of a model that moves a density to a target, and the user's units.

    Parameters
    ----------
    model : type
        Of the arguments torus, metric, initial, layers and substeps it is given those that it takes.
    table : dict
        All tables of the problem, empty where not given; keys are taken out.
    folder : path
        What file names are relative to.
    comm : communicator of mpi4py, optional
        Of the torus.
    """
    parameters = inspect.signature(model).parameters
    if not table["target"]:
        raise InputError('no [target]: say what to fit, for example [target] kind = "samples", file = "angles.csv".')
    loss = kind_of("loss", table["loss"], LOSSES, "SquaredL2")
    given = {}
    if "metric" in parameters:
        given["metric"] = call(SobolevMetric, "metric", table["metric"])
    elif table["metric"]:
        raise InputError(f"[metric] does not go with a {model.__name__}, which takes none. Remove it.")
    if table["target"].get("kind") == "samples" and _needs_positive_target(loss.__name__, table["loss"]):
        table["target"] = {"floor": FLOOR} | table["target"]
    if "shape" not in table["torus"]:
        table["torus"]["shape"] = SHAPES[_dimension(table["target"], folder)]
    torus = call(Torus, "torus", table["torus"], comm=comm)
    initial, _ = density("initial", {"kind": "uniform"} | table["initial"], torus, folder)
    target, coordinates = density("target", table["target"], torus, folder)
    given |= {"torus": torus, "initial": initial}
    defaults = {name: value for name, value in MODEL.items() if name in parameters}
    model = call(model, "model", defaults | table["model"], **given)
    return call(
        Risk, "risk", table["risk"], model=model, loss=call(loss, "loss", table["loss"], target=target)
    ), coordinates


def density(name: str, table: dict, torus: Torus, folder: Path) -> tuple[Density, Coordinates]:
    """The density that a table describes, and the units it comes in."""
    make = kind_of(name, table, DENSITIES, None)
    return call(make, name, table, torus=torus, folder=folder)


def read_samples(
    folder, file, columns=None, units="turns", names=None, centred=None, missing="refuse"
) -> tuple[np.ndarray, Coordinates]:
    """Points in [0, 1)^d of a CSV file, and the user's units; where not said, negative values mean centred ones."""
    samples = read_table(folder / text("file", file)).samples(columns, missing=missing)
    values, header, what = samples.values, samples.names, samples.of(file)
    if names is not None and (not isinstance(names, tuple) or len(names) != values.shape[1]):
        raise InputError(f"names must be a list of {values.shape[1]}, one for each column of {file!r}, got {names!r}.")
    centred = bool((values < 0).any()) if centred is None else centred
    coordinates = Coordinates(units, header if names is None else names, centred)
    points = coordinates.to_torus(values, what)
    coordinates.check_units(values, what)
    return points, coordinates


def _samples(
    torus,
    folder,
    file,
    columns=None,
    units="turns",
    names=None,
    centred=None,
    missing="refuse",
    bandwidth="auto",
    floor=0.0,
):
    """Bandwidth in the units of the file."""
    points, coordinates = read_samples(folder, file, columns, units, names, centred, missing)
    if points.shape[1] != torus.dimension:
        raise InputError(
            f"{file!r} gives {points.shape[1]} columns, the torus has {torus.dimension} dimensions. "
            f"Choose as many columns, or another shape."
        )
    if is_number(bandwidth):
        if isinstance(coordinates.units, tuple):
            raise InputError(
                f"bandwidth={bandwidth:g} has no unit, since the columns of {file!r} have several. Leave it out."
            )
        bandwidth = densities.checked_bandwidth(torus, bandwidth, "bandwidth", coordinates.period, units)
    return densities.from_samples(torus, points, bandwidth, floor), coordinates


def _image(torus, folder, file, floor=0.1, dark=False, blur="auto"):
    return densities.from_image(torus, folder / text("file", file), floor, dark, blur), Coordinates()


def _plain(function: Callable) -> Callable:
    """A density family as a kind of density in a problem file."""

    def make(torus, folder, **keys):
        return function(torus, **keys), Coordinates()

    parameters = list(inspect.signature(function).parameters.values())
    folder = inspect.Parameter("folder", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    make.__signature__ = inspect.Signature([parameters[0], folder, *parameters[1:]])
    return make


def _needs_positive_target(kind, loss: dict) -> bool:
    """Whether a loss, or a term of it, is infinite where the target vanishes."""
    terms = loss.get("terms", ())
    terms = [term for term in terms if isinstance(term, dict)] if isinstance(terms, list) else []
    infinite = kind == "KullbackLeibler" and not loss.get("reverse", False)
    return infinite or any(_needs_positive_target(term.get("kind"), term) for term in terms)


def _dimension(target: dict, folder: Path) -> int:
    """The dimension of the torus, where only the samples tell."""
    if target.get("kind") != "samples" or not isinstance(target.get("file"), str):
        return 2
    table, missing = read_table(folder / target["file"]), target.get("missing", "refuse")
    return table.samples(target.get("columns"), missing=missing).values.shape[1]


DENSITIES = {
    "uniform": _plain(densities.uniform),
    "von_mises": _plain(densities.von_mises),
    "banana": _plain(densities.banana),
    "image": _image,
    "samples": _samples,
}
