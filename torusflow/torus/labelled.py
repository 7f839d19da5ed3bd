"""Values on a grid as an array of xarray, with the user's axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..extras import extra
from .coordinates import Coordinates

if TYPE_CHECKING:
    from xarray import DataArray


def labelled(values, points: Sequence[np.ndarray], coordinates: Coordinates, units: str, long_name: str) -> DataArray:
    """A density with the places along each axis.

    Parameters
    ----------
    values : array (*n)
    points : sequence of array (n_j,)
        In the user's units.
    coordinates : Coordinates
        Whose names are those of the axes; x_1, ... where two are alike.
    units, long_name : str
        Of the values.

    Raises
    ------
    InputError
        If xarray is not there.
    """
    xarray = extra("xarray", "to_xarray", "xarray")
    names = [coordinates.name(axis) for axis in range(len(points))]
    if len(set(names)) < len(names):
        names = [f"x_{axis + 1}" for axis in range(len(points))]
    axes = {}
    for axis, (name, places) in enumerate(zip(names, points, strict=True)):
        unit = coordinates.unit(axis)
        axes[name] = (name, places, {"units": unit if isinstance(unit, str) else "1"})
    return xarray.DataArray(values, axes, names, "density", {"units": units, "long_name": long_name})
