"""Nested mappings of arrays, numbers and texts as HDF5 groups, and what differs between two problems."""

from __future__ import annotations

import json

import h5py
import numpy as np


def write_mapping(group, mapping) -> None:
    """Arrays become datasets, mappings groups, all else attributes."""
    for name, value in mapping.items():
        if isinstance(value, np.ndarray):
            group.create_dataset(name, data=value)
        elif isinstance(value, dict):
            write_mapping(group.create_group(name), value)
        else:
            group.attrs[name] = json.dumps(value, default=lambda number: number.item())


def read_mapping(group) -> dict:
    """What `write_mapping` wrote."""
    mapping = {name: json.loads(text) for name, text in group.attrs.items()}
    for name, child in group.items():
        mapping[name] = child[...] if isinstance(child, h5py.Dataset) else read_mapping(child)
    return mapping


def differences(stored, asked, name: str, ignored=()) -> list[str]:
    """What is not the same in two encoded objects, in words."""
    if isinstance(stored, h5py.Dataset) or isinstance(asked, h5py.Dataset):
        both = isinstance(stored, h5py.Dataset) and isinstance(asked, h5py.Dataset)
        same = both and np.array_equal(stored[...], asked[...])
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
            found += differences(stored[key], asked[key], f"{name}.{key}", ignored)
    return found
