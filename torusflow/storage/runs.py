"""Runs read back from their files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from ..errors import InputError
from ..risk import Risk
from ..torus.coordinates import Coordinates
from .encoding import PlaceError, decode, read_json
from .reading import array, opened_run, part, text
from .references import Reference, read_references

FIELDS = ("control", "output", "trajectory", "initial", "target")
# Of the history, which everything that is said and drawn of a run takes for granted.
COLUMNS = ("risk", "gradient_norm", "control_norm", "pl_ratio", "step", "time", "seconds")
LIMITS = ("iterations", "gradient_tolerance", "risk_tolerance", "max_time", "patience", "refine")


@dataclass(frozen=True, eq=False)
class Run:
    """A run read back from its file.

    Attributes
    ----------
    risk : Risk
        Ready to evaluate, with its model and loss.
    method : Method
    control : array
        The last one; an element of ``risk.space``.
    output : array
    trajectory : array (layers + 1, ...) or None
        The density or the points at the ends of the layers; None for models that have none.
    history : dict of str to array (iterations + 1,)
    status : str
    coordinates : Coordinates
    attributes : dict
        Versions, date, format.
    references : dict of str to Reference
        What `add_reference` has put beside the run.
    validation : Risk or None
        On data that training does not see.
    limits : dict
        Those that `descend` was called with.
    """

    risk: Risk
    method: Any
    control: np.ndarray
    output: np.ndarray
    trajectory: np.ndarray | None
    history: dict[str, np.ndarray]
    status: str
    coordinates: Coordinates
    attributes: dict
    references: dict[str, Reference] = dataclasses.field(default_factory=dict)
    validation: Risk | None = None
    limits: dict = dataclasses.field(default_factory=dict)


def load(path) -> Run:
    """Read a run file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If it is no run file, damaged, or of a format newer than this version of torusflow; or if it holds what no run
        holds: then it says where, and has read no more than that.
    """
    with opened_run(path) as file:
        return _read(file)


def _read(file) -> Run:
    problem, seen = part(file, "problem", h5py.Group), {}
    risk = _part_made(problem, "risk", seen, Risk)
    fields = _fields(file, risk)
    control = fields["control"][...]
    if risk.space.dtype.kind == "c":
        control = control[..., 0] + 1j * control[..., 1]
    output = fields["output"][...]
    trajectory = fields["trajectory"][...] if "trajectory" in fields else None
    for name, values in (("output", output), ("trajectory", trajectory)):
        if values is not None and not np.all(np.isfinite(values)):
            raise PlaceError(name, "not all of its numbers are finite")
    return Run(
        risk=risk,
        method=_method(problem, seen),
        control=_element(risk, control),
        output=output,
        trajectory=trajectory,
        history=_history(file, risk, output),
        status=text(file, "status"),
        coordinates=_part_made(problem, "coordinates", seen, Coordinates),
        attributes={"format_version": file.attrs["format_version"]}
        | {key: text(file, key) for key in ("created", "versions")},
        references=read_references(file),
        validation=_part_made(problem, "validation", seen, Risk) if "validation" in problem else None,
        limits=_limits(problem) if "limits" in problem.attrs else {},
    )


def _fields(file, risk) -> dict[str, h5py.Dataset]:
    """The fields by name, not yet read; a PlaceError where one is missing, or of a shape that the model has not."""
    model, space, output = risk.model, risk.space, risk.model.output_space.shape
    shapes = {"control": (*space.shape, 2) if space.dtype.kind == "c" else space.shape, "output": output}
    if hasattr(model, "trajectory"):
        shapes["trajectory"] = (model.layers + 1, *output)
    fields = {name: array(file, name, shape) for name, shape in shapes.items()}
    return fields | {name: array(file, name, output) for name in ("initial", "target") if name in file}


def _history(file, risk, output) -> dict[str, np.ndarray]:
    """The columns, and nothing else but axes beside the fields."""
    rows = len(array(file, "risk", (None,)))
    longest = max(rows, *risk.space.shape, *risk.model.output_space.shape, 2)
    history = {}
    for name, data in file.items():
        if not isinstance(data, h5py.Dataset) or name in FIELDS:
            continue
        if "CLASS" in data.attrs:
            if data.ndim != 1 or len(data) > longest + 1:
                raise PlaceError(name, f"it is no axis of a field, it has shape {data.shape}")
        elif not (name.isidentifier() and name.isascii()):
            raise PlaceError(name, "it is neither a field nor a column of the history")
        else:
            history[name] = array(file, name, (rows,))[...]
    missing = [name for name in (*COLUMNS, *risk.model.output_space.describe(output)) if name not in history]
    if missing or not rows:
        raise PlaceError("the history", f"it has no {missing[0]!r}" if missing else "it has no rows")
    return history


def _element(risk, control) -> np.ndarray:
    try:
        return risk.space.element(control)
    except InputError as error:
        raise PlaceError("control", str(error)) from None


def _part_made(problem, name: str, seen: dict, kind: type):
    thing = decode(part(problem, name, h5py.Group), seen)
    if not isinstance(thing, kind):
        raise PlaceError(f"problem/{name}", f"it is a {type(thing).__name__}, not a {kind.__name__}")
    return thing


def _method(problem, seen: dict):
    method = _part_made(problem, "method", seen, object)
    if not hasattr(method, "init") or not hasattr(method, "update"):
        raise PlaceError("problem/method", f"a {type(method).__name__} is no method of descent")
    return method


def _limits(problem) -> dict:
    limits = read_json(problem, "limits")
    good = isinstance(limits, dict) and all(isinstance(value, int | float) for value in limits.values())
    if not good or not set(limits) <= set(LIMITS):
        raise PlaceError("problem.limits", f"they must be numbers called {', '.join(LIMITS)}")
    return limits
