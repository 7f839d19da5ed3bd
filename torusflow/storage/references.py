"""Solutions of limiting equations beside a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from ..display import OneLine
from ..errors import InputError
from .arrays import grid_axes
from .contents import write_field, write_scale
from .encoding import PlaceError, whole
from .reading import array, changed_run, part, text
from .whole_files import locked


@dataclass(frozen=True, eq=False)
class Reference(OneLine):
    """A solution of the limiting equation beside a run, on its time axis.

    Attributes
    ----------
    name : str
        "porous-medium" or "tangent-flow".
    solver : str
        What computed it, in words.
    times : array (n_times,)
        Training times.
    density : array (n_times, *n)
    risk : array (n_times,)
        The run's risk of these densities.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> store = tfl.RunFile('run.h5', overwrite=True)
    >>> found = tfl.descend(risk, start, tfl.LBFGS(), 5, store=store)
    >>> import numpy as np
    >>> reference = tfl.Reference('by hand', 'none', np.array([0.0, 0.1]), np.ones((2, 32)), np.array([0.1, 0.1]))
    >>> tfl.add_reference('run.h5', reference)
    >>> list(tfl.load('run.h5').references)
    ['by hand']
    """

    name: str
    solver: str
    times: np.ndarray
    density: np.ndarray
    risk: np.ndarray


def add_reference(path, reference: Reference) -> None:
    """Add a reference to a run file; one of the same name is replaced.

    Parameters
    ----------
    path : str or path
        Of a run on densities.
    reference : Reference

    Raises
    ------
    InputError
        If the file is not a run, another process is writing it, or it cannot be written; the run stays as it was.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> store = tfl.RunFile('run.h5', overwrite=True)
    >>> found = tfl.descend(risk, start, tfl.LBFGS(), 5, store=store)
    >>> import numpy as np
    >>> reference = tfl.Reference('by hand', 'none', np.array([0.0, 0.1]), np.ones((2, 32)), np.array([0.1, 0.1]))
    >>> tfl.add_reference('run.h5', reference)
    >>> len(tfl.load('run.h5').references)
    1
    """
    with locked(path):
        put_reference(path, reference)


def put_reference(path, reference: Reference) -> None:
    """Like `add_reference`, for callers that hold the lock of the file."""
    with changed_run(path) as file:
        model: Any = file["problem/risk/model"]
        if "torus" not in model:
            raise InputError(f"{str(path)!r} is not a run on densities, so no density can be set beside it.")
        write_reference(file, reference)


def write_reference(file, reference: Reference) -> None:
    """Into an open run file; one of the same name is replaced."""
    references = file.require_group("reference")
    if reference.name in references:
        del references[reference.name]
    group = references.create_group(reference.name)
    group.attrs.update({"solver": reference.solver, "long_name": "what the limiting equation makes of the start"})
    write_scale(group, "time", reference.times, "1", "training time")
    axes = [f"/{name}" for name in grid_axes(file)]
    unit = "1 (relative to the uniform density)"
    write_field(group, "density", ["time", *axes], reference.density, unit, f"density by {reference.solver}")
    write_field(group, "risk", ["time"], reference.risk, "1", "risk of the run at these densities")


def read_references(file, read: Callable[[h5py.Dataset], np.ndarray] = whole) -> dict[str, Reference]:
    """The references in an open run file, by name; a PlaceError where there is something else."""
    references = part(file, "reference", h5py.Group) if "reference" in file else {}
    groups = {str(name): part(references, str(name), h5py.Group) for name in references}
    return {name: _reference(name, group, _grid(file), read) for name, group in groups.items()}


def _grid(file) -> tuple[int, ...]:
    """The shape of the densities of a run, which it need not hold."""
    if "output" in file:
        return part(file, "output", h5py.Dataset).shape
    return tuple(len(array(file, name, (None,))) for name in grid_axes(file))


def _reference(name: str, group, output: tuple[int, ...], read) -> Reference:
    times = read(array(group, "time", (None,)))
    density = read(array(group, "density", (len(times), *output)))
    risk = read(array(group, "risk", (len(times),)))
    if not len(times) or not all(np.all(np.isfinite(values)) for values in (times, density, risk)):
        raise PlaceError(group.name, "there is nothing in it, or not all of its numbers are finite")
    return Reference(name, text(group, "solver"), times, density, risk)
