"""What models promise that can do more than a model must; those that cannot pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..model import (
    Coarsenable,
    Described,
    HasDensity,
    Layered,
    Model,
    OnPoints,
    Refinable,
    Restartable,
    Subsampled,
    sample_axis,
)
from .trials import require

# Between two ways to one output that are not the same sums, relative: fields at points are exact to 1e-12.
CLOSE = 1e-9
SAMPLES, LONGEST_LABEL = 5, 10


def trajectory(trial) -> None:
    """It leads from one start, by as many steps as there are layers, to the output."""
    model, w = cast(Model, trial.model), trial.control
    if not isinstance(model, Layered):
        return
    path, shape = model.trajectory(w), (model.layers + 1, *model.output_space.shape)
    require(
        np.shape(path) == shape,
        f"trajectory(w) has shape {np.shape(path)}; it should be (layers + 1, *output) = {shape}.",
    )
    require(np.array_equal(path[-1], model(w)), "trajectory(w)[-1] is not model(w) to the last bit.")
    start = model.trajectory(model.space.zeros())[0]
    require(np.array_equal(path[0], start), "trajectory(w)[0], where it starts, depends on the control.")


def parts(trial) -> None:
    """The model on some of the samples gives their outputs."""
    model, w = cast(Model, trial.model), trial.control
    if not isinstance(model, Subsampled):
        return
    output, axis = model(w), sample_axis(model)
    rows = np.arange(output.shape[axis])[::-2]
    where = f"{':, ' * axis}rows"
    _require_close(model.part(rows)(w), np.take(output, rows, axis), f"part(rows)(w) is not model(w)[{where}].")


def restarts(trial) -> None:
    """The model that starts from an output has one layer, and stays there with the control zero."""
    model, w = cast(Model, trial.model), trial.control
    if not isinstance(model, Restartable):
        return
    output = np.array(model(w))
    one = model.restarted(output)
    require(one.space.shape[0] == 1, f"restarted(output) has controls {one.space.shape}; it should have one layer.")
    _require_close(one(one.space.zeros()), output, "restarted(output) at the control zero does not give that output.")


def coarser_models(trial) -> None:
    """The next coarser model is one, or None."""
    model = cast(Model, trial.model)
    coarser = model.coarser() if isinstance(model, Coarsenable) else None
    if coarser is None:
        return
    require(
        isinstance(coarser, Model),
        f"coarser() gives {coarser!r}; it should give a model of half the resolution, or None.",
    )
    size, coarse_size = (np.prod(one.space.shape) for one in (model, coarser))
    require(
        coarse_size < size,
        f"coarser() has controls of {coarse_size} numbers, this model {size}: it is not coarser.",
    )
    require(np.all(np.isfinite(coarser(coarser.space.zeros()))), "coarser() gives a model that is not finite at zero.")


def finer_steps(trial) -> None:
    """With more substeps it is the same model, computed more exactly."""
    model, w = cast(Model, trial.model), trial.control
    if not isinstance(model, Refinable):
        return
    finer, finest = (replace(cast(Any, model), substeps=factor * model.substeps) for factor in (2, 4))
    require(finer.space.shape == model.space.shape, "another number of substeps changes the space of controls.")
    near, far = (np.max(np.abs(finest(w) - one(w))) for one in (finer, model))
    require(
        near <= 0.6 * far or far <= CLOSE * np.max(np.abs(model(w))),
        f"with twice the substeps the output is {near:.2e} from that with four times as many, which is {far:.2e} from "
        f"the model's: it does not come closer to a limit.",
    )


def points(trial) -> None:
    """There are as many rows of inputs as of outputs."""
    model = cast(Model, trial.model)
    if not isinstance(model, OnPoints):
        return
    inputs, rows = np.shape(model.inputs), np.shape(model.rows(model(trial.control)))
    require(
        len(inputs) == len(rows) == 2 and inputs[0] == rows[0],
        f"inputs has shape {inputs} and rows(output) {rows}; they should be (N, d) and (N, e), one point per row.",
    )


def density(trial) -> None:
    """Samples lie on the torus, and have a density there."""
    model, w = cast(Model, trial.model), trial.control
    if not isinstance(model, HasDensity):
        return
    x = model.sample(w, SAMPLES, trial.rng)
    require(
        np.ndim(x) == 2 and len(x) == SAMPLES and np.all((x >= 0) & (x < 1)),
        f"sample(w, {SAMPLES}, rng) gives an array {np.shape(x)}; it should give {SAMPLES} points in [0, 1), as rows.",
    )
    scores = model.log_density(w, x)
    require(
        np.shape(scores) == (SAMPLES,) and np.all(np.isfinite(scores)),
        f"log_density(w, points) of {SAMPLES} samples gives an array {np.shape(scores)}, or not only numbers.",
    )


def description(trial) -> None:
    """Short texts by short labels."""
    if not isinstance(trial.model, Described):
        return
    said = trial.model.describe()
    good = isinstance(said, dict) and all(
        isinstance(label, str) and len(label) <= LONGEST_LABEL and isinstance(text, str) for label, text in said.items()
    )
    require(good, f"describe() gives {said!r}; it should give texts by labels of at most {LONGEST_LABEL} letters.")


def _require_close(found, expected, words: str) -> None:
    found = np.asarray(found)
    same = found.shape == expected.shape
    gap = np.max(np.abs(found - expected)) if same else np.inf
    require(same and gap <= CLOSE * np.max(np.abs(expected)), f"{words} They differ by {gap:.2e}.")
