"""Nested mappings of arrays, numbers and texts as HDF5 groups, and what differs between two problems."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np

from ..arguments import LARGEST_COUNT
from ..backends import is_array
from ..errors import InputError
from .encoding import PlaceError, read_json, whole, write_array
from .shared_array import SharedArray

# What a method may say that it remembers of the iterations before, by `Method.remembers`.
ONE, SOME, NUMBERS, NUMBER = "a control", "controls", "numbers", "a number"
# Columns of a history that a descent goes on from, so that they must be numbers.
GOES_ON = ("risk", "gradient_norm", "seconds", "substeps", "validation")


def write_mapping(group, mapping) -> None:
    """Arrays become datasets, mappings groups, all else attributes."""
    for name, value in mapping.items():
        if is_array(value) or isinstance(value, SharedArray):
            write_array(group, name, value)
        elif isinstance(value, dict):
            write_mapping(group.create_group(name), value)
        else:
            group.attrs[name] = json.dumps(value, default=lambda number: number.item())


def read_mapping(group, read: Callable[[h5py.Dataset], Any] = whole) -> dict:
    """What `write_mapping` wrote, the datasets as `read` gives them."""
    mapping = {name: read_json(group, name) for name in group.attrs}
    for name, child in group.items():
        mapping[name] = read(child) if isinstance(child, h5py.Dataset) else read_mapping(child, read)
    return mapping


def checked_checkpoint(checkpoint: dict, space, output_space, method, densities: bool = True) -> dict:
    """What `read_mapping` gave, where a descent can go on from it: all parts there, of the right shapes and types.

    Parameters
    ----------
    checkpoint : dict
        ``start``, ``history``, ``times``, ``controls``, ``state``, and ``best`` where it is not the last state.
    space, output_space : HilbertSpace
        Of the model's controls and outputs.
    method : Method
    densities : bool
        Whether the outputs must be there.

    Raises
    ------
    PlaceError
        If something is missing or of another kind; it says where.
    """
    top = _Part(checkpoint, "checkpoint")
    top.element("start", space)
    _check_history(top.part("history"))
    times = top.array("times", (None,), "fi")
    top.array("controls", (len(times), *space.shape), "f" + space.dtype.kind)  # real where there are none
    for name in ("state", *(("best",) if "best" in checkpoint else ())):
        _check_state(top.part(name), space, output_space, method, densities)
    return checkpoint


def _check_state(state: _Part, space, output_space, method, densities: bool) -> None:
    state.element("control", space)
    state.array("gradient", space.shape, space.dtype.kind)
    if densities or "output" in state.values:
        state.array("output", output_space.shape, "f")
    for name in ("value", "step", "next_step", "time"):
        state.value(name, (int, float), "a number")
    state.value("keep", bool, "true or false")
    state.value("finished", str, "a text")
    wanted = getattr(method, "remembers", {})
    if not wanted:
        return
    memory = state.part("memory")
    shapes = {ONE: space.shape, SOME: (None, *space.shape), NUMBERS: (None,), NUMBER: ()}
    if not set(wanted.values()) <= set(shapes):
        raise InputError(f"{type(method).__name__}.remembers maps names to {', '.join(shapes)}; it is {wanted!r}.")
    for name, what in wanted.items():
        memory.array(name, shapes[what], space.dtype.kind if what in (ONE, SOME) else "fi")
    if len({len(memory.values[name]) for name, what in wanted.items() if what == SOME}) > 1:
        raise PlaceError(memory.place, f"{' and '.join(wanted)} differ in number")


def _check_history(history: _Part) -> None:
    rows = len(history.array("risk", (None,), "fi"))
    for name in history.values:
        column = history.array(name, (rows,), "fi", finite=False)
        if name in GOES_ON and np.any(np.isnan(column)):
            raise PlaceError(f"{history.place}/{name}", "it does not hold only numbers")
    substeps = history.values.get("substeps", np.ones(1))
    if not rows or "seconds" not in history.values or not np.all((substeps >= 1) & (substeps <= LARGEST_COUNT)):
        raise PlaceError(history.place, "it has no rows, no seconds, or impossible substeps")


class _Part:
    """A mapping of a checkpoint, and where it stands in the file."""

    def __init__(self, values: dict, place: str):
        self.values, self.place = values, place

    def part(self, name: str) -> _Part:
        return _Part(self.value(name, dict, "a group"), f"{self.place}/{name}")

    def value(self, name: str, kinds, words: str):
        """A member of one of these types; bools are not numbers."""
        value = self.values.get(name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise PlaceError(
                f"{self.place}/{name}", "it is missing" if name not in self.values else f"it is not {words}"
            )
        return value

    def array(self, name: str, shape: tuple, kinds: str, finite: bool = True) -> np.ndarray:
        """A member that is an array of eight-byte numbers of this shape, where None stands for any length."""
        found = self.value(name, np.ndarray, "an array")
        same = found.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, found.shape, strict=True))
        if not same or found.dtype.kind not in kinds or found.dtype.itemsize < 8:
            raise PlaceError(f"{self.place}/{name}", f"an array {found.shape} of {found.dtype} does not belong here")
        if finite and not np.all(np.isfinite(found)):
            raise PlaceError(f"{self.place}/{name}", "not all of its numbers are finite")
        return found

    def element(self, name: str, space) -> None:
        """A member that is an element of a space."""
        try:
            space.element(self.array(name, space.shape, space.dtype.kind))
        except PlaceError:
            raise
        except InputError as error:
            raise PlaceError(f"{self.place}/{name}", str(error)) from None


def differences(stored, asked, name: str, ignored=(), shared: Mapping[str, SharedArray] | None = None) -> list[str]:
    """What is not the same in two encoded objects, in words; of those asked for some arrays may be shared ones."""
    if isinstance(stored, h5py.Dataset) or isinstance(asked, h5py.Dataset):
        both = isinstance(stored, h5py.Dataset) and isinstance(asked, h5py.Dataset)
        array = (shared or {}).get(str(asked.name))
        same = both and (array.equals(stored) if array else np.array_equal(stored[...], asked[...]))
        return [] if same else [f"{name}: the array in the file is another"]
    found = []
    for key in sorted({*stored.attrs, *asked.attrs} - {"long_name", *ignored}):
        before, now = stored.attrs.get(key), asked.attrs.get(key)
        if before != now:
            found.append(f"{name}.{key}: {before} in the file, {now} asked for")
    for key in sorted({*stored, *asked}):
        if key not in stored or key not in asked:
            where = "in the file" if key in stored else "asked for"
            found.append(f"{name}.{key}: {where} only")
        else:
            found += differences(stored[key], asked[key], f"{name}.{key}", ignored, shared)
    return found
