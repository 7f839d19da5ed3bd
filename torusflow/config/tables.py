"""Tables of a problem file and the functions they call: keys are argument names, checked against signatures."""

from __future__ import annotations

import difflib
import inspect
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from ..arguments import checked_file
from ..errors import InputError
from .own_classes import imported

# What people call things, in small letters and digits, and what those are called here.
MEANT = {
    "kl": ("KullbackLeibler",),
    "kld": ("KullbackLeibler",),
    "relativeentropy": ("KullbackLeibler",),
    "crossentropy": ("LogLikelihood", "KullbackLeibler"),
    "likelihood": ("LogLikelihood",),
    "loglik": ("LogLikelihood",),
    "mle": ("LogLikelihood",),
    "nll": ("LogLikelihood",),
    "mmd": ("SobolevMMD",),
    "mse": ("SquaredL2", "SquaredDistance"),
    "w2": ("Sinkhorn", "CircleWasserstein"),
    "wasserstein": ("Sinkhorn", "CircleWasserstein"),
    "ot": ("Sinkhorn", "CircleWasserstein"),
    "emd": ("Sinkhorn", "CircleWasserstein"),
    "sum": ("WeightedSum",),
    "gd": ("GradientDescent",),
    "steepestdescent": ("GradientDescent",),
    "ode": ("GradientFlow",),
    "sgd": ("StochasticGradientDescent",),
    "adam": ("StochasticGradientDescent",),
    "momentum": ("HeavyBall", "Nesterov"),
    "polyak": ("HeavyBall",),
    "nag": ("Nesterov",),
    "bb": ("BarzilaiBorwein",),
    "bfgs": ("LBFGS",),
    "lbfgsb": ("LBFGS",),
    "newton": ("GaussNewton",),
    "gn": ("GaussNewton",),
    "csv": ("samples",),
    "picture": ("image",),
    "png": ("image",),
}


class UnknownKeyError(InputError):
    """A table has a key that what it describes does not take.

    Attributes
    ----------
    table, key : str
    keys : list of str
        Those it takes.
    """

    def __init__(self, table: str, key: str, keys: list[str]):
        super().__init__(unknown(key, keys, f"[{table}] key"))
        self.table, self.key, self.keys = table, key, keys


# A value for each key that some table cannot do without.
EXAMPLES = {
    "count": "100",
    "file": '"samples.csv"',
    "final_time": "1.0",
    "layers": "8",
    "length": "0.5",
    "width": "10",
    "widths": "[4, 2]",
}


class MissingKeyError(InputError):
    """A table lacks a key.

    Attributes
    ----------
    table, key : str
    """

    def __init__(self, table: str, key: str):
        hint = f" Write {key} = {EXAMPLES[key]}, say." if key in EXAMPLES else ""
        super().__init__(f"[{table}] lacks the key {key!r}.{hint}")
        self.table, self.key = table, key


def read_tables(path) -> dict:
    """The tables of a problem file.

    Raises
    ------
    InputError
        If the file cannot be read or is no TOML.
    """
    path = checked_file(path, "a problem file")
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
    """The class or function that the key ``kind`` names, maybe one of your own; the key is taken out of the table."""
    kind = table.pop("kind", default)
    if kind is not None and not isinstance(kind, str):
        raise InputError(f"[{name}] kind must be a text in quotes, got {kind!r}.")
    if kind is None:
        raise InputError(f"[{name}] needs a kind: one of {', '.join(kinds)}.")
    if ":" in kind:
        return imported(kind)
    known(kind, kinds, f"[{name}] kind")
    return kinds[kind]


def call(function: Callable, name: str, table: dict, **given):
    """function(**given, **table), with errors that speak of the table."""
    parameters = inspect.signature(function).parameters
    free = [key for key in parameters if key not in given]
    for key in table:
        if key not in free:
            raise UnknownKeyError(name, key, free)
    missing = [key for key in free if parameters[key].default is inspect.Parameter.empty and key not in table]
    if missing:
        raise MissingKeyError(name, missing[0])
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return function(**given, **table)
    except InputError as error:
        raise InputError(f"[{name}] {error}") from None
    except TypeError as error:
        raise InputError(f"[{name}] holds a value of a wrong type: {error}.") from None


def known(name, names, what: str):
    if name not in names:
        raise InputError(unknown(name, names, what))


def unknown(name, names, what: str) -> str:
    """A sentence that says so, with the names that may be meant, however they are spelt."""
    plain = {_plain(known): known for known in names}
    close = [meant for meant in MEANT.get(_plain(name), ()) if meant in names]
    if not close:
        close = [plain[key] for key in difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.4)]
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"Known: {', '.join(names) or 'none'}."
    return f"unknown {what} {name!r}. {hint}"


def _plain(name) -> str:
    return "".join(filter(str.isalnum, str(name).lower()))


def text(name: str, value) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} must be a text in quotes, got {value!r}.")
    return value
