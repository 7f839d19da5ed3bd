"""Run files: one HDF5 file per descent, whole or absent, that describes itself and gives everything back."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from .encoding import decode, encode
from .errors import InputError
from .files import refuse_existing, write_whole
from .torus.coordinates import Coordinates
from .torus.density import Density, DensitySpace

FORMAT = "torusflow run"
FORMAT_VERSION = 1

RESERVED = ("initial", "target", "output", "trajectory", "control", "problem")
RESERVED += ("s", "layer", "component", "part", "iteration", "reference")
HISTORY_NAMES = {
    "risk": "risk: loss + penalty/2 |v|^2",
    "validation": "risk on data that training does not see",
    "gradient_norm": "norm of the gradient of the risk in the control space",
    "control_norm": "norm of the control",
    "distance": "distance of the control from the start",
    "pl_ratio": "Polyak-Lojasiewicz ratio |gradient|^2 / (2 risk)",
    "step": "step length that led to this iterate",
    "time": "training time: sum of the steps",
    "seconds": "wall time since the start",
    "mass": "mean of the density",
    "minimum": "smallest value of the density",
    "maximum": "largest value of the density",
}


@dataclass(frozen=True)
class RunFile:
    """Where a descent writes itself.

    Parameters
    ----------
    path : str or path
        Conventionally ending in .h5.
    overwrite : bool
        Whether an existing file may be replaced.
    coordinates : Coordinates
        The user's units, for plots and the file's own axes.
    interval : float
        Seconds between writes while the descent runs.
    """

    path: str | Path
    overwrite: bool = False
    coordinates: Coordinates = dataclasses.field(default_factory=Coordinates)
    interval: float = 60.0

    def prepare(self, risk, method) -> None:
        """Raise an InputError, before any work, if writing would destroy a file or cannot succeed."""
        self.refuse_existing()
        with h5py.File("rehearsal", "w", driver="core", backing_store=False) as file:
            encode(file, "risk", risk, {})
            encode(file, "method", method, {})

    def refuse_existing(self) -> None:
        """Raise an InputError if writing would destroy a file or the folder is missing."""
        refuse_existing(self.path, self.overwrite, "run.h5")

    def save(self, risk, method, result) -> None:
        """Write the whole run beside the final name, then give it that name.

        Raises
        ------
        InputError
            If the disk is full or the place cannot be written; what stood under the name is left as it was.
        """
        # Made in memory first: the HDF5 library can crash the process when a disk is full as it closes a file.
        with h5py.File("run", "w", driver="core", backing_store=False, track_order=True) as file:
            _write(file, risk, method, result, self.coordinates)
            file.flush()
            image = file.id.get_file_image()
        write_whole(self.path, image)


@dataclass(frozen=True, eq=False)
class Reference:
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
    """

    name: str
    solver: str
    times: np.ndarray
    density: np.ndarray
    risk: np.ndarray


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
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}.")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(f"{str(path)!r} is an HDF5 file, but not one that torusflow wrote.")
            if file.attrs["format_version"] > FORMAT_VERSION:
                raise InputError(
                    f"{str(path)!r} has format {file.attrs['format_version']}, this torusflow reads up to "
                    f"{FORMAT_VERSION}. Install a newer torusflow."
                )
            return _read(file)
    except (OSError, KeyError) as error:
        raise InputError(f"{str(path)!r} is not a readable run file: {_plain(error)}.") from None


def add_reference(path, reference: Reference) -> None:
    """Put a reference into a run file beside the run; one of the same name is replaced.

    Parameters
    ----------
    path : str or path
        Of a run on densities.
    reference : Reference

    Raises
    ------
    InputError
        If the file is no run, or the place cannot be written; the run stays as it was.
    """
    path = Path(path)
    if not isinstance(load(path).risk.model.output_space, DensitySpace):
        raise InputError(f"{str(path)!r} is no run on densities, so nothing on a torus can stand beside it.")
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(path.read_bytes())
    with h5py.File(h5py.h5f.open(b"run", h5py.h5f.ACC_RDWR, access)) as file:
        references = file.require_group("reference")
        if reference.name in references:
            del references[reference.name]
        group = references.create_group(reference.name)
        group.attrs.update({"solver": reference.solver, "long_name": "what the limiting equation makes of the start"})
        _scale(group, "time", reference.times, "1", "training time")
        axes = [scale[0].name for scale in file["output"].dims]
        unit = "1 (relative to the uniform density)"
        _field(group, "density", reference.density, ["time", *axes], unit, f"density by {reference.solver}")
        _field(group, "risk", reference.risk, ["time"], "1", "risk of the run at these densities")
        file.flush()
        image = file.id.get_file_image()
    write_whole(path, image)


# -- writing -----------------------------------------------------------------------------------------------------


def _write(file, risk, method, result, coordinates):
    model = risk.model
    file.attrs.update(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "title": f"Descent of a {type(model).__name__}",
            "status": result.status,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": json.dumps(_versions()),
        }
    )
    _scale(file, "iteration", np.arange(len(result.history["risk"])), "1", "iteration of the descent")
    for key, values in result.history.items():
        units = "s" if key == "seconds" else "1"
        _field(file, key, values, ["iteration"], units, HISTORY_NAMES.get(key, key))
    if isinstance(model.output_space, DensitySpace):
        _write_densities(file, risk, result, coordinates)
    else:
        _write_arrays(file, model, result)
    problem = file.create_group("problem")
    problem.attrs["long_name"] = "what load() needs to make the risk and the method again"
    for name, thing in (("risk", risk), ("method", method), ("coordinates", coordinates)):
        encode(problem, name, thing, {})


def _write_densities(file, risk, result, coordinates):
    """Densities and the velocity with the axes of the torus."""
    model = risk.model
    torus = model.torus
    file.attrs["comment"] = "densities are relative to the uniform one (mean 1); the torus has side 1"
    file.attrs["transforms"] = torus.library
    axes = _axis_names(coordinates, torus.dimension)
    for axis, (name, n) in enumerate(zip(axes, torus.shape, strict=True)):
        grid = np.arange(n) / n * coordinates.period
        _scale(file, name, grid, coordinates.units, f"{coordinates.name(axis)} on the grid")
    layers = np.arange(model.layers)
    _scale(file, "s", np.arange(model.layers + 1) / model.layers, "1", "time of the flow at the ends of the layers")
    _scale(file, "layer", layers, "1", "layer of the network; it acts for s in [layer, layer + 1] / layers")
    _scale(file, "component", np.arange(torus.dimension), "1", "component of the velocity")
    for axis, k in enumerate(model.space.wavenumbers):
        _scale(file, f"k_{axes[axis]}", k.ravel(), "1", f"wavenumber along {axes[axis]}, cycles per side of the torus")
    _scale(file, "part", np.arange(2), "1", "0: real part, 1: imaginary part")

    unit = "1 (relative to the uniform density)"
    _field(file, "initial", model.initial.values, axes, unit, f"initial density: {model.initial.name}")
    target = getattr(risk.loss, "target", None)
    if isinstance(target, Density):
        _field(file, "target", target.values, axes, unit, f"target density: {target.name}")
    _field(file, "output", result.output, axes, unit, "initial density pushed by the control")
    _field(file, "trajectory", model.trajectory(result.control), ["s", *axes], unit, "density along the flow")
    _field(
        file,
        "control",
        _parts(result.control),
        ["layer", "component", *(f"k_{name}" for name in axes), "part"],
        "sides of the torus per unit of s",
        "Fourier coefficients of the velocity; those at -k are the complex conjugates of those at k",
    )


def _write_arrays(file, model, result):
    """The control and the output of any other model, with numbered axes."""
    fields = {"control": (_parts(result.control), "control"), "output": (result.output, "output of the model")}
    if hasattr(model, "trajectory"):
        fields["trajectory"] = (model.trajectory(result.control), "points at the ends of the layers")
    for name, (values, long_name) in fields.items():
        axes = [f"{name}_{axis}" for axis in range(values.ndim)]
        for axis, n in zip(axes, values.shape, strict=True):
            _scale(file, axis, np.arange(n), "1", f"axis of the {name}")
        _field(file, name, values, axes, "1", long_name)


def _parts(control) -> np.ndarray:
    """Complex numbers as pairs of real ones along a new last axis."""
    return np.stack([control.real, control.imag], axis=-1) if np.iscomplexobj(control) else control


def _axis_names(coordinates, dimension) -> list[str]:
    """The user's names where they can name a variable of the file that nothing else is called."""
    names = [coordinates.name(axis).replace("/", "_") for axis in range(dimension)]
    taken = {*HISTORY_NAMES, *RESERVED}
    clash = len(set(names)) < len(names) or any(name in taken or name in ("", ".") for name in names)
    return [f"x_{axis + 1}" for axis in range(dimension)] if clash else names


def _scale(file, name, values, units, long_name):
    dataset = file.create_dataset(name, data=values)
    dataset.make_scale(name)
    dataset.attrs.update({"units": units, "long_name": long_name})


def _field(file, name, values, dimensions, units, long_name):
    compression = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.size > 4096 else {}
    dataset = file.create_dataset(name, data=values, **compression)
    for axis, dimension in enumerate(dimensions):
        dataset.dims[axis].attach_scale(file[dimension])
    dataset.attrs.update({"units": units, "long_name": long_name})


def _versions() -> dict[str, str]:
    import numba
    import scipy

    from . import __version__

    return {
        "torusflow": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "h5py": h5py.__version__,
    }


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
        references={name: _reference(name, group) for name, group in file.get("reference", {}).items()},
    )


def _reference(name, group) -> Reference:
    solver = str(group.attrs["solver"])
    return Reference(name, solver, group["time"][...], group["density"][...], group["risk"][...])


def _plain(error: Exception) -> str:
    """The system's own words where there are any; h5py wraps them in its call chain."""
    number = getattr(error, "errno", None)
    if number:
        return os.strerror(number).lower()
    text = str(error).strip("'\"")
    return text.split("error message = '")[1].split("'")[0].lower() if "error message = '" in text else text
