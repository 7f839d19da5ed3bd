"""A run that was read whole, to go on with by several processes."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..hilbert import Shared
from ..torus.density import Density
from ..torus.grid import Torus
from .runs import Run


def divided(run: Run, comm: Any) -> Run:
    """The run with risk, validation and control for the processes of a communicator, each of which has read it.

    Raises
    ------
    InputError
        If they cannot share its grid, or it has none.
    """
    seen: dict = {}
    risk, validation = (_divided(thing, comm, seen) for thing in (run.risk, run.validation))
    control = risk.space.part(run.control) if isinstance(risk.space, Shared) else run.control
    return dataclasses.replace(run, risk=risk, validation=validation, control=control)


def _divided(thing: Any, comm: Any, seen: dict) -> Any:
    """What a run file stores, made anew on tori of the communicator."""
    if id(thing) in seen:
        return seen[id(thing)]
    if isinstance(thing, Torus):
        found = Torus(thing.shape, library=thing.library, device=thing.device, comm=comm)
    elif isinstance(thing, tuple):
        found = tuple(_divided(part, comm, seen) for part in thing)
    elif not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return thing
    else:
        fields = [field.name for field in dataclasses.fields(thing) if field.init]
        parts = {name: _divided(getattr(thing, name), comm, seen) for name in fields}
        if isinstance(thing, Density):
            parts["values"] = parts["torus"].part(thing.values)
        found = dataclasses.replace(thing, **parts)
    seen[id(thing)] = found
    return found
