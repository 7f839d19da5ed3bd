"""Files that are whole or absent: refusals before any work, and writes beside the final name."""

from __future__ import annotations

import contextlib
import glob
import os
from pathlib import Path

from .arguments import checked_path
from .errors import InputError


def refuse_existing(path, overwrite: bool, example: str) -> None:
    """Raise an InputError if writing would destroy a file, or the folder is missing."""
    path = checked_path(path, "the file to write")
    if os.path.isdir(path):
        raise InputError(f"{str(path)!r} is a folder; name a file in it, such as {str(path / example)!r}.")
    if os.path.exists(path) and not overwrite:
        raise InputError(
            f"{str(path)!r} exists and is not overwritten unasked. Choose another name, or say --overwrite "
            f"(in Python: overwrite=True)."
        )
    if not os.path.isdir(path.absolute().parent):
        raise InputError(f"the folder {str(path.absolute().parent)!r} does not exist; make it first.")


def write_whole(path, content: bytes) -> None:
    """Write a file beside its final name, then give it that name.

    Raises
    ------
    InputError
        If the disk is full or the place cannot be written; what stood under the name is left as it was.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.unlink(missing_ok=True)
        with open(partial, "xb") as whole:  # a link that somebody has put there is not followed
            whole.write(content)
            whole.flush()
            os.fsync(whole.fileno())
        os.replace(partial, path)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InputError(f"cannot write {str(path)!r}: {reason}. What stood under that name is as it was.") from None
    finally:
        with contextlib.suppress(OSError):  # where it could not be made it cannot be looked for
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path):
    """A context that one process at a time is in, for files of one name; ends with the process, however it ends.

    Raises
    ------
    InputError
        If another process is in it.
    """
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    while True:
        try:
            handle = open(lock, "a")  # noqa: SIM115 (closed at the end of the context)
        except OSError as error:
            raise InputError(f"cannot write beside {str(path)!r}: {os.strerror(error.errno).lower()}.") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            raise InputError(
                f"another process is writing {str(path)!r}. Wait for it, stop it, or choose another name."
            ) from None
        # The process before removes the lock as it ends: then this one is no longer the file of that name.
        if lock.exists() and os.path.samestat(os.fstat(handle.fileno()), lock.stat()):
            break
        handle.close()
    _remove_parts(path)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        handle.close()


def _remove_parts(path: Path) -> None:
    """What processes that were killed as they wrote have left beside a file."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(ValueError, PermissionError):
            try:
                os.kill(int(part.name.split(".")[-2]), 0)
            except ProcessLookupError:
                part.unlink(missing_ok=True)
