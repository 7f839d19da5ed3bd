"""The bytes of a run file, sealed with a checksum, and the generation before them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from pathlib import Path

import h5py

from ..arguments import checked_path
from ..errors import InputError, TorusflowError
from ..files import write_whole
from ..torus.memory import free_memory
from .structure import check_structure

# HDF5 ignores what follows the end of its file: the seal stands there.
SEAL = b"\ntorusflow sha256 "
SEAL_LENGTH = len(SEAL) + 64 + 1
SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The bytes of a file are held that often as it is read: as they were, without the seal, and by HDF5.
COPIES = 3
# Formats whose files are sealed; those of the future are refused for their own reason.
SEALED_VERSIONS = (2,)


def previous(path) -> Path:
    """Where the state before the last write of a run that has not ended stands."""
    path = Path(path)
    return path.parent / f".{path.name}.previous"


def write_image(path, image: bytes, keep_previous: bool) -> None:
    """Write a sealed image whole; what stood there stays beside it as the previous generation, or none does."""
    path = Path(path)
    if keep_previous and path.exists():
        link = previous(path)
        with contextlib.suppress(OSError):  # a file system without hard links: one generation only
            link.unlink(missing_ok=True)
            os.link(path, link)
    write_whole(path, image + SEAL + hashlib.sha256(image).hexdigest().encode() + b"\n")
    if not keep_previous:
        previous(path).unlink(missing_ok=True)


def read_image(path) -> bytes:
    """The image at a path; where it is damaged, with a warning that says so, the generation before it.

    Raises
    ------
    InputError
        If there is no file, or neither generation is whole.
    """
    path = checked_path(path, "a run file")
    before = previous(path)
    if not os.path.isfile(path) and not os.path.isfile(before):
        raise InputError(f"there is no file {str(path)!r}.")
    try:
        return _verified(path)
    except InputError as error:
        if not os.path.isfile(before):
            raise
        try:
            image = _verified(before)
        except InputError:
            raise error from None
        warnings.warn(f"{error} The state before it is read, which is whole.", stacklevel=3)
        return image


def _verified(path: Path) -> bytes:
    name = repr(str(path))
    try:
        content = _content(path)
    except OSError as error:
        raise InputError(f"cannot read {name}: {os.strerror(error.errno).lower()}.") from None
    image, seal = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if seal.startswith(SEAL):
        if seal[len(SEAL) : -1].decode("ascii", "replace") != hashlib.sha256(image).hexdigest():
            raise InputError(f"{name} is damaged: its checksum is not that of what it holds.")
        return image
    try:
        with opened(content) as file:
            version = int(file.attrs.get("format_version", 0))
    except Exception as error:  # of any kind: the file may be made by hand
        raise InputError(f"{name} is not a readable run file: {plain(error)}.") from None
    if version in SEALED_VERSIONS:
        raise InputError(f"{name} has no checksum: it was cut short, or another program has changed it.")
    return content


def _content(path: Path) -> bytes:
    """All bytes of a file that may be a run, and that this machine can hold."""
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise InputError(f"{str(path)!r} is not a readable run file: it is no HDF5 file.")
        size = os.fstat(file.fileno()).st_size
        if COPIES * size > free_memory():
            raise InputError(f"{str(path)!r} has {size / 1e9:.3g} GB, more than fits into the memory that is free.")
        file.seek(0)
        return file.read()


def plain(error: Exception) -> str:
    """What we or the system say, where there is something; the words of h5py help nobody."""
    if isinstance(error, TorusflowError):
        return str(error).rstrip(".")
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    number = getattr(error, "errno", None)
    if number:
        return os.strerror(number).lower()
    return "it is damaged or cut short"


@contextlib.contextmanager
def opened(image: bytes):
    """An image as an HDF5 file in memory, to read and to change, once its structure is known to be harmless."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(image)
    with h5py.File(h5py.h5f.open(b"run", h5py.h5f.ACC_RDWR, access)) as file:
        check_structure(file, len(image))
        yield file
