"""Problems on points and matrices: [inputs], [targets], [model], [field] and [loss]."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import losses
from ..errors import InputError
from ..models.features import RandomFourierFeatures
from ..models.kernels import GaussianKernel, KernelField, MaternKernel
from ..models.linear import LinearNetwork, LinearNODE, LinearResNet
from ..models.resnet import ACTIVATIONS, ResNet
from ..models.rkhs_node import RKHSNODE
from ..models.torus_node import TorusNODE
from ..risk import Risk
from ..storage.csv_tables import read_csv
from ..torus.sobolev import SobolevMetric
from .tables import call, kind_of, text

# Which argument of each model takes the inputs; those called X take one input a column.
MODELS = {kind.__name__: kind for kind in (LinearNetwork, LinearResNet, LinearNODE, ResNet, RKHSNODE, TorusNODE)}
LOSSES = {kind.__name__: kind for kind in (losses.SquaredDistance, losses.GeodesicDistance)}


def points_risk(table: dict, folder: Path) -> Risk:
    """The risk of a model that acts on points, with one input and one target a row.

    Parameters
    ----------
    table : dict
        All tables of the problem, empty where not given; keys are taken out.
    folder : path
        What file names are relative to.
    """
    model_kind = kind_of("model", table["model"], MODELS, None)
    for name, owner in (("field", RKHSNODE), ("metric", TorusNODE)):
        if table[name] and model_kind is not owner:
            raise InputError(
                f"[{name}] does not go with a {model_kind.__name__}; it is for a {owner.__name__}. Remove it."
            )
    inputs = call(_rows, "inputs", table["inputs"], folder=folder)
    targets = call(_rows, "targets", table["targets"], folder=folder)
    argument = next(iter(inspect.signature(model_kind).parameters))
    columns = argument == "X"
    given = {argument: inputs.T if columns else inputs}
    if model_kind is RKHSNODE:
        given["family"] = _family(table["field"], inputs)
    if model_kind is TorusNODE:
        given["metric"] = call(SobolevMetric, "metric", table["metric"])
    model = call(model_kind, "model", table["model"], **given)
    if _rests_at_zero(model) and not table["start"].get("norm_of_control"):
        raise InputError(
            f"[start] at zero the gradient of a {model_kind.__name__} with these layers vanishes, so nothing would be "
            f"trained. Write norm_of_control = 1.0, say, below [start]."
        )
    loss_kind = kind_of("loss", table["loss"], LOSSES, "SquaredDistance")
    loss = call(loss_kind, "loss", table["loss"], targets=targets.T if columns else targets)
    return call(Risk, "risk", table["risk"], model=model, loss=loss)


def _rests_at_zero(model) -> bool:
    """Whether every layer is a product whose factors are all zero at the zero control."""
    if isinstance(model, ResNet):
        return model.inner is None and not np.any(ACTIVATIONS[model.activation].value(np.zeros(1)))
    return isinstance(model, LinearNetwork) and len(model.widths) > 1


def _rows(folder, file=None, columns=None, values=None) -> np.ndarray:
    """One point a row, from a CSV file or written out."""
    if (file is None) == (values is None):
        raise InputError("give either a file or values, one point a row.")
    if file is not None:
        return read_csv(folder / text("file", file), columns)[0]
    try:
        rows = np.array(values)
    except ValueError:
        rows = np.empty(0)
    if rows.ndim != 2 or rows.dtype.kind not in "fi":
        raise InputError("values must be a list of rows of numbers of equal length, such as [[0.0, 1.0], [1.0, 0.0]].")
    return rows


def _family(table: dict, inputs) -> RandomFourierFeatures | KernelField:
    """Features, or a kernel with the inputs as centres unless others are given."""
    kind = kind_of("field", table, FIELDS, "GaussianKernel")
    if kind is RandomFourierFeatures:
        return call(kind, "field", table, dimension=inputs.shape[1])
    centres = table.pop("centres", inputs)
    return call(KernelField, "field", {}, kernel=call(kind, "field", table), centres=centres)


FIELDS: dict[str, Callable] = {kind.__name__: kind for kind in (RandomFourierFeatures, GaussianKernel, MaternKernel)}
