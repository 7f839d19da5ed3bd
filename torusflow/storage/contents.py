"""What a run file holds: HDF5 that describes itself, with the user's axes, and all that is needed to go on."""

from __future__ import annotations

import dataclasses
import datetime
import json
import platform
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

from ..backends import to_host
from ..model import Layered
from ..torus.density import Density, FunctionSpace, LogDensitySpace
from .encoding import encode
from .mappings import write_mapping
from .shared_array import SharedArray

FORMAT = "torusflow run"
FORMAT_VERSION = 2
# An attribute of files whose control must do for them.
WITHOUT_DENSITIES = {"densities": "not kept: the model makes them of the control"}

RESERVED = ("initial", "target", "output", "trajectory", "control", "problem", "checkpoint")
RESERVED += ("s", "layer", "component", "part", "iteration", "reference")
LONGEST_NAME = 200
HISTORY_NAMES = {
    "risk": "risk: loss + penalty/2 |v|^2",
    "validation": "risk on data that training does not see",
    "gradient_norm": "norm of the gradient of the risk in the control space",
    "control_norm": "norm of the control",
    "distance": "distance of the control from the start",
    "trajectory_length": "length of the way from the start: sum of the distances between iterates",
    "pl_ratio": "Polyak-Lojasiewicz ratio |gradient|^2 / (2 (risk - its least value))",
    "step": "step length that led to this iterate",
    "time": "training time: sum of the steps",
    "seconds": "wall time since the start",
    "mass": "mean of the density",
    "minimum": "smallest value of the density",
    "maximum": "largest value of the density",
    "log_mass": "logarithm of the mean of exp(output)",
    "lowest": "smallest value of the output",
    "highest": "largest value of the output",
    "tail": "share of the variance over the torus in the outer third of the modes",
    "substeps": "Runge-Kutta steps per layer",
}


def write_run(
    file, risk, method, result, coordinates, checkpoint: dict, validation, limits: dict, trajectory=None
) -> None:
    """A whole run in an open file; without output and trajectory where they are None."""
    _write(file, risk, method, result, trajectory, coordinates, validation, limits, write_field)
    write_mapping(file.create_group("checkpoint"), checkpoint)


def rehearse_run(file, risk, method, coordinates, validation, limits: dict, densities: bool = True) -> None:
    """All that a run will write but the numbers of its fields: only their names, axes and shapes.

    So it takes no more time and room than the encoding of the problem, however deep the network.
    """
    model, output_space = risk.model, risk.model.output_space
    output = _no_memory(output_space.shape) if densities else None
    trajectory = _no_memory((model.layers + 1, *output_space.shape)) if densities and on_densities(model) else None
    control = _no_memory(model.space.shape, model.space.dtype)
    result = _Rehearsed(control, output, {name: _no_memory((1,)) for name in HISTORY_NAMES})
    _write(file, risk, method, result, trajectory, coordinates, validation, limits, outline_field)


class _Rehearsed(NamedTuple):
    """The result of a descent that has not begun."""

    control: np.ndarray
    output: np.ndarray | None
    history: dict[str, np.ndarray]
    status: str = "running"


def _no_memory(shape, dtype=float) -> np.ndarray:
    return np.broadcast_to(np.zeros((), dtype), shape)


def on_densities(model) -> bool:
    """Whether a model moves densities, or logarithms of them, along a flow of its own.

    One that is linear in another's does not.
    """
    return isinstance(model.output_space, FunctionSpace) and isinstance(model, Layered)


def _write(file, risk, method, result, trajectory, coordinates, validation, limits, field) -> None:
    """All but the checkpoint; `field` writes a variable, or its outline."""
    file.attrs.update(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": json.dumps(_versions()),
            **describe_content(risk.model, result.status),
        }
    )
    if result.output is None and on_densities(risk.model):
        file.attrs.update(WITHOUT_DENSITIES)
    for variable in variables(risk, result, trajectory, coordinates):
        if variable.is_axis:
            write_scale(file, variable.name, variable.values, variable.units, variable.long_name)
        else:
            field(file, *variable)
    problem = file.create_group("problem")
    problem.attrs["long_name"] = "what load() needs to make the risk and the method again"
    problem.attrs["limits"] = json.dumps(limits)
    seen: dict = {}  # a validation may be of the same model
    for name, thing in (("risk", risk), ("method", method), ("coordinates", coordinates), ("validation", validation)):
        if dataclasses.is_dataclass(thing):
            encode(problem, name, thing, seen)


class Variable(NamedTuple):
    """An array of a run with its axes; one that is an axis itself has its own name as the only one."""

    name: str
    axes: list[str]
    values: Any
    units: str
    long_name: str

    @property
    def is_axis(self) -> bool:
        """Whether it names the places along an axis."""
        return self.axes == [self.name]


def describe_content(model, status: str) -> dict[str, str]:
    """What a person is told of a run, by name."""
    told = {"title": f"Descent of a {type(model).__name__}", "status": plain_text(status)}
    if on_densities(model):
        told["comment"] = "densities are relative to the uniform one (mean 1); the torus has side 1"
        told["transforms"] = model.torus.library
    return told


def variables(risk, result, trajectory, coordinates) -> Iterator[Variable]:
    """History and fields of a run, each axis before what lies along it; without an output where that is None."""
    yield _axis("iteration", np.arange(len(result.history["risk"])), "iteration of the descent")
    for key, values in result.history.items():
        yield Variable(key, ["iteration"], values, "s" if key == "seconds" else "1", HISTORY_NAMES.get(key, key))
    if on_densities(risk.model):
        yield from _on_the_grid(risk, result, trajectory, coordinates)
    else:
        yield from _numbered(result, trajectory)


def _axis(name, values, long_name, units="1") -> Variable:
    return Variable(name, [name], values, units, long_name)


def _on_the_grid(risk, result, trajectory, coordinates) -> Iterator[Variable]:
    """Densities and the velocity with the axes of the torus."""
    model = risk.model
    torus = model.torus
    axes = _axis_names(coordinates, torus.dimension, result.history)
    for axis, (name, n) in enumerate(zip(axes, torus.shape, strict=True)):
        unit = coordinates.unit(axis)
        points = np.arange(n) / n * coordinates.along(axis).period
        yield _axis(name, points, f"{coordinates.name(axis)} on the grid", unit if isinstance(unit, str) else "1")
    yield _axis("s", np.arange(model.layers + 1) / model.layers, "time of the flow at the ends of the layers")
    yield _axis("layer", np.arange(model.layers), "layer of the network; it acts for s in [layer, layer + 1] / layers")
    yield _axis("component", np.arange(torus.dimension), "component of the velocity")
    for name, k in zip(axes, map(to_host, model.space.wavenumbers), strict=True):
        yield _axis(f"k_{name}", k.ravel(), f"wavenumber along {name}, cycles per side of the torus")
    yield _axis("part", np.arange(2), "0: real part, 1: imaginary part")
    if result.output is not None:
        yield from _densities(risk, result.output, trajectory, axes)
    yield Variable(
        "control",
        ["layer", "component", *(f"k_{name}" for name in axes), "part"],
        _parts(result.control),
        "sides of the torus per unit of s",
        "Fourier coefficients of the velocity; those at -k are the complex conjugates of those at k",
    )


def _densities(risk, output, trajectory, axes) -> Iterator[Variable]:
    unit = "1 (relative to the uniform density)"
    initial = risk.model.initial
    yield Variable("initial", axes, initial.values, unit, f"initial density: {initial.name}")
    target = getattr(risk.loss, "target", None)
    if isinstance(target, Density):
        yield Variable("target", axes, target.values, unit, f"target density: {target.name}")
    what, path = "initial density pushed by the control", "density along the flow"
    if isinstance(risk.model.output_space, LogDensitySpace):
        unit, what = "1", "logarithm of the density that the control makes, up to a constant"
        path = "logarithm of the density along the flow, up to a constant"
    yield Variable("output", axes, output, unit, what)
    yield Variable("trajectory", ["s", *axes], trajectory, unit, path)


def _numbered(result, trajectory) -> Iterator[Variable]:
    """The control and the output of any other model, with numbered axes."""
    fields = {"control": (_parts(result.control), "control"), "output": (result.output, "output of the model")}
    if trajectory is not None:
        fields["trajectory"] = (trajectory, "points at the ends of the layers")
    for name, (values, long_name) in fields.items():
        axes = [f"{name}_{axis}" for axis in range(values.ndim)]
        for axis, n in zip(axes, values.shape, strict=True):
            yield _axis(axis, np.arange(n), f"axis of the {name}")
        yield Variable(name, axes, values, "1", long_name)


def _parts(control):
    """Complex numbers as pairs of real ones along a new last axis; a shared array has them so already."""
    if isinstance(control, SharedArray):
        return control
    return real_parts(to_host(control)) if np.iscomplexobj(control) else to_host(control)


def real_parts(control) -> np.ndarray:
    """The real and the imaginary parts along a new last axis."""
    return control[..., None].view(control.real.dtype)


def _axis_names(coordinates, dimension, columns) -> list[str]:
    """The user's names where they can name a variable of the file that nothing else is called."""
    names = [coordinates.name(axis).replace("/", "_") for axis in range(dimension)]
    all_names = [*names, *(f"k_{name}" for name in names), *{**HISTORY_NAMES, **columns}, *RESERVED]
    clash = len(set(all_names)) < len(all_names) or not all(map(_can_name, names))
    return [f"x_{axis + 1}" for axis in range(dimension)] if clash else names


def _can_name(name: str) -> bool:
    """Whether HDF5 and netCDF-4 take it."""
    return name not in ("", ".") and plain_text(name) == name and len(name.encode()) <= LONGEST_NAME


def plain_text(text: str) -> str:
    """A text as HDF5 can store it: without what ends texts in C, and without halves of characters."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def write_scale(file, name, values, units, long_name):
    dataset = file.create_dataset(name, data=values)
    dataset.make_scale(name)
    dataset.attrs.update({"units": units, "long_name": plain_text(long_name)})


def write_field(file, name, dimensions, values, units, long_name) -> None:
    dataset = outline_field(file, name, dimensions, values, units, long_name)
    if not isinstance(values, SharedArray):
        dataset[...] = to_host(values)


def outline_field(file, name, dimensions, values, units, long_name):
    """The variable without its numbers, which HDF5 gives room only when they are written, if they are not shared."""
    if isinstance(values, SharedArray):
        dataset = values.outline(file, name)
    else:
        compression = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.size > 4096 else {}
        dataset = file.create_dataset(name, values.shape, values.dtype, **compression)
    for axis, dimension in enumerate(dimensions):
        dataset.dims[axis].attach_scale(file[dimension])
    dataset.attrs.update({"units": units, "long_name": plain_text(long_name)})
    return dataset


def _versions() -> dict[str, str]:
    import numba
    import scipy

    from .. import __version__

    return {
        "torusflow": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "h5py": h5py.__version__,
    }
