"""Files that are whole or absent: refusals before any work, and writes beside the final name."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError


def refuse_existing(path, overwrite: bool, example: str) -> None:
    """Raise an InputError if writing would destroy a file, or the folder is missing."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; name a file in it, such as {str(path / example)!r}.")
    if path.exists() and not overwrite:
        raise InputError(
            f"{str(path)!r} exists and is not overwritten unasked. Choose another name, or say --overwrite "
            f"(in Python: overwrite=True)."
        )
    if not path.absolute().parent.is_dir():
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
        with open(partial, "wb") as whole:
            whole.write(content)
            whole.flush()
            os.fsync(whole.fileno())
        os.replace(partial, path)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InputError(f"cannot write {str(path)!r}: {reason}. What stood under that name is as it was.") from None
    finally:
        partial.unlink(missing_ok=True)
