"""All settings of a problem as a flat table, and where it was computed."""

from __future__ import annotations

import dataclasses
import json

import numpy as np

from ..storage import Run
from ..storage.classes import Unknown

LONGEST = 120


def settings(run: Run) -> dict[str, str]:
    """Every field of risk, method, coordinates and limits, by its place; arrays by their shape."""
    found: dict[str, str] = {}
    for name in ("risk", "method", "coordinates", "validation"):
        _add(found, name, getattr(run, name))
    return found | {f"limits.{name}": str(value) for name, value in run.limits.items()}


def environment(run: Run) -> dict[str, str]:
    """When a run was written, and with which versions of what."""
    found = {"written": str(run.attributes.get("created", "")), "format": str(run.attributes.get("format_version", ""))}
    try:
        versions = json.loads(run.attributes.get("versions", ""))
    except ValueError:
        versions = None
    return found | {str(name): str(version) for name, version in (versions or {}).items()}


def _add(found: dict[str, str], place: str, value) -> None:
    if value is None:
        return
    if isinstance(value, Unknown) or not dataclasses.is_dataclass(value):
        found[place] = _short(value)
        return
    found[place] = type(value).__name__
    for field in dataclasses.fields(value):
        if field.init and not field.name.startswith("_"):
            _add(found, f"{place}.{field.name}", getattr(value, field.name))


def _short(value) -> str:
    if isinstance(value, Unknown):
        return "of a class that was not given"
    if isinstance(value, np.ndarray) or hasattr(value, "dtype"):
        return f"array {np.shape(value)}"
    if isinstance(value, tuple | list) and any(dataclasses.is_dataclass(part) for part in value):
        return ", ".join(type(part).__name__ for part in value)
    text = repr(value) if isinstance(value, str | int | float | tuple | list | bool) else type(value).__name__
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
