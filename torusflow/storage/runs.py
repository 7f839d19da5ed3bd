"""Runs read back from their files."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ..backends import to_host
from ..display import Pictured, pictures
from ..errors import InputError, NumericalError
from ..model import Layered
from ..risk import Risk
from ..torus.coordinates import Coordinates
from ..torus.density import FunctionSpace
from .classes import Unknown, known_classes, missing_classes, unknown_names
from .contents import WITHOUT_DENSITIES
from .datasets import dataset_of, history_of, points_of
from .encoding import PlaceError, Reader, decode, read_json
from .reading import array, opened_run, part, text
from .references import Reference, read_references
from .shared_reading import shared_run

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

FIELDS = ("control", "output", "trajectory", "initial", "target")
# Of the history, which everything that is said and drawn of a run takes for granted.
COLUMNS = ("risk", "gradient_norm", "control_norm", "pl_ratio", "step", "time", "seconds")
# Attributes that not every file has.
OPTIONAL = ("notes", *WITHOUT_DENSITIES)
LIMITS = ("iterations", "gradient_tolerance", "risk_tolerance", "max_time", "patience", "refine")


@dataclass(frozen=True, eq=False)
class Run(Pictured):
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
        Made anew by the model where the file keeps no densities (`RunFile`); then None without the model's class.
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

    Examples
    --------
    >>> run = tfl.load("run.h5")  # doctest: +SKIP
    >>> run.to_dataframe().plot(y="risk", logy=True)  # doctest: +SKIP
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

    def to_xarray(self) -> Dataset:
        """The arrays of the run as a dataset of xarray, with axes and units as in its file (`open_dataset`).

        Raises
        ------
        InputError
            If xarray is not there, `load` was not given the model's class, or processes share the run.
        """
        return dataset_of(self)

    def to_dataframe(self, what: str = "history") -> DataFrame:
        """The history as a data frame of pandas, a row per iteration; or the points of a run on points.

        Parameters
        ----------
        what : {"history", "points"}
            Points have a row for each of them at the end of each layer, indexed by ``s`` and ``point``, in columns
            ``x_1``, ``x_2``, ...; of models without layers only those that come out.

        Raises
        ------
        InputError
            If pandas is not there, or the model moves no points.
        """
        if what not in ("history", "points"):
            raise InputError(f"to_dataframe makes a table of 'history' or 'points', got {what!r}.")
        return history_of(self) if what == "history" else points_of(self)

    def plot(self, figure=None):
        """What was fitted, how it moves and the course of the descent; returns the figure.

        Parameters
        ----------
        figure : Figure or SubFigure, optional
            To draw into; else one of its own. See `torusflow.plotting.plot_run`.
        """
        return pictures().plot_run(self, figure)


def load(path, classes=(), device: str = "cpu", comm=None) -> Run:
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
    comm : communicator of mpi4py, optional
        Its processes, which all call this, share the grid of the run as that of a `Torus`: control, output, trajectory
        and references are the parts here. The first process reads the file, and has no whole array of it.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If it is not a run file, damaged, or of a format newer than this version of torusflow; or if it holds what no
        run holds: then it says where, and has read no more. If classes are given, but not all that the file has.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> store = tfl.RunFile('run.h5', overwrite=True)
    >>> found = tfl.descend(risk, start, tfl.LBFGS(), 5, store=store)
    >>> run = tfl.load('run.h5')
    >>> run.risk(run.control) == found.value
    True
    """
    run, names = read_run(path, classes, device, comm)
    if names:
        warnings.warn(f"{missing_classes(str(path), names)} Control, output and history are there.", stacklevel=2)
    return run


def read_run(path, classes=(), device: str = "cpu", comm=None) -> tuple[Run, list[str]]:
    """A run as `load` gives it, and the names of the classes that were not given."""
    known = known_classes(classes)
    with contextlib.ExitStack() as stack:
        if comm is None:
            file, reader = stack.enter_context(opened_run(path)), Reader(device)
        else:
            file, reader = stack.enter_context(shared_run(path, comm))
        names = unknown_names(part(file, "problem", h5py.Group), known)
        if names and classes:
            given = ", ".join(name for name in known if ":" in name) or "none of your own"
            raise InputError(f"{missing_classes(str(path), names)} Given were {given}.")
        return _read(file, str(path), known, reader), names


def _read(file, path: str, known: dict, reader: Reader) -> Run:
    problem = _Problem(file["problem"], path, known, reader)
    risk = problem.made("risk", Risk)
    fields = _fields(file, risk)
    control = reader.array(fields["control"])
    if _is_complex(file, risk):
        control = control[..., 0] + 1j * control[..., 1]
    control = _element(risk, control)
    if "output" in fields:
        output = reader.array(fields["output"])
        trajectory = reader.array(fields["trajectory"]) if "trajectory" in fields else None
    else:
        output, trajectory = _made(risk, control)
    for name, values in (("output", output), ("trajectory", trajectory)):
        if values is not None and not np.all(np.isfinite(values)):
            raise PlaceError(name, "not all of its numbers are finite")
    return Run(
        risk=risk,
        method=problem.method(),
        control=control,
        output=output,
        trajectory=trajectory,
        history=_history(file, risk, fields, output, reader),
        status=text(file, "status"),
        coordinates=problem.made("coordinates", Coordinates),
        attributes={"format_version": file.attrs["format_version"]}
        | {
            key: text(file, key)
            for key in ("created", "versions", *OPTIONAL)
            if key not in OPTIONAL or key in file.attrs
        },
        references=read_references(file, reader.array),
        validation=problem.made("validation", Risk) if "validation" in problem.group else None,
        limits=_limits(problem.group) if "limits" in problem.group.attrs else {},
    )


def _fields(file, risk) -> dict[str, h5py.Dataset]:
    """The fields by name, not yet read; a PlaceError where one is missing, or of a shape that the model has not."""
    needed = ("control",) if WITHOUT_DENSITIES.keys() <= file.attrs.keys() else ("control", "output")
    if isinstance(risk, Unknown):
        return {name: array(file, name, None) for name in FIELDS if name in file or name in needed}
    model, space, outputs = risk.model, risk.space, risk.model.output_space
    control = getattr(space, "whole_shape", space.shape)
    output = outputs.torus.shape if isinstance(outputs, FunctionSpace) else outputs.shape
    shapes = {"control": (*control, 2) if space.dtype.kind == "c" else control}
    if "output" in needed:
        shapes["output"] = output
        if isinstance(model, Layered):
            shapes["trajectory"] = (model.layers + 1, *output)
    fields = {name: array(file, name, shape) for name, shape in shapes.items()}
    return fields | {name: array(file, name, output) for name in ("initial", "target") if name in file}


def _made(risk, control) -> tuple[Any, Any]:
    """Output and trajectory of the model, which the file has not kept; None without the model's class."""
    if isinstance(risk, Unknown):
        return None, None
    model: Any = risk.model
    try:
        return to_host(model(control)), to_host(model.trajectory(control))
    except NumericalError as error:
        raise PlaceError("control", str(error)) from None


def _is_complex(file, risk) -> bool:
    """Whether the last axis of the control is that of real and imaginary parts."""
    if isinstance(risk, Unknown):
        return array(part(file, "checkpoint", h5py.Group), "start", None, "fiuc").dtype.kind == "c"
    return risk.space.dtype.kind == "c"


def _history(file, risk, fields, output, reader: Reader) -> dict[str, np.ndarray]:
    """The columns, and nothing else but axes beside the fields."""
    rows = len(array(file, "risk", (None,)))
    shapes = [np.shape(output), *(data.shape for data in fields.values())]
    longest = math.inf if output is None else max(rows, 2, *(length for shape in shapes for length in shape))
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
            history[name] = reader.array(array(file, name, (rows,)))
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

    def __init__(self, group: h5py.Group, path: str, known: dict, reader: Reader):
        self.group, self._path, self._known, self._seen, self._reader = group, path, known, {}, reader

    def made(self, name: str, kind: type) -> Any:
        """One of them; `Unknown` where a class is missing."""
        found = part(self.group, name, h5py.Group)
        names = unknown_names(found, self._known)
        if names:
            return Unknown(self._path, names)
        thing = decode(found, self._seen, self._known, self._reader)
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
