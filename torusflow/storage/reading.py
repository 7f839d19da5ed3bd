"""Run files opened to be read: their bytes whole, their structure harmless, their format known."""

from __future__ import annotations

import contextlib

import h5py
import numpy as np

from ..errors import InputError
from .contents import FORMAT, FORMAT_VERSION
from .encoding import PlaceError
from .sealed import opened, plain, read_sealed


@contextlib.contextmanager
def opened_run(path):
    """The file of a run, open in memory; whatever fails while it is read becomes one InputError that says where.

    Raises
    ------
    InputError
        If there is no file, it is damaged, not a run, or of a newer format, or holds what a run does not.
    """
    hdf5 = read_sealed(path)
    try:
        with opened(hdf5) as file:
            _check_format(file, path)
            yield file
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
