"""Objects as HDF5 groups: dataclasses by the names of their classes and fields, under which people write them too."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json

import h5py
import numpy as np

from .errors import InputError


def encode(group, name, thing, seen):
    """A dataclass becomes a group with its type and its fields; the same object met again becomes a link."""
    if id(thing) in seen:
        group[name] = seen[id(thing)]
    elif isinstance(thing, np.ndarray):
        group.create_dataset(name, data=thing)
    elif isinstance(thing, tuple) and any(dataclasses.is_dataclass(part) for part in thing):
        child = group.create_group(name)
        child.attrs["type"] = "tuple"
        for index, part in enumerate(thing):
            encode(child, str(index), part, seen)
    elif thing is None or isinstance(thing, bool | int | float | str | tuple | np.number | np.bool_):
        group.attrs[name] = json.dumps(thing, default=lambda number: number.item())
    elif dataclasses.is_dataclass(thing) and type(thing).__name__ in _types():
        child = group.create_group(name)
        seen[id(thing)] = child
        child.attrs["type"] = type(thing).__name__
        for field in dataclasses.fields(thing):
            if field.init and field.metadata.get("stored", True):
                encode(child, field.name, getattr(thing, field.name), seen)
    elif inspect.isroutine(thing):
        raise InputError(
            f"a {group.attrs['type']} holds functions of yours, which a run file cannot store. Run without store."
        )
    else:
        raise InputError(
            f"a {type(thing).__name__} cannot be stored in a run file, which holds the classes of torusflow only. "
            f"Run without store, or keep result.control yourself."
        )


def decode(group, seen):
    address = h5py.h5o.get_info(group.id).addr
    if address not in seen:
        values = {}
        for name, text in group.attrs.items():
            if name not in ("type", "long_name"):
                value = json.loads(text)
                values[name] = tuple(value) if isinstance(value, list) else value
        for name, child in group.items():
            values[name] = child[...] if isinstance(child, h5py.Dataset) else decode(child, seen)
        if group.attrs["type"] == "tuple":
            seen[address] = tuple(values[str(index)] for index in range(len(values)))
        else:
            seen[address] = _types()[group.attrs["type"]](**values)
    return seen[address]


@functools.cache
def _types() -> dict[str, type]:
    """The dataclasses of the public interface by name."""
    import torusflow

    public = [vars(torusflow), vars(torusflow.losses)]
    return {
        name: thing
        for names in public
        for name, thing in names.items()
        if isinstance(thing, type) and dataclasses.is_dataclass(thing)
    }
