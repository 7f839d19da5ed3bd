"""Run files: one HDF5 file per descent, whole or absent, that describes itself and gives everything back."""

from .datasets import open_dataset
from .references import Reference, add_reference
from .run_file import RunFile
from .runs import Run, load
from .shared import SharedRunFile

__all__ = ["Reference", "Run", "RunFile", "SharedRunFile", "add_reference", "load", "open_dataset"]
