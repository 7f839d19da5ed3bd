"""Runs for other programs: NumPy archives, NetCDF, tables."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, printable
from .csv_tables import write_csv
from .encoding import PlaceError
from .kinds import ARRAYS, NETCDF, TABLE
from .reading import opened_run
from .runs import read_run
from .sealed import generations
from .whole_files import refuse_existing, write_whole

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
    loaded, _ = read_run(run)  # whatever its classes
    if suffix == ".csv":
        iterations = np.arange(len(loaded.history["risk"]))
        columns = {"iteration": iterations, **loaded.history}
        comment = printable(" ".join(f"history of {Path(run).name}: {loaded.status}".split()))
        write_csv(output, list(columns), list(columns.values()), comment)
        return
    with opened_run(run) as file:
        arrays = {name: data for name, data in file.items() if hasattr(data, "shape")}
        content = io.BytesIO()
        (_write_npz if suffix == ".npz" else _write_netcdf)(content, arrays, loaded.status)
    write_whole(output, content.getvalue())


def _write_npz(content, arrays, status) -> None:
    # Not by np.savez: it takes some names for its own arguments, and pickles what is not numbers.
    with zipfile.ZipFile(content, "w") as archive:
        for name, values in {**arrays, "run_status" if "status" in arrays else "status": status}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(values), allow_pickle=False)


def _write_netcdf(content, arrays, status) -> None:
    from scipy.io import netcdf_file

    file = netcdf_file(_Open(), "w")
    file.title, file.status = "torusflow run", status.encode("utf-8", "backslashreplace")
    names = _netcdf_names(arrays)
    for name, data in arrays.items():
        if data.is_scale:
            file.createDimension(names[name], data.shape[0])
    for name, data in arrays.items():
        values = data[...]
        small = values.dtype.kind in "iu" and np.all(np.abs(values.astype(float)) < 2**31)
        values = values.astype("i4" if small else "f8")
        variable = file.createVariable(names[name], values.dtype, [names[axis] for axis in _axes(name, data, arrays)])
        variable[...] = values
        for key in ("units", "long_name"):
            setattr(variable, key, str(data.attrs.get(key, "")).encode("utf-8", "backslashreplace"))
        if names[name] != name:
            variable.name_in_run = name.encode("utf-8", "backslashreplace")
    file.flush()
    written: Any = file.fp
    content.write(written.getvalue())


def _axes(name: str, data, arrays) -> list[str]:
    """The names of the axes of a field; a scale is its own."""
    if data.is_scale:
        return [name]
    axes = [scale[0].name.strip("/") if len(scale) else "" for scale in data.dims]
    if [len(arrays[axis]) if axis in arrays else None for axis in axes] != list(data.shape):
        raise PlaceError(name, "its axes are not named by arrays of the same file")
    return axes


def _netcdf_names(names) -> dict[str, str]:
    """For each name one that NetCDF 3 allows and SciPy writes: letters, digits, . + - @ and _, with Greek spelt out."""
    given: dict[str, str] = {}
    for name in sorted(names, key=lambda name: _plain_name(name) != name):  # those that stay have the first choice
        wish = chosen = _plain_name(name)
        while chosen in given.values():
            chosen = f"{wish}_{1 + sum(other.startswith(wish) for other in given.values())}"
        given[name] = chosen
    return given


def _plain_name(name: str) -> str:
    spelt = "".join(_spelt(letter) for letter in unicodedata.normalize("NFKD", name))
    return re.sub(r"^(?![A-Za-z0-9_])", "_", re.sub(r"[^A-Za-z0-9_.+@-]", "_", spelt))


def _spelt(letter: str) -> str:
    if letter.isascii() or unicodedata.combining(letter):
        return letter if letter.isascii() else ""
    words = unicodedata.name(letter, "").split()
    return words[-1].lower() if words[:1] == ["GREEK"] else f"u{ord(letter):04x}"


class _Open(io.BytesIO):
    """Stays open when SciPy closes what it has written to."""

    def close(self):
        pass
