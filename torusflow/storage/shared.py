"""The run file of several processes: what they have is put together by the first of them, which reads and writes."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..arguments import settle
from ..backends import Division, is_array
from ..errors import InputError, TorusflowError
from ..models.grid_node import GridNODE
from ..torus.control import VelocitySpace
from ..torus.density import Density, FunctionSpace
from ..torus.grid import Torus
from .run_file import RunFile


@dataclass(frozen=True)
class SharedRunFile:
    """A `RunFile` for a descent that several processes run: whole arrays are on the first one while it writes.

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
        self._first(lambda: self.file.refuse_existing(reads))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            self._first(lambda: stack.enter_context(self.file.locked()) and None)
            yield

    def stop_asked(self) -> bool:
        return self.division.rank == 0 and self.file.stop_asked()

    def prepare(self, risk, method, validation=None, limits: dict | None = None) -> None:
        risk, validation = self._alone(risk, validation)
        self._first(lambda: self.file.prepare(risk, method, validation, limits))

    def checkpoint(self, risk, method, may_change=(), validation=None) -> dict | None:
        risk, validation = self._alone(risk, validation)
        whole: dict = {}

        def read() -> bool:
            found = self.file.checkpoint(risk, method, may_change, validation)
            whole.update(found or {})
            return found is not None

        return self._scattered(whole) if self._first(read) else None

    def save(self, risk, method, result, checkpoint: dict, validation=None, limits: dict | None = None) -> None:
        path = self._gathered(risk.model.trajectory(result.control))
        control, output = self._gathered(result.control), self._gathered(result.output)
        result, checkpoint = dataclasses.replace(result, control=control, output=output), self._gathered(checkpoint)
        risk, validation = self._alone(risk, validation)
        self._first(lambda: self.file.save(risk, method, result, checkpoint, validation, limits, path))

    # -- by the first process --------------------------------------------------------------------------------------

    def _first(self, function: Callable[[], Any]) -> Any:
        """What a function gives on the first process, for all; or the error that it raises there."""
        value, said, error = None, "", None
        if self.division.rank == 0:
            try:
                value = function()
            except Exception as raised:
                error = raised
                said = str(error) if isinstance(error, TorusflowError) else f"{type(error).__name__}: {error}"
        value, said = self.division.everyone((value, said))[0]
        if isinstance(error, TorusflowError):
            raise error
        if said:
            raise InputError(said) from error
        return value

    def _gathered(self, thing) -> Any:
        """Controls and fields within nested mappings whole on the first process, and None elsewhere."""
        if isinstance(thing, dict):
            return {name: self._gathered(part) for name, part in thing.items()}
        kind = self._kind(thing, self.space.shape, self.outputs.shape)
        if kind == "control":
            return self.space.torus.division.gather(thing, self.space.axis - len(self.space.shape), root=0)
        return self.outputs.torus.gather(thing, root=0) if kind == "field" else thing

    def _scattered(self, thing) -> Any:
        """The parts here of what the first process has whole; the inverse of `_gathered`."""
        division, first = self.division, self.division.rank == 0
        names = division.everyone(list(thing) if isinstance(thing, dict) else None)[0]
        if names is not None:
            return {name: self._scattered(thing[name] if first else None) for name in names}
        kind = self._kind(thing, self.space.whole_shape, self.outputs.torus.shape)
        if kind == "field":
            return self.outputs.torus.scatter(thing)
        if kind == "control":
            return self.space.scatter(thing)
        return division.everyone(thing)[0]

    def _kind(self, thing, control, field) -> str:
        """What an array is by its shape, as the first process sees it."""
        shape = np.shape(thing) if is_array(thing) else ()
        kind = "control" if shape[-len(control) :] == tuple(control) else ""
        kind = "field" if not kind and shape[-len(field) :] == tuple(field) else kind
        return self.division.everyone(kind)[0]

    def _alone(self, risk, validation) -> tuple[Any, Any]:
        """The risk and the validation as one process would have them, to be stored; the values on the first alone."""
        seen: dict = {}
        alone = [_alone(thing, seen) for thing in (risk, validation)]
        model, space = alone[0].model, self.space
        torus = _alone(space.torus, seen)
        outputs = self.outputs.on(torus)
        settle(model, space=space.on(torus), output_space=outputs)
        return alone[0], alone[1]


def _alone(thing: Any, seen: dict) -> Any:
    """A copy of what a run file stores, of tori without communicator."""
    if id(thing) in seen:
        return seen[id(thing)]
    if isinstance(thing, Torus):
        found = thing.alone()
    elif isinstance(thing, tuple):
        found = tuple(_alone(part, seen) for part in thing)
    elif not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return thing
    else:
        found = copy.copy(cast(Any, thing))
        for field in dataclasses.fields(thing):
            if field.init:
                settle(found, **{field.name: _alone(getattr(thing, field.name), seen)})
        if isinstance(thing, Density):
            settle(found, values=thing.torus.gather(thing.values, root=0))
    seen[id(thing)] = found
    return found
