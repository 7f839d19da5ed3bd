"""Runs for other programs: tables, NumPy archives, NetCDF, Zarr, pictures in space."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import InputError, printable
from .arrays import arrays_of, axes_of
from .contents import write_field, write_scale
from .csv_tables import write_csv
from .image import Image
from .kinds import ARRAYS, EXPORTED, NETCDF, TABLE, VTK, ZARR
from .reading import opened_run
from .runs import read_run
from .sealed import generations, new_file
from .vtk_image import vtk_image
from .whole_files import refuse_existing, write_whole
from .zarr_store import refuse_store, write_store

FORMATS = {".csv": TABLE, ".npz": ARRAYS, ".nc": NETCDF, ".zarr": ZARR, ".vti": VTK}
# Of the run file; what is exported has neither its checksum nor its identity.
KEPT = ("title", "comment", "status", "created", "versions", "transforms", "densities")


def export_run(run, output, overwrite: bool = False) -> None:
    """Write a run in the format that the suffix names.

    Parameters
    ----------
    run : str or path
    output : str or path
        The history as .csv; all arrays as .npz, or with the axes and units of the run file as .nc (NetCDF-4) or .zarr
        (a folder, by zarr); the densities on the grid as .vti, an image in space for ParaView and others.
    overwrite : bool
        Whether an existing file of the same kind may be replaced; a folder never is.

    Raises
    ------
    InputError
        If the run cannot be read, or has no densities for .vti; if the suffix is another, zarr is not there, the file
        exists or cannot be written.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{str(output)!r}: the suffix must be one of {', '.join(FORMATS)}.")
    if suffix == ".zarr":
        refuse_store(output)
    refuse_existing(output, overwrite, FORMATS[suffix], reads=generations(run))
    loaded, _ = read_run(run)  # whatever its classes
    if suffix == ".csv":
        _write_history(output, Path(run).name, loaded)
        return
    with opened_run(run) as file:
        attributes = {key: file.attrs[key] for key in KEPT if key in file.attrs} | {"format": EXPORTED}
        if suffix == ".zarr":
            write_store(output, run, attributes)
        elif suffix == ".nc":
            write_whole(output, _netcdf(file, attributes))
        elif suffix == ".vti":
            write_whole(output, vtk_image(run, file))
        else:
            write_whole(output, _archive(arrays_of(file), loaded.status))


def _write_history(output, name: str, loaded) -> None:
    iterations = np.arange(len(loaded.history["risk"]))
    columns = {"iteration": iterations, **loaded.history}
    comment = printable(" ".join(f"history of {name}: {loaded.status}".split()))
    write_csv(output, list(columns), list(columns.values()), comment)


def _archive(arrays, status) -> Iterable[bytes]:
    content = io.BytesIO()
    # Not by np.savez: it takes some names for its own arguments, and pickles what is not numbers.
    with zipfile.ZipFile(content, "w") as archive:
        for name, values in {**arrays, "run_status" if "status" in arrays else "status": status}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(values), allow_pickle=False)
    return [content.getvalue()]


def _netcdf(file, attributes) -> Iterable:
    """The bytes of a NetCDF-4 file, which is HDF5 whose axes have names."""
    image, arrays = Image(), arrays_of(file)
    with new_file(image) as written:
        written.attrs.update(attributes)
        for name, data in sorted(arrays.items(), key=lambda item: not item[1].is_scale):  # axes first
            units, long_name = (str(data.attrs.get(key, "")) for key in ("units", "long_name"))
            if data.is_scale:
                write_scale(written, name, data[...], units, long_name)
            else:
                write_field(written, name, axes_of(name, data, arrays), data[...], units, long_name)
    return image.blocks()
