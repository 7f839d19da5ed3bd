"""Files to try torusflow on, which come with it."""

from __future__ import annotations

from pathlib import Path

from .arguments import checked_path
from .errors import InputError

# Of an installation, and of a checkout.
FOLDERS = (Path(__file__).parent / "data", Path(__file__).parent.parent / "data")


def example_file(name) -> Path:
    """Where one of the files is that come with torusflow.

    Parameters
    ----------
    name : str
        "adk_torsions.csv" (torsion angles of a protein in degrees), "adk.toml" (a problem file for them), "peptide.cif"
        (a structure) or "porous_medium.h5" (solutions to compare with). Sources and licences: "README.md" beside them.

    Raises
    ------
    InputError
        If there is no such file.

    Examples
    --------
    >>> import torusflow as tfl
    >>> tfl.example_file("adk_torsions.csv").name
    'adk_torsions.csv'
    """
    folder = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])
    path = folder / checked_path(name, "the name of an example")
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in folder.glob("[a-z]*.*"))) or "none"
        raise InputError(f"no file {str(name)!r} comes with torusflow. There are {there}.")
    return path
