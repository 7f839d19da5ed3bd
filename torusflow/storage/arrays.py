"""The arrays of an open run file, and their axes."""

from __future__ import annotations

import h5py

from .encoding import PlaceError


def arrays_of(file) -> dict[str, h5py.Dataset]:
    """History and fields, with their axes."""
    return {name: data for name, data in file.items() if isinstance(data, h5py.Dataset)}


def axes_of(name: str, data, arrays) -> list[str]:
    """The names of the axes of an array; one that is an axis is its own."""
    if data.is_scale:
        return [name]
    axes = [scale[0].name.strip("/") if len(scale) else "" for scale in data.dims]
    if [len(arrays[axis]) if axis in arrays else None for axis in axes] != list(data.shape):
        raise PlaceError(name, "its axes are not named by arrays of the same file")
    return axes


def grid_axes(file) -> list[str]:
    """The names of the axes of the grid: each has wavenumbers, which are an axis of the control."""
    names = [scale[0].name for scale in file["control"].dims]
    return [name.removeprefix("/k_") for name in names if name.startswith("/k_")]
