"""Runs for other programs: NumPy archives, NetCDF, tables."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import refuse_existing, write_whole
from .kinds import ARRAYS, NETCDF, TABLE
from .samples import write_csv
from .storage import load
from .storage.images import generations, opened, read_image

FORMATS = {".csv": TABLE, ".npz": ARRAYS, ".nc": NETCDF}


def export_run(run, output, overwrite: bool = False) -> None:
    """Write the history of a run (.csv), or all its arrays (.npz, .nc: NetCDF 3 with the axes of the run file).

    Parameters
    ----------
    run, output : str or path
    overwrite : bool
        Whether an existing file of the same kind may be replaced.

    Raises
    ------
    InputError
        If the run cannot be read, the suffix is another, the file exists or cannot be written.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{str(output)!r}: the suffix must be one of {', '.join(FORMATS)}.")
    refuse_existing(output, overwrite, FORMATS[suffix], reads=generations(run))
    loaded = load(run)
    if suffix == ".csv":
        iterations = np.arange(len(loaded.history["risk"]))
        columns = {"iteration": iterations, **loaded.history}
        write_csv(output, list(columns), list(columns.values()), f"history of {Path(run).name}: {loaded.status}")
        return
    with opened(read_image(run)) as file:
        arrays = {name: data for name, data in file.items() if hasattr(data, "shape")}
        content = io.BytesIO()
        (_write_npz if suffix == ".npz" else _write_netcdf)(content, arrays, str(file.attrs["status"]))
    write_whole(output, content.getvalue())


def _write_npz(content, arrays, status) -> None:
    np.savez(content, status=status, **{name: data[...] for name, data in arrays.items()})


def _write_netcdf(content, arrays, status) -> None:
    from scipy.io import netcdf_file

    file = netcdf_file(_Open(), "w")
    file.title, file.status = "torusflow run", status.encode()
    for name, data in arrays.items():
        if data.is_scale:
            file.createDimension(name, data.shape[0])
    for name, data in arrays.items():
        dimensions = (name,) if data.is_scale else tuple(scale[0].name.strip("/") for scale in data.dims)
        values = data[...]
        values = values.astype("i4" if values.dtype.kind in "iu" else "f8")
        variable = file.createVariable(name, values.dtype, dimensions)
        variable[...] = values
        for key in ("units", "long_name"):
            setattr(variable, key, str(data.attrs[key]).encode())
    file.flush()
    content.write(file.fp.getvalue())


class _Open(io.BytesIO):
    """Stays open when SciPy closes what it has written to."""

    def close(self):
        pass
