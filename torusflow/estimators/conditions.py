"""The conditions of a conditional density: rows that a person gives, and how far they are from those of the fit."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial import KDTree

from ..errors import InputError
from ..torus.coordinates import Coordinates
from ..torus.regions import FAR
from .tables import missing_rows, rows_of


def conditions_of(given, coordinates: Coordinates, axes: tuple[int, ...], points) -> np.ndarray:
    """Conditions in sides of the torus, array (M, number of axes); one row without columns where there are no axes.

    Parameters
    ----------
    given : array (M, number of axes), DataFrame or None
        Of a frame the columns with the right names are taken.
    coordinates : Coordinates
        Of all columns.
    axes : tuple of int
        The columns that are conditions.
    points : array (N, d)
        Rows of the fit, in sides of the torus: conditions far from all of them are warned of.

    Raises
    ------
    InputError
        If they are not values of these columns, or there are no such columns.
    """
    names = [coordinates.name(axis) for axis in axes]
    if not axes:
        if given is not None:
            raise InputError("this density has no conditions: leave given out, or fit TorusDensity(given=[...]).")
        return np.empty((1, 0))
    columns = f"{len(axes)} column{'s' * (len(axes) > 1)}, {', '.join(names)}"
    if given is None:
        raise InputError(f"this is a density given {', '.join(names)}. Say which: sample(given=X), with {columns}.")
    values, found = rows_of(given)
    if found is not None and set(names) <= set(found):
        values = values[:, [found.index(name) for name in names]]
    if values.shape[1] != len(axes):
        raise InputError(f"given has {values.shape[1]} columns; this density is one given {columns}.")
    missing_rows(values, "refuse")
    of_all = np.zeros((len(values), points.shape[1]))
    of_all[:, axes] = values
    conditions = coordinates.to_torus(of_all, "given")[:, axes]
    warn_of_new(conditions, points[:, axes], coordinates, axes)
    return conditions


def warn_of_new(conditions, seen, coordinates: Coordinates, axes: tuple[int, ...]) -> None:
    """Warn where conditions are far from all those of the fit."""
    said = far_from_rows(conditions, seen, coordinates, axes) if axes else ""
    if said:
        warnings.warn(said, stacklevel=4)


def far_from_rows(conditions, seen, coordinates: Coordinates, axes: tuple[int, ...]) -> str:
    """How far conditions are from those of the fit, both in sides of the torus, in a sentence; "" if they are near."""
    below = np.nextafter(1.0, 0.0)  # what is a little below zero is folded to one
    distances, nearest = map(
        np.asarray, KDTree(np.minimum(seen, below), boxsize=1.0).query(np.minimum(conditions, below))
    )
    new = np.flatnonzero(distances > FAR)
    if not len(new):
        return ""
    row = int(new[np.argmax(distances[new])])
    away = np.abs((conditions[row] - seen[nearest[row]] + 0.5) % 1.0 - 0.5)
    parts = [
        f"{part * coordinates.along(axis).period:.3g} in {coordinates.name(axis)}"
        for part, axis in zip(away, axes, strict=True)
    ]
    return (
        f"{len(new)} of {len(conditions)} conditions are further than {FAR:g} of a period from every row of the fit; "
        f"from row {row + 1} the nearest is {', '.join(parts)} away. What the density is there is a guess."
    )
