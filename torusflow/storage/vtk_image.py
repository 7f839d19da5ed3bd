"""Densities on the grid of a run as an image of VTK, which programs such as ParaView draw in space."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import numpy as np

from ..errors import InputError
from .arrays import arrays_of, axes_of, grid_axes

FILE = 'type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64"'
LENGTH = np.dtype("<u8")


def vtk_image(path, file) -> list[bytes]:
    """The bytes of a .vti file: initial, target and output, and the trajectory at each of its times.

    The first points of each axis are there once more at its end, where the torus closes, so that surfaces do.

    Parameters
    ----------
    path : str or path
        Of the run, for the message.
    file : h5py.File
        The run, open.

    Raises
    ------
    InputError
        If it has no densities.
    """
    fields = {name: _closed(values) for name, values in _fields(file)}
    if not fields:
        raise InputError(
            f"{str(path)!r} holds no densities on a grid, which is what a .vti file shows. Export its arrays: .nc, "
            f".zarr or .npz."
        )
    grid = [file[name] for name in grid_axes(file)]
    sides = [len(axis) for axis in grid] + [0] * (3 - len(grid))
    steps = [axis[1] - axis[0] if len(axis) > 1 else 1.0 for axis in grid] + [1.0] * (3 - len(grid))
    return [_header(sides, steps, fields).encode(), *_numbers(fields.values()), b"\n</AppendedData>\n</VTKFile>\n"]


def _fields(file) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays on the grid, by what they are called."""
    arrays, grid = arrays_of(file), grid_axes(file)
    for name, data in arrays.items():
        axes = axes_of(name, data, arrays)
        if grid and axes == grid and not data.is_scale:
            yield name, data[...]
        elif grid and axes == ["s", *grid]:
            for s, values in zip(file["s"][...], data, strict=True):
                yield f"{name}, s = {s:.6g}", values


def _closed(values) -> np.ndarray:
    return np.pad(values, (0, 1), mode="wrap")


def _header(sides, steps, fields) -> str:
    extent = " ".join(f"0 {side}" for side in sides)
    spacing = " ".join(repr(float(step)) for step in steps)
    lines = ['<?xml version="1.0"?>', f"<VTKFile {FILE}>"]
    lines += [f'<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}">', f'<Piece Extent="{extent}">']
    lines += [f"<PointData Scalars={quoteattr(next(iter(fields)))}>"]
    offset = 0
    for name, values in fields.items():
        place = f'format="appended" offset="{offset}"'
        lines += [f'<DataArray type="Float64" Name={quoteattr(name)} {place}/>']
        offset += LENGTH.itemsize + values.nbytes
    lines += ["</PointData>", "</Piece>", "</ImageData>", '<AppendedData encoding="raw">', "_"]
    return "\n".join(lines)


def _numbers(fields) -> Iterator[bytes]:
    """Each array after its length in bytes, the first axis running fastest."""
    for values in fields:
        yield np.array(values.nbytes, LENGTH).tobytes()
        yield values.astype("<f8").tobytes(order="F")
