"""Where a descent writes itself, and where it goes on from."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import h5py

from ..encoding import encode, refuse_oversized
from ..errors import InputError
from ..files import locked, refuse_existing
from ..torus.coordinates import Coordinates
from ..torus.transform import default_library
from .checkpoint import checked_checkpoint, differences, read_mapping
from .images import opened, read_image, write_image
from .layout import write_run
from .reading import opened_run

# What may change when a run is resumed: how long a step is, and who computes it.
MAY_CHANGE = ("step", "threads")
# That a file holds at least, of the run and of its checkpoint.
CONTROLS = 3


@dataclass(frozen=True)
class RunFile:
    """Where a descent writes itself.

    Parameters
    ----------
    path : str or path
        Conventionally ending in .h5.
    overwrite : bool
        Whether an existing file may be replaced.
    coordinates : Coordinates
        The user's units, for plots and the file's own axes.
    interval : float
        Seconds between writes while the descent runs.
    """

    path: str | Path
    overwrite: bool = False
    coordinates: Coordinates = dataclasses.field(default_factory=Coordinates)
    interval: float = 60.0

    def prepare(self, risk, method) -> None:
        """Raise an InputError, before any work, if writing would destroy a file or cannot succeed."""
        self.refuse_existing()
        with _rehearsed(risk=risk, method=method) as file:
            refuse_oversized(file, CONTROLS * math.prod(risk.space.shape))

    def refuse_existing(self) -> None:
        """Raise an InputError if writing would destroy a file or the folder is missing."""
        refuse_existing(self.path, self.overwrite, "run.h5")

    def locked(self):
        """A context in which no other process writes this run; an InputError if one does already."""
        return locked(self.path)

    @property
    def stop_file(self) -> Path:
        """Whose existence ends the descent."""
        path = Path(self.path)
        return path.with_name(f"{path.name}.stop")

    def stop_asked(self) -> bool:
        """Whether the stop file is there; it is removed."""
        asked = self.stop_file.exists()
        self.stop_file.unlink(missing_ok=True)
        return asked

    def checkpoint(self, risk, method, may_change=()) -> dict | None:
        """What the stored run needs to go on; None if there is no file yet.

        Parameters
        ----------
        risk, method
            What it shall go on with; they may differ in the step, the threads, and the keys in may_change.

        Raises
        ------
        InputError
            If the file holds another problem, or nothing to go on from.
        """
        if not Path(self.path).exists():
            return None
        name = repr(str(self.path))
        with opened_run(self.path) as file, _rehearsed(risk=risk, method=method) as asked:
            if "checkpoint" not in file:
                raise InputError(
                    f"{name} was written without what resuming needs, by an older torusflow. Start a new run from its "
                    f"control: descend(run.risk, run.control, ...)."
                )
            changed = [
                change
                for part in ("risk", "method")
                for change in differences(file["problem"][part], asked[part], part, (*MAY_CHANGE, *may_change))
            ]
            if default_library() != "fftw" and any(".library: " in change for change in changed):
                raise InputError(
                    f"{name} was computed with FFTW through pyFFTW, which is not installed here, so it cannot go on to "
                    f"the last bit. Install pyfftw, or begin a new run where it stands: torusflow refine {self.path} "
                    f"-o new.h5 (in Python: descend(run.risk, run.control, run.method, store='new.h5'))."
                )
            if changed:
                raise InputError(
                    f"{name} is a run of another problem, so it cannot be resumed with this one. What differs: "
                    f"{'; '.join(changed[:5])}{' ...' if len(changed) > 5 else ''}."
                )
            return checked_checkpoint(read_mapping(file["checkpoint"]), risk.space, risk.model.output_space, method)

    def save(self, risk, method, result, checkpoint: dict, validation=None, limits: dict | None = None) -> None:
        """Write the whole run beside the final name, then give it that name.

        While the status is "running" the state before stays beside it as ``.NAME.previous``.

        Raises
        ------
        InputError
            If the disk is full or the place cannot be written; what stood under the name is left as it was.
        """
        # Made in memory first: the HDF5 library can crash the process when a disk is full as it closes a file.
        with h5py.File("run", "w", driver="core", backing_store=False, track_order=True) as file:
            write_run(file, risk, method, result, self.coordinates, checkpoint, validation, limits or {})
            file.flush()
            image = file.id.get_file_image()
        write_image(self.path, image, keep_previous=result.status.startswith("running"))

    def restate(self, status: str) -> None:
        """Give the stored run another status."""
        with opened(read_image(self.path)) as file:
            file.attrs["status"] = status
            file.flush()
            image = file.id.get_file_image()
        write_image(self.path, image, keep_previous=False)


@contextlib.contextmanager
def _rehearsed(**things):
    """Things encoded in a file that is never written."""
    with h5py.File("rehearsal", "w", driver="core", backing_store=False) as file:
        for name, thing in things.items():
            encode(file, name, thing, {})
        yield file
