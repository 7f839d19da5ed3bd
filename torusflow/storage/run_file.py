"""The file that a descent stores its run in, and goes on from."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import shutil
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends import ON_DEVICES, PACKAGES, is_there
from ..display import OneLine
from ..errors import InputError
from ..torus.coordinates import Coordinates
from .contents import WITHOUT_DENSITIES, on_densities, plain_text, rehearse_run, write_run
from .encoding import encode, refuse_oversized, whole
from .image import Image
from .kinds import RUN
from .mappings import differences, read_mapping
from .outputs import completed, kept_of
from .reading import changed_run, opened_run, text
from .references import read_references, write_reference
from .sealed import new_file, new_identity, previous, refuse_foreign, write_sealed
from .whole_files import locked, place, refuse_existing, refuse_read

if TYPE_CHECKING:
    from .first_process import FirstProcess

# What may change when a run is resumed: how long a step is, and who computes it.
MAY_CHANGE = ("step", "threads")
# That a file holds at least, of the run and of its checkpoint.
CONTROLS = 3


@dataclass(frozen=True)
class RunFile(OneLine):
    """A file in which a descent stores its run.

    Parameters
    ----------
    path : str or path
        Conventionally ending in .h5.
    overwrite : bool
        Whether an existing run file may be replaced; a file of another kind never is.
    coordinates : Coordinates
        The user's units, for plots and the file's own axes.
    interval : float
        Seconds between writes while the descent runs.
    notes : str
        What else is to be kept with the run; ``Run.attributes["notes"]``.
    densities : bool
        Whether the densities on the grid are kept that the control makes: the last one and those at the ends of the
        layers. Without them a file of a model on a grid has the control, the history, the problem and what resuming
        needs, and `load` has the model make the densities anew. A run that goes on stays without.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> store = tfl.RunFile('run.h5', overwrite=True)
    >>> found = tfl.descend(risk, start, tfl.LBFGS(), 5, store=store)
    >>> print(tfl.load('run.h5').status == found.status)
    True
    """

    path: str | Path
    overwrite: bool = False
    coordinates: Coordinates = dataclasses.field(default_factory=Coordinates)
    interval: float = 60.0
    notes: str = ""
    densities: bool = True

    # What the file of the next save shares with those before it: which run it is, what stands beside the run; and a
    # stop file that was there before the run began and cannot be removed.
    _run: dict = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    def prepare(self, risk, method, validation=None, limits: dict | None = None) -> None:
        """Raise an InputError, before any work, if writing would destroy a file or cannot succeed.

        All is written that can be before the first step, into memory, and an empty file beside the place of the run.
        """
        self.refuse_existing()
        if not self.densities and not on_densities(risk.model):
            raise InputError(
                f"densities=False leaves densities on a grid out of a run file, and a {type(risk.model).__name__} "
                f"makes none. Leave it out."
            )
        with Image() as image, new_file(image, track_order=True) as file:
            rehearse_run(file, risk, method, self.coordinates, validation, limits or {}, self.densities)
            refuse_oversized(file["problem"], CONTROLS * math.prod(risk.space.shape))
            file.flush()
            needed = image.size
        total, _, free = shutil.disk_usage(place(self.path).parent)
        if total and free < needed:  # some systems do not say
            raise InputError(
                f"cannot write {str(self.path)!r}: it would take {needed / 1e6:.3g} MB or more, and {free / 1e6:.3g} "
                f"MB are free there. Choose another place."
            )
        if not os.path.exists(self.path) and os.path.exists(previous(self.path)):
            warnings.warn(
                f"{str(previous(self.path))!r} is of an earlier run of this name, and is removed once this one is "
                f"stored. Move it away to keep it.",
                stacklevel=3,
            )
        self._run.update(identity=new_identity(), references=[], densities=True)

    def refuse_existing(self, reads=()) -> None:
        """Raise an InputError if writing would destroy a file, one of those that are read among them, or cannot be."""
        refuse_existing(self.path, self.overwrite, RUN, reads)
        for companion in (previous(self.path), self.stop_file):  # they go, sooner or later
            refuse_read(companion, reads)

    @contextlib.contextmanager
    def locked(self):
        """A context for one descent, in which no other process writes this run; an InputError if one does already.

        A stop file from before is removed, with a warning: it was meant for another descent.
        """
        with locked(self.path):
            self._run["stop"] = before = self._stop()
            if before is not None:
                self._remove_stop()
                warnings.warn(
                    f"{str(self.stop_file)!r} existed before this descent began, so it does not stop it.",
                    stacklevel=4,
                )
            yield

    @property
    def stop_file(self) -> Path:
        """The file whose existence ends the descent."""
        path = Path(self.path)
        return path.with_name(f"{path.name}.stop")

    def stop_asked(self) -> bool:
        """Whether the stop file is there, and was not before the descent; it is removed."""
        found = self._stop()
        if found is None or found == self._run.get("stop"):
            return False
        self._remove_stop()
        return True

    def _stop(self) -> tuple | None:
        """The stop file that exists, if any; a folder of that name does not count."""
        with contextlib.suppress(OSError):
            found = os.stat(self.stop_file)
            if stat.S_ISREG(found.st_mode):
                return found.st_dev, found.st_ino, found.st_ctime_ns
        return None

    def _remove_stop(self) -> None:
        with contextlib.suppress(OSError):
            self.stop_file.unlink()

    def checkpoint(self, risk, method, may_change=(), validation=None) -> dict | None:
        """What the stored run needs to go on; None if there is no file yet.

        Parameters
        ----------
        risk, method
            What it is to go on with; they may differ in the step, the threads, and the keys in may_change.
        validation : Risk, callable or None
            That of `descend`; functions cannot be compared.

        Raises
        ------
        InputError
            If the file holds another problem, or nothing to go on from.
        """
        checkpoint = self.read(risk, method, may_change, validation)
        if checkpoint is None:
            return None
        return completed(self.path, checkpoint, risk, method, self.keeps_densities)

    @property
    def keeps_densities(self) -> bool:
        """Whether the next save writes them."""
        return self.densities and self._run.get("densities", True)

    def read(self, risk, method, may_change=(), validation=None, first: FirstProcess | None = None) -> dict | None:
        """The checkpoint as it stands in the file, not yet checked; its parameters are those of `checkpoint`.

        Parameters
        ----------
        first : FirstProcess, optional
            Who reads what several processes share.
        """
        if not os.path.exists(self.path) and not os.path.exists(previous(self.path)):
            return None
        refuse_foreign(self.path)
        things = {"risk": risk, "method": method}
        if dataclasses.is_dataclass(validation):
            things["validation"] = validation
        name = repr(str(self.path))
        memory, read, shared = (first.memory, first.read, first.stands) if first else (None, whole, {})
        with opened_run(self.path, memory) as file, _encoded(**things) as asked:
            if "checkpoint" not in file:
                raise InputError(
                    f"{name} was written without what resuming needs, by an older torusflow. Start a new run from its "
                    f"control: descend(run.risk, run.control, ...)."
                )
            problem: Any = file["problem"]
            changed = [
                change
                for part in things
                if part in problem
                for change in differences(problem[part], asked[part], part, (*MAY_CHANGE, *may_change), shared)
            ]
            for library, package in PACKAGES.items():
                if any(f'.library: "{library}" in' in change for change in changed) and not is_there(library):
                    raise InputError(
                        f"{name} was computed with {package}, which is not installed here, so it cannot go on to the "
                        f"last bit. Install {package}, or start a new run from where it stands: torusflow refine "
                        f"{self.path} -o new.h5 (in Python: descend(run.risk, run.control, run.method, "
                        f"store='new.h5'))."
                    )
            if any(f'.library: "{library}" in' in change for library in ON_DEVICES for change in changed):
                raise InputError(
                    f"{name} was computed on a GPU, so it cannot go on here to the last bit. Go on there (torusflow "
                    f"resume {self.path} --device cuda; load(path, device='cuda')), or begin a new run where it "
                    f"stands: torusflow refine {self.path} -o new.h5."
                )
            if changed:
                raise InputError(
                    f"{name} is a run of another problem, so it cannot be resumed with this one. What differs: "
                    f"{'; '.join(changed[:5])}{' ...' if len(changed) > 5 else ''}."
                )
            run = text(file, "identity") if "identity" in file.attrs else new_identity()
            notes = text(file, "notes") if "notes" in file.attrs else ""
            densities = not WITHOUT_DENSITIES.keys() <= file.attrs.keys()
            references = list(read_references(file).values())
            self._run.update(identity=run, references=references, notes=notes, densities=densities)
            was_validated = "checkpoint/history/validation" in file
            _refuse_other_validation(name, "validation" in problem, was_validated, validation)
            return read_mapping(file["checkpoint"], read)

    def at(self, path) -> RunFile:
        """The same with another path."""
        return dataclasses.replace(self, path=path, densities=self.keeps_densities)

    def save(self, risk, method, result, checkpoint: dict, validation=None, limits: dict | None = None) -> None:
        """Write the whole run beside the final name, then give it that name.

        While the status is "running" the state before stays beside it as ``.NAME.previous``. What `add_reference` put
        beside the run before it went on stays in the file.

        Raises
        ------
        InputError
            If the disk is full or the place cannot be written; what stood under the name is left as it was.
        """
        kept = kept_of(risk.model, result, checkpoint, self.keeps_densities)
        self.write(risk, method, *kept, validation, limits)

    def write(
        self,
        risk,
        method,
        result,
        trajectory,
        checkpoint: dict,
        validation=None,
        limits: dict | None = None,
        first: FirstProcess | None = None,
    ) -> None:
        """Write what `kept_of` gave; the arrays may be shared ones, of the first process."""
        # Made in memory first: the HDF5 library can crash the process when a disk is full as it closes a file.
        with Image() as image:
            with new_file(image, track_order=True) as file:
                write_run(
                    file, risk, method, result, self.coordinates, checkpoint, validation, limits or {}, trajectory
                )
                file.attrs["identity"] = self._run.setdefault("identity", new_identity())
                if notes := self.notes or self._run.get("notes"):
                    file.attrs["notes"] = plain_text(notes)
                for reference in self._run.get("references", []):
                    write_reference(file, reference)
                if first:
                    image.arrays = first.places(file)
            write_sealed(self.path, image, keep_previous=result.status.startswith("running"))

    def restate(self, status: str) -> None:
        """Give the stored run another status."""
        with locked(self.path), changed_run(self.path) as file:
            file.attrs["status"] = plain_text(status)


def _refuse_other_validation(name: str, of_problem: bool, was_validated: bool, validation) -> None:
    """Raise an InputError unless the run was validated as it is to be from now on; by a `Risk` if `of_problem`."""
    if was_validated and validation is None:
        what = "validation=load(...).validation" if of_problem else "the same function as validation=..., from Python"
        raise InputError(f"{name} was stored with a validation, so it cannot be resumed without it. Give {what}.")
    if validation is not None and not was_validated:
        raise InputError(
            f"{name} was stored without a validation, so it cannot be resumed with one. Leave validation out, or start "
            f"a new run from its control: descend(run.risk, run.control, ...)."
        )
    if was_validated and of_problem != dataclasses.is_dataclass(validation):
        was, now = ("a Risk", "a function") if of_problem else ("a function", "a Risk")
        raise InputError(f"{name} was stored with {was} as validation; it cannot be resumed with {now}. Give the same.")


@contextlib.contextmanager
def _encoded(**things):
    """Things encoded in a file that is never written."""
    with new_file() as file:
        for name, thing in things.items():
            encode(file, name, thing, {})
        yield file
