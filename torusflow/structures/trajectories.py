"""Where atoms are, frame by frame, as MDAnalysis reads trajectories."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import checked_file
from ..errors import InputError
from .dihedrals import placed


class Format(NamedTuple):
    """Module and class of MDAnalysis, and how many Angstrom its unit of length is."""

    module: str
    reader: str
    unit: float


FORMATS = {
    ".dcd": Format("libdcd", "DCDFile", 1.0),
    ".trr": Format("libmdaxdr", "TRRFile", 10.0),
    ".xtc": Format("libmdaxdr", "XTCFile", 10.0),
}


def check_is_there(path: Path) -> None:
    """Raise an InputError unless there is a file; libraries say it each in their way."""
    if not path.is_file():
        raise InputError(f"{str(path)!r} cannot be read: there is no such file.")


def read_frames(path, count: int) -> Iterator[np.ndarray]:
    """The positions of so many atoms in each frame of a trajectory, array (count, 3), in Angstrom.

    MDAnalysis' files are read from front to end, without the indices that its readers leave beside trajectories.

    Raises
    ------
    InputError
        If MDAnalysis is not there, or the file has another suffix, cannot be read, or moves another number of atoms.
    """
    path = checked_file(path, "a trajectory")
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"{str(path)!r} is not named as a trajectory, {', '.join(FORMATS)}. Convert it to one of these, or write "
            f"its frames as the models of one PDB file."
        )
    check_is_there(path)
    module, name, unit = FORMATS[path.suffix.lower()]
    try:
        reader = getattr(importlib.import_module(f"MDAnalysis.lib.formats.{module}"), name)
    except ImportError as error:
        raise InputError(
            f"trajectories are read by MDAnalysis, which cannot be imported ({error}). Install it: pip install "
            f"'torusflow[trajectories]', or write the frames as the models of one PDB file."
        ) from None
    try:
        with reader(str(path)) as file:
            for frame in file:
                positions = placed(unit * np.asarray(frame[0], float))
                if len(positions) != count:
                    raise InputError(
                        f"{str(path)!r} moves {len(positions)} atoms, the structure has {count}. Give the structure of "
                        f"the same atoms in the same order."
                    )
                yield positions
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r} cannot be read as a trajectory: {str(error).rstrip('.')}.") from None
