"""Tables of a problem file and the functions they call: keys are argument names, checked against signatures."""

from __future__ import annotations

import difflib
import inspect
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from ..arguments import checked_path
from ..errors import InputError


def read_tables(path) -> dict:
    """The tables of a problem file.

    Raises
    ------
    InputError
        If the file cannot be read or is no TOML.
    """
    path = checked_path(path, "a problem file")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {(error.strerror or str(error)).lower()}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} is not valid TOML: {error}.") from None
    check_tables(tables)
    return tables


def check_tables(tables: Mapping) -> None:
    """Raise an InputError unless all values are tables."""
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise InputError(f"{name} must be a table: write [{name}] on a line of its own, and its keys below.")


def files_named(tables: Mapping, folder) -> list[Path]:
    """The files that the tables of a problem say it is read from."""
    return [Path(folder) / table["file"] for table in tables.values() if isinstance(table.get("file"), str)]


def kind_of(name: str, table: dict, kinds: Mapping, default: str | None):
    """The class or function that the key ``kind`` names; the key is taken out of the table."""
    kind = table.pop("kind", default)
    if kind is not None and not isinstance(kind, str):
        raise InputError(f"[{name}] kind must be a text in quotes, got {kind!r}.")
    if kind is None:
        raise InputError(f"[{name}] needs a kind: one of {', '.join(kinds)}.")
    known(kind, kinds, f"[{name}] kind")
    return kinds[kind]


def call(function: Callable, name: str, table: dict, **given):
    """function(**given, **table), with errors that speak of the table."""
    parameters = inspect.signature(function).parameters
    free = [key for key in parameters if key not in given]
    for key in table:
        known(key, free, f"[{name}] key")
    missing = [key for key in free if parameters[key].default is inspect.Parameter.empty and key not in table]
    if missing:
        raise InputError(f"[{name}] lacks the key {missing[0]!r}.")
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return function(**given, **table)
    except InputError as error:
        raise InputError(f"[{name}] {error}") from None
    except TypeError as error:
        raise InputError(f"[{name}] holds a value of a wrong type: {error}.") from None


def known(name, names, what: str):
    if name not in names:
        close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.4)
        hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."
        raise InputError(f"unknown {what} {name!r}. {hint}")


def text(name: str, value) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} must be a text in quotes, got {value!r}.")
    return value
