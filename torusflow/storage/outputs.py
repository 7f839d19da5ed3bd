"""What of its outputs a run file keeps: a model on a grid makes them of the control anew."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..backends import to_host
from ..model import Layered
from .mappings import checked_checkpoint
from .reading import readable

# The states of a checkpoint.
STATES = ("state", "best")


def kept_of(model, result, checkpoint: dict, densities: bool) -> tuple[Any, Any, dict]:
    """Of a descent the result, the trajectory and the checkpoint as they are stored, with densities or without."""
    if densities:
        return result, model.trajectory(result.control) if isinstance(model, Layered) else None, checkpoint
    lean = dict(checkpoint)
    for name in STATES:
        if name in checkpoint and _is_made(model, checkpoint[name]):
            lean[name] = {key: value for key, value in checkpoint[name].items() if key != "output"}
    return dataclasses.replace(result, output=None), None, lean


def _is_made(model, state: dict) -> bool:
    """Whether the model makes the output of the control to the last bit; of `GreedyDescent`, by layers, it does not."""
    made = np.array_equal(to_host(model(state["control"])), to_host(state["output"]))
    return all(model.torus.everyone(made))


def completed(path, checkpoint: dict, risk, method, densities: bool) -> dict:
    """A checkpoint read from a file, with the outputs that it lacks; an InputError where no descent can go on from it.

    Parameters
    ----------
    path : str or path
    checkpoint : dict
    risk, method
        That go on.
    densities : bool
        Whether the file keeps them.
    """
    model: Any = risk.model
    with readable(path):
        checkpoint = checked_checkpoint(checkpoint, risk.space, model.output_space, method, densities)
    if "substeps" in checkpoint and not densities:
        model = dataclasses.replace(model, substeps=checkpoint["substeps"])
    for name in STATES:
        if name in checkpoint and "output" not in checkpoint[name]:
            checkpoint[name]["output"] = to_host(model(checkpoint[name]["control"]))
    return checkpoint
