"""Objects as HDF5 groups: dataclasses by the names of their classes and fields, under which people write them too."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from ..arguments import is_number
from ..backends import can_be_had, is_array, to_host
from ..errors import InputError, TorusflowError
from ..torus.grid import Torus
from .classes import class_of, stored_name
from .shared_array import SharedArray

# What an object may take though no array of the file is as large, such as a torus for a cloud of points; by the bytes
# that one of the numbers it is counted by costs as it is made.
FREE_BYTES = 2**28
BYTES = {"Torus": 128, "SampleNODE": 128, "TorusNODE": 128, "RandomFourierFeatures": 32}
BYTES |= {"KernelField": 16, "KernelSpan": 16}
# That any machine can start; up to here they are taken as stored, since sums over points depend on them by round-off.
MOST_THREADS = 64


class PlaceError(InputError):
    """What stands at a place in a file cannot be read."""

    def __init__(self, place: str, words: str):
        super().__init__(f"{place.strip('/') or 'the file'}: {words.rstrip('.')}")


def encode(group, name, thing, seen):
    """A dataclass becomes a group with its type and its fields; the same object met again becomes a link."""
    if id(thing) in seen:
        group[name] = seen[id(thing)]
    elif is_array(thing) or isinstance(thing, SharedArray):
        write_array(group, name, thing)
    elif isinstance(thing, tuple) and any(dataclasses.is_dataclass(part) for part in thing):
        child = group.create_group(name)
        child.attrs["type"] = "tuple"
        for index, part in enumerate(thing):
            encode(child, str(index), part, seen)
    elif thing is None or isinstance(thing, bool | int | float | str | tuple | np.number | np.bool_):
        group.attrs[name] = json.dumps(thing, default=lambda number: number.item())
    elif inspect.isroutine(thing) or isinstance(thing, type):
        raise InputError(
            f"a {group.attrs['type'].rpartition(':')[2]} holds functions of yours, which a run file cannot store. Run "
            f"without store."
        )
    else:
        kind = stored_name(type(thing))
        child = group.create_group(name)
        seen[id(thing)] = child
        child.attrs["type"] = kind
        for field in dataclasses.fields(thing):
            value = getattr(thing, field.name)
            if _is_stored(field) and not (_is_new(field) and value == field.default):
                _encode_field(child, field, value, seen)


def _encode_field(group, field, value, seen):
    """A field may say what to give in place of what cannot be stored."""
    try:
        encode(group, field.name, value, seen)
    except InputError:
        if "to store" not in field.metadata:
            raise
        kind = group.attrs["type"].rpartition(":")[2]
        raise InputError(
            f"the {field.name} of a {kind}, a {type(value).__name__}, cannot be stored in a run file. "
            f"{field.metadata['to store']}"
        ) from None


def write_array(group, name: str, values) -> None:
    """A dataset of numbers, or of the room for those of a shared array."""
    if isinstance(values, SharedArray):
        values.outline(group, name)
    else:
        group.create_dataset(name, data=to_host(values))


def whole(dataset: h5py.Dataset) -> np.ndarray:
    """All numbers of a dataset."""
    return dataset[...]


@dataclass(frozen=True)
class Reader:
    """How a file is read: on which device its tori live, which processes share them, and how its arrays come."""

    device: str = "cpu"
    comm: Any = None
    array: Callable[[h5py.Dataset], np.ndarray] = whole


def decode(group, seen, known, reader: Reader):
    """The object that a group was made of; an array where it is a dataset.

    Parameters
    ----------
    group : h5py.Group
        Below a file whose structure has been checked.
    seen : dict
        The objects made so far, for those that are used more than once.
    known : dict of str to type
        From `known_classes`.
    reader : Reader

    Raises
    ------
    PlaceError
        If it is of no known class, or what the class refuses.
    """
    address = h5py.h5o.get_info(group.id).addr  # pyright: ignore[reportAttributeAccessIssue]  # its stub lacks h5o
    if address not in seen:
        values = {name: _value(group, name) for name in group.attrs if name not in ("type", "long_name")}
        for name, child in group.items():
            is_dataset = isinstance(child, h5py.Dataset)
            values[name] = reader.array(child) if is_dataset else decode(child, seen, known, reader)
        seen[address] = _made(group, str(group.attrs.get("type", "")), values, known, reader)
    return seen[address]


def read_json(group, name: str):
    """What an attribute holds as JSON; a PlaceError where it is not JSON."""
    place, text = f"{group.name}.{name}", group.attrs.get(name)
    if not isinstance(text, str):
        raise PlaceError(place, "it is not text" if name in group.attrs else "it is missing")
    try:
        return json.loads(text, parse_constant=_infinity)
    except (ValueError, RecursionError):
        raise PlaceError(place, f"it is not JSON of a number or a text: {text[:80]}") from None


def _infinity(text: str) -> float:
    if text == "NaN":
        raise ValueError(text)
    return float(text)


def _value(group, name: str):
    value = read_json(group, name)
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, list | dict) for part in parts):
        raise PlaceError(f"{group.name}.{name}", "it is neither a number nor a text, nor a list of them")
    return tuple(value) if isinstance(value, list) else value


def _made(group, kind: str, values: dict, known: dict, reader: Reader):
    """An object of its class and fields; where these cannot be, a PlaceError says what the class says."""
    try:
        if kind == "tuple":
            return tuple(values[str(index)] for index in range(len(values)))
        made = class_of(kind, known)
        if made is None:
            raise InputError(f"a run file never holds this class: {kind!r}")
        _check_fields(made, values)
        _check_size(group, kind, values)
        return made(**_as_here(made, values, reader))
    except KeyError as error:
        raise PlaceError(group.name, f"{error} is missing") from None
    except TorusflowError as error:
        raise PlaceError(group.name, str(error)) from None
    except Exception as error:  # of any kind: the values may be anything
        raise PlaceError(group.name, f"these are not values of a {kind} ({type(error).__name__})") from None


def _check_fields(made: type, values: dict) -> None:
    fields = {field.name: field for field in dataclasses.fields(made) if _is_stored(field)}
    for name in values:
        if name not in fields:
            raise InputError(f"a {made.__name__} has no {name!r}")
    for name, field in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f"a {made.__name__} has a {name!r}, which is missing")


def refuse_oversized(file, more: int) -> None:
    """Raise an InputError if `decode` would refuse an object for its size, in a file that will hold more numbers."""

    def look(name, group):
        if isinstance(group, h5py.Group) and "type" in group.attrs:
            values = {key: _value(group, key) for key in group.attrs if key not in ("type", "long_name")}
            try:
                _check_size(group, str(group.attrs["type"]), {**values, **group}, more)
            except InputError as error:
                raise InputError(f"a run file cannot hold this problem: {error}. Run without store.") from None

    file.visititems(look)


def _check_size(group, kind: str, values: dict, more: int = 0) -> None:
    """Raise an InputError where numbers alone ask for more memory than the arrays of a file give reason for."""
    if kind == "Torus":
        count = math.prod(values["shape"])
    elif kind in ("SampleNODE", "TorusNODE"):
        count = (3 * int(np.max(values.get("band", 0))) + 1) ** min(np.shape(values["points"])[1], 3)
    elif kind == "RandomFourierFeatures":
        count = values["dimension"] * values["count"]
    elif kind in ("KernelField", "KernelSpan"):
        count = len(values["centres"]) ** 2
    else:
        return
    if count > max(FREE_BYTES // BYTES[kind], group.file.id.get_filesize() // 8 + more):
        raise InputError(f"a {kind} like this has {count:,} numbers, many more than the file")


def _as_here(made: type, values: dict, reader: Reader) -> dict:
    """Who computes is a fact of the run, no need of its reader: the machine that reads may have less."""
    if made is Torus:
        library = values.get("library")
        missing = isinstance(library, str) and not can_be_had(library, reader.device)
        values = {**values, "library": None if missing else library, "device": reader.device, "comm": reader.comm}
    if is_number(values.get("threads")):
        values = {**values, "threads": min(values["threads"], max(MOST_THREADS, os.cpu_count() or 1))}
    return values


def _is_stored(field) -> bool:
    return field.init and field.metadata.get("stored", True)


def _is_new(field) -> bool:
    """Whether files of before have no such field: one that has its default is left out, so that they can be resumed."""
    return field.metadata.get("stored") == "unless default"
