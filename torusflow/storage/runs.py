"""Runs read back from their files."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from ..errors import InputError
from ..model import Layered
from ..risk import Risk
from ..torus.coordinates import Coordinates
from .classes import Unknown, known_classes, missing_classes, unknown_names
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
        Ready to evaluate, with its model and loss. Where `load` was not given one of their classes, risk or method is a
        placeholder, and says which class is missing when it is used.
    method : Method
    control : array
        The last control, an element of ``risk.space``.
    output : array
    trajectory : array (layers + 1, ...) or None
        The density or the points at the ends of the layers; None for models that have none.
    history : dict of str to array (iterations + 1,)
    status : str
    coordinates : Coordinates
    attributes : dict
        Versions, date, format; notes, where there are some.
    references : dict of str to Reference
        What `add_reference` has put beside the run.
    validation : Risk or None
        On data that training does not see.
    limits : dict
        Limits that `descend` was called with.
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


def load(path, classes=(), device: str = "cpu") -> Run:
    """Read a run file.

    A file never imports anything: objects of classes of your own come back where these are given.

    Parameters
    ----------
    path : str or path
    classes : sequence of types or modules, optional
        Your own classes that the run was stored with: losses, models, metrics, methods; a module stands for all
        dataclasses defined in it, a package for those that it offers. Without them control, output and history are
        read, with a warning.
    device : str, optional
        Where it goes on, as that of a `Torus`: risk and control are made there, wherever the run was computed.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If it is not a run file, damaged, or of a format newer than this version of torusflow; or if it holds what no
        run holds: then it says where, and has read no more. If classes are given, but not all that the file has.
    """
    run, names = read_run(path, classes, device)
    if names:
        warnings.warn(f"{missing_classes(str(path), names)} Control, output and history are there.", stacklevel=2)
    return run


def read_run(path, classes=(), device: str = "cpu") -> tuple[Run, list[str]]:
    """A run as `load` gives it, and the names of the classes that were not given."""
    known = known_classes(classes)
    with opened_run(path) as file:
        names = unknown_names(part(file, "problem", h5py.Group), known)
        if names and classes:
            given = ", ".join(name for name in known if ":" in name) or "none of your own"
            raise InputError(f"{missing_classes(str(path), names)} Given were {given}.")
        return _read(file, str(path), known, device), names


def _read(file, path: str, known: dict, device: str) -> Run:
    problem = _Problem(file["problem"], path, known, device)
    risk = problem.made("risk", Risk)
    fields = _fields(file, risk)
    control = fields["control"][...]
    if _is_complex(file, risk):
        control = control[..., 0] + 1j * control[..., 1]
    output = fields["output"][...]
    trajectory = fields["trajectory"][...] if "trajectory" in fields else None
    for name, values in (("output", output), ("trajectory", trajectory)):
        if values is not None and not np.all(np.isfinite(values)):
            raise PlaceError(name, "not all of its numbers are finite")
    return Run(
        risk=risk,
        method=problem.method(),
        control=_element(risk, control),
        output=output,
        trajectory=trajectory,
        history=_history(file, risk, fields, output),
        status=text(file, "status"),
        coordinates=problem.made("coordinates", Coordinates),
        attributes={"format_version": file.attrs["format_version"]}
        | {key: text(file, key) for key in ("created", "versions", "notes") if key != "notes" or key in file.attrs},
        references=read_references(file),
        validation=problem.made("validation", Risk) if "validation" in problem.group else None,
        limits=_limits(problem.group) if "limits" in problem.group.attrs else {},
    )


def _fields(file, risk) -> dict[str, h5py.Dataset]:
    """The fields by name, not yet read; a PlaceError where one is missing, or of a shape that the model has not."""
    if isinstance(risk, Unknown):
        return {name: array(file, name, None) for name in FIELDS if name in file or name in ("control", "output")}
    model, space, output = risk.model, risk.space, risk.model.output_space.shape
    shapes = {"control": (*space.shape, 2) if space.dtype.kind == "c" else space.shape, "output": output}
    if isinstance(model, Layered):
        shapes["trajectory"] = (model.layers + 1, *output)
    fields = {name: array(file, name, shape) for name, shape in shapes.items()}
    return fields | {name: array(file, name, output) for name in ("initial", "target") if name in file}


def _is_complex(file, risk) -> bool:
    """Whether the last axis of the control is that of real and imaginary parts."""
    if isinstance(risk, Unknown):
        return array(part(file, "checkpoint", h5py.Group), "start", None, "fiuc").dtype.kind == "c"
    return risk.space.dtype.kind == "c"


def _history(file, risk, fields, output) -> dict[str, np.ndarray]:
    """The columns, and nothing else but axes beside the fields."""
    rows = len(array(file, "risk", (None,)))
    longest = max(rows, 2, *(length for data in fields.values() for length in data.shape))
    history = {}
    for name, data in file.items():
        if not isinstance(data, h5py.Dataset) or name in FIELDS:
            continue
        if "CLASS" in data.attrs:
            if data.ndim != 1 or len(data) > longest + 1:
                raise PlaceError(name, f"it is not an axis of a field, it has shape {data.shape}")
        elif not (name.isidentifier() and name.isascii()):
            raise PlaceError(name, "it is neither a field nor a column of the history")
        else:
            history[name] = array(file, name, (rows,))[...]
    described = () if isinstance(risk, Unknown) else risk.model.output_space.describe(output)
    missing = [name for name in (*COLUMNS, *described) if name not in history]
    if missing or not rows:
        raise PlaceError("the history", f"it has no {missing[0]!r}" if missing else "it has no rows")
    return history


def _element(risk, control) -> np.ndarray:
    try:
        return control if isinstance(risk, Unknown) else risk.space.element(control)
    except InputError as error:
        raise PlaceError("control", str(error)) from None


class _Problem:
    """The objects that a run was made of."""

    def __init__(self, group: h5py.Group, path: str, known: dict, device: str):
        self.group, self._path, self._known, self._seen, self._device = group, path, known, {}, device

    def made(self, name: str, kind: type) -> Any:
        """One of them; `Unknown` where a class is missing."""
        found = part(self.group, name, h5py.Group)
        names = unknown_names(found, self._known)
        if names:
            return Unknown(self._path, names)
        thing = decode(found, self._seen, self._known, self._device)
        if not isinstance(thing, kind):
            raise PlaceError(f"problem/{name}", f"it is a {type(thing).__name__}, not a {kind.__name__}")
        return thing

    def method(self):
        method = self.made("method", object)
        if not isinstance(method, Unknown) and not (hasattr(method, "init") and hasattr(method, "update")):
            raise PlaceError("problem/method", f"a {type(method).__name__} is not a method of descent")
        return method


def _limits(problem) -> dict:
    limits = read_json(problem, "limits")
    good = isinstance(limits, dict) and all(isinstance(value, int | float) for value in limits.values())
    if not good or not set(limits) <= set(LIMITS):
        raise PlaceError("problem.limits", f"they must be numbers called {', '.join(LIMITS)}")
    return limits
