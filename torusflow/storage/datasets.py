"""Runs as datasets of xarray and tables of pandas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backends import to_host
from ..errors import InputError
from ..extras import extra
from ..model import HasDensity, OnPoints
from .contents import WITHOUT_DENSITIES, describe_content, variables
from .reading import opened_image, readable
from .sealed import read_sealed

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

    from .runs import Run

EXTRA = "xarray"


def open_dataset(path) -> Dataset:
    """A run file as a dataset of xarray, whose numbers are read when they are used.

    It opens at once, however large the file is, since neither the checksum is verified nor the problem made again
    (`load` does both). A run that is still being written is there as it was last stored, and stays so until it is
    opened anew.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    xarray.Dataset
        The variables of ``docs/file_format.md`` with their axes and units; status and versions are in ``attrs``. Its
        file is closed by ``close()``, or at the end of a with statement.

    Raises
    ------
    InputError
        If the file is no run or cut short, or xarray or h5netcdf is not there.

    Examples
    --------
    >>> with tfl.open_dataset("run.h5") as data:  # doctest: +SKIP
    ...     data.trajectory.sel(s=0.5).plot()
    """
    xarray = extra("xarray", "open_dataset", EXTRA)
    extra("h5netcdf", "open_dataset", EXTRA)
    with read_sealed(path, verify=False) as image, opened_image(path, image, memory=math.inf):
        where = image.path
    with readable(path):
        return xarray.open_dataset(where, engine="h5netcdf", decode_cf=False)


def dataset_of(run: Run) -> Dataset:
    """What `open_dataset` gives for the file of a run, in memory."""
    xarray = extra("xarray", "to_xarray", EXTRA)
    model: Any = run.risk.model
    if torus := getattr(model, "torus", None):
        torus.refuse_divided("a run becomes a dataset on", "open its file on one process: tfl.open_dataset(path).")
    kept = {key: value for key, value in run.attributes.items() if key not in WITHOUT_DENSITIES}  # they are here
    attributes = {**kept, **describe_content(model, run.status)}
    parts = variables(run.risk, run, run.trajectory, run.coordinates)
    described = {
        part.name: (part.axes, to_host(part.values), {"units": part.units, "long_name": part.long_name})
        for part in parts
    }
    return xarray.Dataset(described, attrs=attributes)


def history_of(run: Run) -> DataFrame:
    """The history of a run, a row per iteration."""
    pandas = extra("pandas", "to_dataframe", EXTRA)
    return pandas.DataFrame(run.history, index=pandas.RangeIndex(len(run.history["risk"]), name="iteration"))


def points_of(run: Run) -> DataFrame:
    """The points of a run on points, a row for each of them at the end of each layer.

    Raises
    ------
    InputError
        If its model moves something else, or pandas is not there.
    """
    pandas, model = extra("pandas", "to_dataframe", EXTRA), run.risk.model
    if not isinstance(model, OnPoints) or isinstance(model, HasDensity):
        raise InputError(
            f"the run is of a {type(model).__name__}, which moves no points of which a table could be made. Write "
            f"run.to_xarray() for its arrays, or run.to_dataframe() for the history."
        )
    outputs = run.output[None] if run.trajectory is None else run.trajectory
    times = [1.0] if run.trajectory is None else np.linspace(0.0, 1.0, len(outputs))
    rows = np.stack([model.rows(output) for output in outputs])
    index = pandas.MultiIndex.from_product([times, range(rows.shape[1])], names=["s", "point"])
    names = [f"x_{axis + 1}" for axis in range(rows.shape[2])]
    return pandas.DataFrame(rows.reshape(-1, rows.shape[2]), index=index, columns=names)
