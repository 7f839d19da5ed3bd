"""The run file of several processes: the first of them reads and writes it, piece by piece of what each has."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..arguments import settle
from ..backends import Division, is_array
from ..errors import InputError
from ..models.grid_node import GridNODE
from ..torus.control import VelocitySpace
from ..torus.density import Density, FunctionSpace
from ..torus.grid import Torus
from .contents import real_parts
from .first_process import FirstProcess, ends_with, parts_on
from .outputs import completed, kept_of
from .run_file import RunFile


@dataclass(frozen=True)
class SharedRunFile:
    """A `RunFile` for a descent that several processes run.

    Parameters
    ----------
    file : RunFile
        All methods are its, and are called by all processes.
    space : VelocitySpace
        Of the controls.
    outputs : FunctionSpace
    """

    file: RunFile
    space: VelocitySpace
    outputs: FunctionSpace

    @classmethod
    def of(cls, file: RunFile, model) -> SharedRunFile:
        """That of a model on a grid, or an InputError."""
        if not isinstance(model, GridNODE):
            raise InputError(
                f"a {type(model).__name__} that several processes share is not stored. Leave out store, and take "
                f"space.gather(result.control)."
            )
        return cls(file, model.space, model.output_space)

    @property
    def path(self) -> str | Path:
        return self.file.path

    @property
    def interval(self) -> float:
        return self.file.interval

    @property
    def stop_file(self) -> Path:
        return self.file.stop_file

    @property
    def division(self) -> Division:
        return self.space.torus.division

    def at(self, path) -> SharedRunFile:
        return dataclasses.replace(self, file=self.file.at(path))

    def refuse_existing(self, reads=()) -> None:
        self._begun().run(lambda: self.file.refuse_existing(reads))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            self._begun().run(lambda: stack.enter_context(self.file.locked()) and None)
            yield

    def stop_asked(self) -> bool:
        return self.division.rank == 0 and self.file.stop_asked()

    def prepare(self, risk, method, validation=None, limits: dict | None = None) -> None:
        first = self._begun()
        risk, validation = self._shared(first, risk, validation)
        first.run(lambda: self.file.prepare(risk, method, validation, limits))

    def checkpoint(self, risk, method, may_change=(), validation=None) -> dict | None:
        first = self._begun()
        asked, validated = self._shared(first, risk, validation)
        found = first.run(lambda: self.file.read(asked, method, may_change, validated, first))
        return None if found is None else completed(self.path, found, risk, method, self._keeps_densities())

    def save(self, risk, method, result, checkpoint: dict, validation=None, limits: dict | None = None) -> None:
        first = self._begun()
        result, path, checkpoint = kept_of(risk.model, result, checkpoint, self._keeps_densities())
        control, output, path, checkpoint = (
            self._share(first, thing) for thing in (real_parts(result.control), result.output, path, checkpoint)
        )
        result = dataclasses.replace(result, control=control, output=output)
        risk, validation = self._shared(first, risk, validation)
        first.run(lambda: self.file.write(risk, method, result, path, checkpoint, validation, limits, first))

    def _begun(self) -> FirstProcess:
        torus = self.space.torus
        parts = parts_on(self.division, [torus.shape], self.space.whole_shape)
        return FirstProcess(self.division, torus.free_memory(), parts)

    def _keeps_densities(self) -> bool:
        """What the first process knows of the file."""
        return self.division.everyone(self.file.keeps_densities)[0]

    def _share(self, first: FirstProcess, thing) -> Any:
        """Nested mappings with shared arrays in place of controls, their real parts, and fields."""
        if isinstance(thing, dict):
            return {name: self._share(first, part) for name, part in thing.items()}
        if not is_array(thing) or thing.ndim < self.outputs.torus.dimension:
            return thing
        axis = self.space.axis
        parts = ((self.space.shape, axis), ((*self.space.shape, 2), axis), (self.outputs.shape, 0))
        found = [thing.ndim - len(part) + axis for part, axis in parts if ends_with(thing.shape, part)]
        everyone = self.division.everyone(found[:1])
        return first.share(thing, *found[:1]) if found and all(each == everyone[0] for each in everyone) else thing

    def _shared(self, first: FirstProcess, risk, validation) -> tuple[Any, Any]:
        """The risk and the validation to be stored: with the spaces of the whole grid, and shared arrays."""
        seen: dict = {}
        stored = [self._stored(first, thing, seen) for thing in (risk, validation)]
        space, outputs = copy.copy(self.space), copy.copy(self.outputs)
        axis = self.space.axis - 2
        wavenumbers = list(space.wavenumbers)
        wavenumbers[axis] = self.division.gather(wavenumbers[axis], axis, root=0)
        space.shape, space.wavenumbers, outputs.shape = space.whole_shape, tuple(wavenumbers), outputs.torus.shape
        settle(stored[0].model, space=space, output_space=outputs)
        return stored[0], stored[1]

    def _stored(self, first: FirstProcess, thing: Any, seen: dict) -> Any:
        """A copy of what a run file stores, with shared arrays in place of fields."""
        if id(thing) in seen:
            return seen[id(thing)]
        if isinstance(thing, tuple):
            found = tuple(self._stored(first, part, seen) for part in thing)
        elif is_array(thing):
            found = self._share(first, thing)
        elif isinstance(thing, Density) and thing.torus.division.processes > 1:  # of any grid
            found = copy.copy(thing)
            settle(found, values=first.share(thing.values, 0))
        elif not dataclasses.is_dataclass(thing) or isinstance(thing, type | Torus):
            return thing
        else:
            found = copy.copy(cast(Any, thing))
            for field in dataclasses.fields(thing):
                if field.init:
                    settle(found, **{field.name: self._stored(first, getattr(thing, field.name), seen)})
        seen[id(thing)] = found
        return found
