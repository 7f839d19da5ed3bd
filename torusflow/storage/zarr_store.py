"""Runs as Zarr stores, which are folders: whole or absent, and never over something else."""

from __future__ import annotations

import os
import secrets
import shutil

from ..errors import InputError
from ..extras import extra
from .datasets import open_dataset
from .whole_files import place


def refuse_store(path) -> None:
    """Raise an InputError if there is something at a path already, or zarr is not there."""
    extra("zarr", "a .zarr folder", "zarr")
    if os.path.lexists(path):
        raise InputError(
            f"{str(path)!r} exists. A Zarr store is a folder, which is never replaced: remove it, or choose another "
            f"name."
        )


def write_store(path, run, attributes: dict) -> None:
    """Write the arrays of a run file beside the final name, then give the folder that name.

    Raises
    ------
    InputError
        If it cannot be written; then nothing is.
    """
    where = place(path)
    partial = where.with_name(f".{where.name}.{secrets.token_hex(4)}.{os.getpid()}.part")
    try:
        with open_dataset(run) as data:
            data.attrs = attributes
            data.drop_encoding().to_zarr(partial, zarr_format=2, consolidated=True)  # which every version reads
        os.rename(partial, where)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}. Nothing was written.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
