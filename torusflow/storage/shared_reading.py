"""A run file read by several processes: all have what describes the run, and each its part of the large arrays."""

from __future__ import annotations

import contextlib
from typing import Any

import h5py
import numpy as np

from ..errors import InputError
from ..torus.grid import Torus
from .encoding import Reader, read_json
from .first_process import FirstProcess, parts_on
from .image import Image
from .reading import opened_image, part, readable
from .sealed import read_sealed

# Arrays of more bytes are not sent whole.
SMALL = 2**20


@contextlib.contextmanager
def shared_run(path, comm):
    """The file of a run on each process of a communicator, and the reader of its arrays.

    The first process has the file; the others have copies of it without large arrays.

    Raises
    ------
    InputError
        As `opened_run`, on all processes; or if they cannot share the grid of the run, or it has none.
    """
    # By this they speak before they know the grid of the run: it has rows and columns for all of them.
    size = getattr(comm, "size", 1)
    some = Torus((4 * size, 6 * size), comm=comm)
    division, memory = some.division, some.free_memory()
    with contextlib.ExitStack() as stack:
        first, files = FirstProcess(division, memory, lambda shape: None), []

        def lean() -> Image:
            image = stack.enter_context(read_sealed(path))
            files.append(stack.enter_context(opened_image(path, image, memory)))
            return image.without(_large(files[0]))

        image = first.run(lean)
        file = files[0] if files else stack.enter_context(opened_image(path, image, memory))
        grid = _grid(file, path)
        Torus(grid, comm=comm)  # or they are too many
        grids = [grid, *_grids(part(file, "problem", h5py.Group))]
        parts = parts_on(division, grids, part(file, "control", h5py.Dataset).shape[:-1])

        def array(dataset: h5py.Dataset) -> np.ndarray:
            return _part(FirstProcess(division, memory, parts), path, dataset)

        yield file, Reader(comm=comm, array=array)


def _part(first: FirstProcess, path, dataset: h5py.Dataset) -> np.ndarray:
    """What is here of an array that the first process has in a file; the whole of one that is not divided."""

    def read() -> Any:
        with readable(path):
            return first.read(dataset)

    return first.run(read)


def _large(file: h5py.File) -> list[tuple[int, int]]:
    """Where in a file the numbers of large arrays begin and end."""
    ranges = []

    def look(_, thing):
        if isinstance(thing, h5py.Dataset) and thing.nbytes > SMALL:
            if thing.chunks:
                thing.id.chunk_iter(lambda chunk: ranges.append((chunk.byte_offset, chunk.byte_offset + chunk.size)))
            else:
                ranges.append((thing.id.get_offset(), thing.id.get_offset() + thing.id.get_storage_size()))

    file.visititems(look)
    return ranges


def _grid(file: h5py.File, path) -> tuple[int, ...]:
    """The shape of the grid of a run."""
    model = part(file, "problem/risk/model", h5py.Group)
    if "torus" not in model:
        raise InputError(
            f"{str(path)!r} is a run of a {model.attrs.get('type')}, which several processes do not share. Read it in "
            f"one process, without comm."
        )
    return tuple(read_json(part(model, "torus", h5py.Group), "shape"))


def _grids(problem: h5py.Group) -> list[tuple[int, ...]]:
    """The shapes of all grids of a problem: a validation may have another one."""
    shapes = []

    def look(_, thing):
        if isinstance(thing, h5py.Group) and thing.attrs.get("type") == "Torus":
            shapes.append(tuple(read_json(thing, "shape")))

    problem.visititems(look)
    return shapes
