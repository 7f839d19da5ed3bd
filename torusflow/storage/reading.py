"""Run files opened to be read or changed: their bytes whole, their structure harmless, their format known."""

from __future__ import annotations

import contextlib

import h5py
import numpy as np

from ..errors import InputError
from .contents import FORMAT, FORMAT_VERSION
from .encoding import PlaceError
from .image import Image
from .sealed import opened, plain, read_sealed, refuse_foreign, write_sealed


@contextlib.contextmanager
def opened_run(path, memory: float | None = None):
    """The file of a run; whatever fails while it is read becomes one InputError that says where.

    Parameters
    ----------
    path : str or path
    memory : float, optional
        Bytes of which what it holds may take half; if not given those that are free.

    Raises
    ------
    InputError
        If there is no file, it is damaged, not a run, or of a newer format, or holds what a run does not.
    """
    with read_sealed(path) as image, opened_image(path, image, memory) as file:
        yield file


@contextlib.contextmanager
def changed_run(path):
    """The file of a run, to change; it is written anew at the end.

    Raises
    ------
    InputError
        As `opened_run`, or if it cannot be written; what stood there is left as it was.
    """
    refuse_foreign(path)
    with read_sealed(path) as image:
        with opened_image(path, image) as file:
            yield file
        write_sealed(path, image, keep_previous=False)


@contextlib.contextmanager
def opened_image(path, image: Image, memory: float | None = None):
    """The file of a run in an image that was read from a path."""
    with readable(path), opened(image, memory) as file:
        _check_format(file, path)
        yield file


@contextlib.contextmanager
def readable(path):
    """A context in which whatever fails becomes an InputError that says that a file is no run."""
    try:
        yield
    except PlaceError as error:
        raise InputError(f"{str(path)!r} is not a readable run file: {error}.") from None
    except InputError:
        raise
    except Exception as error:  # of any kind: the file may be made by hand
        raise InputError(f"{str(path)!r} is not a readable run file: {plain(error)}.") from None


def _check_format(file, path) -> None:
    name = repr(str(path))
    if file.attrs.get("format") != FORMAT:
        raise InputError(f"{name} is an HDF5 file, but not one that torusflow wrote.")
    version = file.attrs.get("format_version")
    if not isinstance(version, int | np.integer):
        raise PlaceError("format_version", f"it must be a whole number, it is {version!r}")
    if version > FORMAT_VERSION:
        raise InputError(
            f"{name} has format {version}, this torusflow reads up to {FORMAT_VERSION}. Install a newer one."
        )


def part(group, name: str, kind: type):
    """A member of a group, of this kind; a PlaceError where there is none."""
    found = group.get(name)
    if not isinstance(found, kind):
        raise PlaceError(
            f"{group.name}/{name}", "it is missing" if found is None else f"it is not a {kind.__name__.lower()}"
        )
    return found


def array(group, name: str, shape: tuple | None, kinds: str = "fiu") -> h5py.Dataset:
    """A dataset of numbers of this shape, not yet read, else a PlaceError; None stands for any shape or length."""
    found = part(group, name, h5py.Dataset)
    same = shape is None or (
        found.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, found.shape, strict=True))
    )
    if not same or found.dtype.kind not in kinds:
        wanted = {None: "of any shape", (None,): "(n,)"}.get(shape, str(shape))
        raise PlaceError(
            str(found.name), f"it is an array {found.shape} of {found.dtype}, not of real numbers {wanted}"
        )
    return found


def text(group, name: str) -> str:
    """An attribute that is a text; a PlaceError where there is none."""
    found = group.attrs.get(name)
    if not isinstance(found, str):
        raise PlaceError(f"{group.name}.{name}", "it is missing" if found is None else "it is not text")
    return found
