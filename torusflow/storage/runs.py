"""Runs read back from their files."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import h5py
import numpy as np

from ..encoding import decode
from ..errors import InputError
from ..torus.coordinates import Coordinates
from .images import opened, plain, read_image
from .layout import FORMAT, FORMAT_VERSION, RESERVED
from .references import Reference, read_references


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

    risk: object
    method: object
    control: np.ndarray
    output: np.ndarray
    trajectory: np.ndarray | None
    history: dict[str, np.ndarray]
    status: str
    coordinates: Coordinates
    attributes: dict
    references: dict[str, Reference] = dataclasses.field(default_factory=dict)
    validation: object | None = None
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
        If it is no run file, damaged, or of a format newer than this version of torusflow.
    """
    try:
        image = read_image(path)
        with opened(image) as file:
            checked_format(file, path)
            return _read(file)
    except InputError:
        raise
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not a readable run file: {plain(error)}.") from None


def checked_format(file, path) -> None:
    """Raise an InputError unless the file is a run that this version of torusflow reads."""
    name = repr(str(path))
    if file.attrs.get("format") != FORMAT:
        raise InputError(f"{name} is an HDF5 file, but not one that torusflow wrote.")
    version = file.attrs["format_version"]
    if version > FORMAT_VERSION:
        raise InputError(
            f"{name} has format {version}, this torusflow reads up to {FORMAT_VERSION}. Install a newer one."
        )


def _read(file) -> Run:
    problem, seen = file["problem"], {}
    risk, control = decode(problem["risk"], seen), file["control"][...]
    if risk.space.dtype.kind == "c":
        control = control[..., 0] + 1j * control[..., 1]
    history = {
        name: data[...]
        for name, data in file.items()
        if name not in RESERVED
        and isinstance(data, h5py.Dataset)
        and not data.is_scale
        and data.dims[0].keys() == ["iteration"]
    }
    return Run(
        risk=risk,
        method=decode(problem["method"], seen),
        control=control,
        output=file["output"][...],
        trajectory=file["trajectory"][...] if "trajectory" in file else None,
        history=history,
        status=str(file.attrs["status"]),
        coordinates=decode(problem["coordinates"], seen),
        attributes={key: file.attrs[key] for key in ("format_version", "created", "versions")},
        references=read_references(file),
        validation=decode(problem["validation"], seen) if "validation" in problem else None,
        limits=json.loads(problem.attrs.get("limits", "{}")),
    )
