"""The bytes of a run file, sealed with a checksum, and the generation before them."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import mmap
import os
import re
import secrets
import warnings
from pathlib import Path

import h5py

from ..arguments import checked_path
from ..errors import InputError, TorusflowError
from ..memory import free_memory
from .kinds import FOREIGN_HDF5, NOTHING, RUN, UNKNOWN
from .structure import check_structure
from .whole_files import kind_held, place, replace, written_beside

# HDF5 ignores what follows the end of its file: the seal stands there.
SEAL = b"\ntorusflow sha256 "
SEAL_LENGTH = len(SEAL) + 64 + 1
# Found in the bytes, so that a damaged file can still say which run it is of.
IDENTITY = re.compile(rb"torusflow run [0-9a-f]{32}")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The bytes of a file are held that often as it is read: as they were, without the seal, and by HDF5.
COPIES = 3
# Formats whose files are sealed; those of the future are refused for their own reason.
SEALED_VERSIONS = (2,)

_numbers = itertools.count()


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


def identity(hdf5) -> str | None:
    """Which run the bytes of a file are of, also where it is damaged; None if it does not say."""
    found = IDENTITY.search(hdf5)
    return found and found[0].decode()


def write_sealed(path, hdf5: bytes, keep_previous: bool) -> None:
    """Write an HDF5 file, sealed and whole; what stood there stays beside it as the previous generation, or none does.

    What stands is touched once the new file is on the disk and has been read back. Only a whole file of the same run
    becomes the previous generation, and none of another run is left.

    Raises
    ------
    InputError
        If it cannot be written; both generations are then as they were.
    """
    where, before = place(path), previous(path)
    parts = hdf5, SEAL + hashlib.sha256(hdf5).hexdigest().encode() + b"\n"
    with written_beside(path, *parts, like=[before]) as partial:
        with open(partial, "rb") as file:
            same = all(file.read(len(part)) == part for part in parts) and not file.read(1)
        if not same:
            raise InputError(
                f"cannot write {str(path)!r}: what is read back is not what was written. What stands there is as it "
                f"was."
            )
        whole = keep_previous and _is_of(where, hdf5)
        if whole:
            _link(where, before)
        replace(partial, where)
    if not whole and not (keep_previous and _is_of(before, hdf5)):
        with contextlib.suppress(OSError):
            before.unlink(missing_ok=True)


def _is_of(path: Path, hdf5: bytes) -> bool:
    """Whether there is a whole file of the same run."""
    try:
        return identity(_verified(path)) == identity(hdf5)
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


def read_sealed(path) -> bytes:
    """The bytes of the HDF5 file at a path; where it is damaged, with a warning that says so, the generation before it.

    Raises
    ------
    InputError
        If there is no file, or neither generation is whole.
    """
    path = checked_path(path, "a run file")
    before = previous(path)
    if not os.path.isfile(path):
        return _before(before, InputError(f"there is no file {str(path)!r}."))
    try:
        return _verified(path)
    except InputError as error:
        return _before(before, error, damaged=path)


def _before(path: Path, error: InputError, damaged: Path | None = None) -> bytes:
    """The generation before, with a warning; the error if it is not whole, or known to be of another run."""
    if not os.path.isfile(path):
        raise error
    try:
        hdf5 = _verified(path)
    except InputError:
        raise error from None
    run = damaged and _claimed(damaged)
    if run and identity(hdf5) != run:
        raise error
    warnings.warn(f"{error} The state before it is read instead, which is whole: {str(path)!r}.", stacklevel=4)
    return hdf5


def _claimed(path: Path) -> str | None:
    """Which run a damaged file says it is of, if it does."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return identity(content)
    except (OSError, ValueError):  # it is empty
        return None


def _verified(path: Path) -> bytes:
    name = repr(str(path))
    try:
        content = _content(path)
    except OSError as error:
        raise InputError(f"cannot read {name}: {os.strerror(error.errno or 0).lower()}.") from None
    hdf5, seal = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if seal.startswith(SEAL):
        if seal[len(SEAL) : -1].decode("ascii", "replace") != hashlib.sha256(hdf5).hexdigest():
            raise InputError(f"{name} is damaged: its checksum is not that of what it holds.")
        return hdf5
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
            raise InputError(f"{str(path)!r} is not a readable run file: it is not an HDF5 file.")
        size = os.fstat(file.fileno()).st_size
        if COPIES * size > free_memory():
            raise InputError(f"{str(path)!r} has {size / 1e9:.3g} GB, more than fits into the memory that is free.")
        file.seek(0)
        return file.read()


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


def new_file(**options) -> h5py.File:
    """An empty HDF5 file in memory, for a with statement."""
    return h5py.File(_name(), "w", driver="core", backing_store=False, **options)


def _name() -> str:
    """One that no other file in memory has: HDF5 takes two of one name, in two threads say, for the same file."""
    return f"run {next(_numbers)}"


@contextlib.contextmanager
def opened(hdf5: bytes):
    """Bytes as an HDF5 file in memory, to read and to change, once its structure is known to be harmless."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(hdf5)
    with h5py.File(h5py.h5f.open(_name().encode(), h5py.h5f.ACC_RDWR, access)) as file:
        check_structure(file, len(hdf5))
        yield file
