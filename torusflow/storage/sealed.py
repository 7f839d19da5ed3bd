"""Run files sealed with a checksum, and the generation before them."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import re
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import h5py

from ..arguments import checked_path
from ..errors import InputError, TorusflowError
from ..memory import free_memory
from .image import Image
from .kinds import FOREIGN_HDF5, NOTHING, RUN, UNKNOWN
from .structure import check_structure
from .whole_files import kind_held, place, replace, written_beside

# HDF5 ignores what follows the end of its file: the seal stands there.
SEAL = b"\ntorusflow sha256 "
SEAL_LENGTH = len(SEAL) + 64 + 1
# Found in the bytes, so that a damaged file can still say which run it is of.
IDENTITY = re.compile(rb"torusflow run [0-9a-f]{32}")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Bytes that are read at a time for a checksum.
BLOCK = 2**20
# Formats whose files are sealed; those of the future are refused for their own reason.
SEALED_VERSIONS = (2,)


def previous(path) -> Path:
    """The file with the state before the last write of a run that has not ended."""
    path = place(path)
    return path.parent / f".{path.name}.previous"


def generations(path) -> tuple[Path, Path]:
    """The files that `read_sealed` may read."""
    return place(path), previous(path)


def new_identity() -> str:
    """What tells the files of one run from those of all others."""
    return f"torusflow run {secrets.token_hex(16)}"


def identity(path) -> str | None:
    """Which run a file is of, also where it is damaged; None if it does not say."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = IDENTITY.search(content)
            return found and found[0].decode()
    except (OSError, ValueError):  # it is empty
        return None


def write_sealed(path, image: Image, keep_previous: bool) -> None:
    """Write an HDF5 file, sealed and whole; what stood there stays beside it as the previous generation, or none does.

    What stands is touched once the new file is on the disk and has been read back. Only a whole file of the same run
    becomes the previous generation, and none of another run is left.

    Raises
    ------
    InputError
        If it cannot be written; both generations are then as they were.
    """
    where, before, checksum = place(path), previous(path), hashlib.sha256()
    with written_beside(path, _sealed(image, checksum), like=[before]) as partial:
        with open(partial, "rb") as file:
            same = _checksum(file, image.size).digest() == checksum.digest() and file.read() == _seal(checksum)
        if not same:
            raise InputError(
                f"cannot write {str(path)!r}: what is read back is not what was written. What stands there is as it "
                f"was."
            )
        run = identity(partial)
        whole = keep_previous and _is_of(where, run)
        if whole:
            _link(where, before)
        replace(partial, where)
    if not whole and not (keep_previous and _is_of(before, run)):
        with contextlib.suppress(OSError):
            before.unlink(missing_ok=True)


def _sealed(image: Image, checksum) -> Iterator:
    """All bytes of a file, of which the checksum learns; then what lies below is closed, since it may be replaced."""
    with image:
        for block in image.blocks():
            checksum.update(block)
            yield block
    yield _seal(checksum)


def _seal(checksum) -> bytes:
    return SEAL + checksum.hexdigest().encode() + b"\n"


def _checksum(file: BinaryIO, size: int):
    """That of so many bytes of a file from its beginning."""
    checksum = hashlib.sha256()
    file.seek(0)
    while size > 0 and (block := file.read(min(size, BLOCK))):
        checksum.update(block)
        size -= len(block)
    return checksum


def _is_of(path: Path, run: str | None) -> bool:
    """Whether there is a whole file of a run."""
    try:
        with _verified(path):
            return identity(path) == run
    except InputError:
        return False


def _link(path: Path, before: Path) -> None:
    """The file under a second name, which is never missing on the way."""
    new = before.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.part")
    with contextlib.suppress(OSError):  # a file system without hard links: one generation only
        try:
            os.link(path, new)
            os.replace(new, before)
        finally:
            new.unlink(missing_ok=True)  # it stays where both are links to one file already


def refuse_foreign(path) -> None:
    """Raise an InputError if a run would go on from its previous generation, over a file that is not a damaged run."""
    if not os.path.isfile(path) or not os.path.isfile(previous(path)):
        return
    if kind_held(path) not in (RUN, FOREIGN_HDF5, UNKNOWN, NOTHING):
        raise InputError(
            f"{str(path)!r} holds {kind_held(path)}, which a run never replaces. Move it away; the state before, "
            f"{str(previous(path))!r}, is then read."
        )


def read_sealed(path, verify: bool = True) -> Image:
    """The HDF5 file at a path, known to be whole; where it is damaged, with a warning, the generation before it.

    Parameters
    ----------
    path : str or path
    verify : bool
        Whether all bytes are read to compare their checksum; if not, only whether there is one, at the end of the file.

    Raises
    ------
    InputError
        If there is no file, or neither generation is whole.
    """
    path = checked_path(path, "a run file")
    before = previous(path)
    if not os.path.isfile(path):
        return _before(before, verify, InputError(f"there is no file {str(path)!r}."))
    try:
        return _verified(path, verify)
    except InputError as error:
        return _before(before, verify, error, damaged=path)


def _before(path: Path, verify: bool, error: InputError, damaged: Path | None = None) -> Image:
    """The generation before, with a warning; the error if it is not whole, or known to be of another run."""
    if not os.path.isfile(path):
        raise error
    with contextlib.ExitStack() as stack:
        try:
            image = stack.enter_context(_verified(path, verify))
        except InputError:
            raise error from None
        run = damaged and identity(damaged)
        if run and identity(path) != run:
            raise error
        warnings.warn(f"{error} The state before it is read instead, which is whole: {str(path)!r}.", stacklevel=4)
        stack.pop_all()
        return image


def _verified(path: Path, verify: bool = True) -> Image:
    """A file whose checksum is right, or only there, or of a format that has none."""
    name = repr(str(path))
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb"))
            if file.read(len(SIGNATURE)) != SIGNATURE:
                raise InputError(f"{name} is not a readable run file: it is not an HDF5 file.")
            size = max(0, os.fstat(file.fileno()).st_size - SEAL_LENGTH)
            checksum = _checksum(file, size) if verify else None
            file.seek(size)
            seal = file.read()
        except OSError as error:
            raise InputError(f"cannot read {name}: {os.strerror(error.errno or 0).lower()}.") from None
        if not seal.startswith(SEAL):
            size += len(seal)
            _refuse_unsealed(name, Image(file, size))
        elif checksum is not None and seal != _seal(checksum):
            raise InputError(f"{name} is damaged: its checksum is not that of what it holds.")
        stack.pop_all()
        return Image(file, size)


def _refuse_unsealed(name: str, image: Image) -> None:
    """Raise an InputError unless a file is of a format that had no seal."""
    try:
        with opened(image) as file:
            version = int(file.attrs.get("format_version", 0))
    except Exception as error:  # of any kind: the file may be made by hand
        raise InputError(f"{name} is not a readable run file: {plain(error)}.") from None
    if version in SEALED_VERSIONS:
        raise InputError(f"{name} has no checksum: it was cut short, or another program has changed it.")


def plain(error: Exception) -> str:
    """An error in our or the system's words, if there are any; those of h5py do not help."""
    if isinstance(error, TorusflowError):
        return str(error).rstrip(".")
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    number = getattr(error, "errno", None)
    if number:
        return os.strerror(number).lower()
    return "it is damaged or cut short"


def new_file(image: Image | None = None, **options) -> h5py.File:
    """An empty HDF5 file in memory, for a with statement."""
    return h5py.File(Image() if image is None else image, "w", **options)


@contextlib.contextmanager
def opened(image: Image, memory: float | None = None):
    """An HDF5 file to read, and to change in memory, once its structure is known to be harmless.

    Parameters
    ----------
    image : Image
    memory : float, optional
        Bytes of which what it holds may take half; if not given those that are free.
    """
    with h5py.File(image, "r+") as file:
        check_structure(file, image.size, free_memory() if memory is None else memory)
        yield file
