"""Files that are whole or absent: refusals before any work, and writes beside the final name."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from ..arguments import checked_path
from ..errors import InputError
from .kinds import ANIMATION, ARRAYS, NETCDF, NOTHING, PICTURE, REPORT, RUN, TABLE, VTK, ZARR, kind_of

EXAMPLES = {RUN: "run.h5", PICTURE: "picture.png", TABLE: "table.csv", ARRAYS: "run.npz", NETCDF: "run.nc"}
EXAMPLES |= {ZARR: "run.zarr", VTK: "run.vti", REPORT: "report.html", ANIMATION: "run.gif"}
# For this process alone, never through a link that somebody has put there.
OWN = os.O_CREAT | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))


def place(path) -> Path:
    """The path of a file with links followed, so that they stay when it is replaced."""
    return Path(os.path.realpath(checked_path(path, "a file")))


def refuse_existing(path, overwrite: bool, kind: str, reads: Iterable = ()) -> None:
    """Raise an InputError if writing would destroy a file or cannot succeed.

    Parameters
    ----------
    path : str or path
    overwrite : bool
        Whether an existing file of the same kind may be replaced; one of another kind never is.
    kind : str
        What will be written: a key of `EXAMPLES`.
    reads : paths
        What is read to make it, which is never written over, under whatever name.
    """
    path = checked_path(path, "the file to write")
    name = repr(str(path))
    if os.path.isdir(path):
        raise InputError(f"{name} is a folder; name a file in it, such as {str(path / EXAMPLES[kind])!r}.")
    refuse_read(path, reads)
    if os.path.exists(path):
        held = kind_held(path)
        if held not in (kind, NOTHING):
            raise InputError(f"{name} holds {held}, which {kind} never replaces. Choose another name.")
        if not overwrite:
            python = "RunFile(path, overwrite=True)" if kind == RUN else "overwrite=True"
            raise InputError(
                f"{name} exists and is not overwritten unless you ask for it. Choose another name, or use --overwrite "
                f"(in Python: {python})."
            )
    folder = place(path).parent
    if not os.path.isdir(folder):
        raise InputError(f"the folder {str(folder)!r} does not exist; make it first.")
    with written_beside(path):  # as it will be written
        pass


def refuse_read(path, reads: Iterable) -> None:
    """Raise an InputError if a file to be written, or removed, is one of those that are read."""
    for source in reads:
        try:
            same = os.path.samefile(path, source)
        except (OSError, ValueError):  # one of them is not there
            continue
        if same:
            raise InputError(f"{str(path)!r} is an input here, so it is not overwritten. Choose another name.")


def kind_held(path) -> str:
    """What an existing file holds, in words.

    Raises
    ------
    InputError
        If it cannot be read, so that it is not known what would be lost.
    """
    try:
        return kind_of(path)
    except OSError as error:
        raise InputError(
            f"cannot read what {str(path)!r} holds, so it is not overwritten: {_reason(error)}. Choose another name."
        ) from None


def write_whole(path, content: bytes | Iterable[bytes]) -> None:
    """Write a file beside its final name, then give it that name; it has the permissions of what stood there.

    Parameters
    ----------
    path : str or path
    content : bytes, or pieces of them
        One after the other.

    Raises
    ------
    InputError
        If the disk is full or the place cannot be written; what stood under the name is left as it was.
    """
    with written_beside(path, [content] if isinstance(content, bytes) else content) as partial:
        replace(partial, place(path))


@contextlib.contextmanager
def written_beside(path, content: Iterable[bytes] = (), like: Iterable[Path] = ()):
    """A context with a new file, whole and on the disk, beside the place it is meant for; it is removed unless renamed.

    Parameters
    ----------
    path : str or path
    content : bytes
        One after the other.
    like : paths
        Files whose permissions it is to have: those of the first that exists.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    where = place(path)
    before = next((os.stat(file) for file in (where, *like) if os.path.isfile(file)), None)
    partial = where.with_name(f".{where.name}.{secrets.token_hex(4)}.{os.getpid()}.part")
    try:
        mode = 0o666 if before is None else stat.S_IMODE(before.st_mode) & 0o777
        with open(os.open(partial, OWN | os.O_WRONLY | os.O_EXCL, mode), "wb") as whole:
            whole.writelines(content)
            if before is not None:
                _permit(whole.fileno(), before)
            whole.flush()
            os.fsync(whole.fileno())
        yield partial
    except OSError as error:
        stands = "What was there before is unchanged." if os.path.lexists(where) else "Nothing was written."
        raise InputError(f"cannot write {str(path)!r}: {_reason(error)}. {stands}") from None
    finally:
        with contextlib.suppress(OSError):  # where it could not be made it cannot be looked for
            partial.unlink(missing_ok=True)


def _permit(handle: int, before: os.stat_result) -> None:
    """The owner and the permissions of the file before; nobody else gets those of its group."""
    if not hasattr(os, "fchown"):  # not on this system
        return
    for owner in (before.st_uid, -1):  # an ordinary user may give away the group only
        with contextlib.suppress(OSError):
            os.fchown(handle, owner, before.st_gid)
            break
    same_group = os.fstat(handle).st_gid == before.st_gid
    os.fchmod(handle, stat.S_IMODE(before.st_mode) & (0o777 if same_group else 0o707))


def replace(partial: Path, path: Path) -> None:
    """Give a file its final name, also after a power cut."""
    os.replace(partial, path)
    with contextlib.suppress(OSError):  # a system on which folders cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def locked(path):
    """A context that one process at a time is in, for files of one name; ends with the process, however it ends.

    Raises
    ------
    InputError
        If another process is in it.
    """
    where = place(path)
    if os.path.isdir(where):
        raise InputError(f"{str(path)!r} is a folder; name a file in it.")
    lock = where.with_name(f".{where.name}.lock")
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    while True:
        try:
            handle = os.fdopen(os.open(lock, OWN | os.O_RDWR, 0o666), "a")
        except OSError as error:
            raise InputError(f"cannot write beside {str(path)!r}: {_reason(error)}.") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise InputError(
                f"another process is writing {str(path)!r}. Wait for it, stop it, or choose another name."
            ) from None
        except OSError as error:
            handle.close()
            raise InputError(f"cannot lock {str(path)!r} against other processes: {_reason(error)}.") from None
        # The process before removes the lock as it ends: then this one is no longer the file of that name.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle.fileno()), os.lstat(lock)):
                break
        handle.close()
    try:
        _remove_parts(where)
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder has gone
            lock.unlink(missing_ok=True)
        handle.close()


def _remove_parts(path: Path) -> None:
    """What processes that were killed as they wrote have left beside a file."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(ValueError, OverflowError, OSError):  # no number, or not ours
            try:
                os.kill(int(part.name.split(".")[-2]), 0)
            except ProcessLookupError:
                part.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)
