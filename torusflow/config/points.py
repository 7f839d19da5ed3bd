"""Problems on points and matrices: [inputs], [targets], [model], [field] and [loss]."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import losses
from ..errors import InputError
from ..models.features import RandomFourierFeatures
from ..models.kernel_field import KernelField
from ..models.kernels import GaussianKernel, MaternKernel
from ..models.perceptrons import Perceptrons
from ..risk import Risk
from ..storage.csv_tables import read_csv
from ..torus.sobolev import SobolevMetric
from .tables import call, kind_of, text

# How the argument of a model is called that takes the inputs; those called X take one input per column.
INPUTS = ("inputs", "X", "x", "points")
LOSSES = {
    name: vars(losses)[name]
    for name in losses.__all__
    if "targets" in inspect.signature(vars(losses)[name]).parameters and hasattr(vars(losses)[name], "gradient")
}


def points_risk(model: Callable, table: dict, folder: Path) -> Risk:
    """The risk of a model that acts on points, with one input and one target a row.

    Parameters
    ----------
    model : type
        Of the arguments inputs, family and metric it is given those that it takes.
    table : dict
        All tables of the problem, empty where not given; keys are taken out.
    folder : path
        What file names are relative to.
    """
    parameters = inspect.signature(model).parameters
    argument = next((name for name in INPUTS if name in parameters), None)
    if argument is None:
        raise InputError(
            f"[model] a {model.__name__} takes neither a torus and an initial density nor points, called "
            f"{', '.join(INPUTS)}, so a problem file cannot make it. Make it in Python."
        )
    for name, takes, owner in (("field", "family", "RKHSNODE"), ("metric", "metric", "TorusNODE")):
        if table[name] and takes not in parameters:
            raise InputError(f"[{name}] does not go with a {model.__name__}; it is for a {owner}. Remove it.")
    inputs = call(_rows, "inputs", table["inputs"], folder=folder)
    targets = call(_rows, "targets", table["targets"], folder=folder)
    columns = argument == "X"
    given = {argument: inputs.T if columns else inputs}
    if "family" in parameters:
        given["family"] = _family(table["field"], inputs)
    if "metric" in parameters:
        given["metric"] = call(SobolevMetric, "metric", table["metric"])
    made = call(model, "model", table["model"], **given)
    loss_kind = kind_of("loss", table["loss"], LOSSES, "SquaredDistance")
    loss = call(loss_kind, "loss", table["loss"], targets=targets.T if columns else targets)
    risk = call(Risk, "risk", table["risk"], model=made, loss=loss)
    if not table["start"].get("norm_of_control") and _rests_at_zero(risk):
        raise InputError(
            f"[start] at zero the gradient of a {model.__name__} with these layers vanishes, so nothing would be "
            f"trained. Write norm_of_control = 1.0, say, below [start]."
        )
    return risk


def _rests_at_zero(risk: Risk) -> bool:
    """Whether no direction changes the output of the zero control, though another output would be better."""
    point = risk.at(risk.space.zeros())
    return not np.any(point.gradient) and bool(np.any(risk.loss.gradient(point.output)))


def _rows(folder, file=None, columns=None, values=None) -> np.ndarray:
    """One point a row, from a CSV file or written out."""
    if (file is None) == (values is None):
        raise InputError("give either a file or values, one point per row.")
    if file is not None:
        return read_csv(folder / text("file", file), columns)[0]
    try:
        rows = np.array(values)
    except ValueError:
        rows = np.empty(0)
    if rows.ndim != 2 or rows.dtype.kind not in "fi":
        raise InputError("values must be a list of rows of numbers of equal length, such as [[0.0, 1.0], [1.0, 0.0]].")
    return rows


def _family(table: dict, inputs) -> RandomFourierFeatures | KernelField | Perceptrons:
    """Features, perceptrons, or a kernel with the inputs as centres unless others are given."""
    kind = kind_of("field", table, FIELDS, "GaussianKernel")
    if kind is Perceptrons:
        return call(kind, "field", table)
    if kind is RandomFourierFeatures:
        return call(kind, "field", table, dimension=inputs.shape[1])
    centres = table.pop("centres", inputs)
    return call(KernelField, "field", {}, kernel=call(kind, "field", table), centres=centres)


OF_FIELDS = (RandomFourierFeatures, GaussianKernel, MaternKernel, Perceptrons)
FIELDS: dict[str, Callable] = {kind.__name__: kind for kind in OF_FIELDS}
