"""Options of torusflow fit as keys of a problem file."""

from __future__ import annotations

import contextlib
import difflib
import functools
import tomllib
from pathlib import Path

import click

from ..arguments import is_positive
from ..config import LIKELIHOODS, LOSSES, METHODS, imported, modules_beside, read_tables
from ..config.tables import EXAMPLES, MissingKeyError, UnknownKeyError, unknown
from ..errors import InputError
from ..storage import Run
from ..storage.classes import missing_classes
from ..storage.runs import read_run
from ..torus.coordinates import PERIODS
from ..transport.runge_kutta import SCHEMES

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
# Where each option stands in a problem file; `fit` on a CSV file or an image is a problem file made of options.
PLACES = {
    "loss": ("loss", "kind"),
    "method": ("descent", "kind"),
    "units": ("target", "units"),
    "weights": ("target", "weights"),
    "missing": ("target", "missing"),
    "bandwidth": ("target", "bandwidth"),
    "floor": ("target", "floor"),
    "dark": ("target", "dark"),
    "columns": ("target", "columns"),
    "smoothness": ("metric", "smoothness"),
    "length": ("metric", "length"),
    "layers": ("model", "layers"),
    "band": ("model", "band"),
    "substeps": ("model", "substeps"),
    "scheme": ("model", "scheme"),
    "reverse": ("loss", "reverse"),
    "continuation": ("continuation", "levels"),
    "validation": ("split", "validation"),
    "test": ("split", "test"),
    "penalty": ("risk", "penalty"),
    "step": ("descent", "step"),
    "final_time": ("descent", "final_time"),
    "iterations": ("limits", "iterations"),
    "max_time": ("limits", "max_time"),
    "grid": ("torus", "shape"),
    "threads": ("torus", "threads"),
    "device": ("torus", "device"),
}


# Those that speak of a descent: without any, samples are fitted with all choices made.
STUDY = ("loss", "method", "likelihood", "select", "validation", "bandwidth", "floor", "dark", "layers", "substeps")
STUDY += ("scheme", "reverse", "continuation", "step", "final_time", "refine", "device", "set")


class Kind(click.Choice):
    """One of some names, in letters of any size; what else is given is refused with what may be meant."""

    def __init__(self, names):
        super().__init__(list(names), case_sensitive=False)

    def convert(self, value, parameter, context):
        if ":" in value:  # package.module:Class
            return value
        try:
            return super().convert(value, parameter, context)
        except click.BadParameter:
            self.fail(unknown(value, self.choices, parameter.name), parameter, context)


class Units(click.ParamType):
    """Names of units or periods, one for all columns or one for each: degrees, or hours,360."""

    name = "units"

    def convert(self, value, parameter, context):
        if not isinstance(value, str):
            return value
        units = tuple(self._unit(text.strip(), parameter, context) for text in value.split(","))
        return units[0] if len(units) == 1 else units

    def _unit(self, text: str, parameter, context) -> str | float:
        if text.lower() in PERIODS:
            return text.lower()
        try:
            period = float(text)
        except ValueError:
            period = 0.0
        if not is_positive(period):
            close = difflib.get_close_matches(text.lower(), PERIODS, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else "A period may also be a number, 24 say."
            self.fail(f"{text!r} is not one of {', '.join(PERIODS)}. {hint}", parameter, context)
        return period


UNITS = Units()
LOSS, METHOD, SCHEME = Kind([*LOSSES, *LIKELIHOODS.values()]), Kind(METHODS), Kind(SCHEMES)


def tables_of(source: Path, options: dict, settings=()) -> tuple[dict, str | Path]:
    """The tables of a problem file with the options in their places, and the folder of its files.

    Parameters
    ----------
    source : Path
        A problem file, or samples or an image.
    options : dict
        By the names in `PLACES`; those that are None are not given. Where one names another kind of loss or method
        than the file, the file's keys for that are left out.
    settings : sequence of str
        More of them, as TABLE.KEY=VALUE.
    """
    suffix = source.suffix.lower()
    if suffix == ".toml":
        tables, folder = read_tables(source), source.parent
    else:
        kind = "image" if suffix in IMAGES else "samples"
        tables, folder = {"target": {"kind": kind, "file": str(source.absolute())}}, "."
    given = [(*PLACES[name], value) for name, value in options.items() if value is not None]
    for table, key, value in sorted(given + [setting(text) for text in settings], key=lambda place: place[1] != "kind"):
        keys = tables.get(table, {})
        other = key == "kind" and table in ("loss", "descent") and keys.get("kind") not in (None, value)
        tables[table] = {**({} if other else keys), key: value}
    return tables, folder


def fits_a_density(source: Path, options: dict) -> bool:
    """Whether samples are fitted with all choices made: no option asks for the study of a descent."""
    if source.suffix.lower() in (".toml", *IMAGES):
        return False
    return not any(options[name] not in (None, False, ()) for name in STUDY)


def setting(text: str) -> tuple:
    """Table, key and value of TABLE.KEY=VALUE; a value that is no TOML is a text."""
    place, _, value = text.partition("=")
    table, _, key = place.strip().partition(".")
    if not table or not key or not value.strip():
        raise InputError(f"--set takes TABLE.KEY=VALUE as in a problem file, such as loss.epsilon=0.005; got {text!r}.")
    try:
        return table, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return table, key, value.strip()


def by_likelihood(tables: dict) -> bool:
    """Whether the problem is one of maximum likelihood."""
    loss, model = (tables.get(name, {}).get("kind") for name in ("loss", "model"))
    return loss in LIKELIHOODS.values() or (isinstance(model, str) and model in LIKELIHOODS)


@contextlib.contextmanager
def in_words_of(options: dict):
    """A context in which a key that does not fit, or is missing, is called by the option that says it."""
    try:
        yield
    except MissingKeyError as error:
        name = next((name for name, place in PLACES.items() if place == (error.table, error.key)), None)
        if name is None:
            raise
        raise InputError(f"{error} On the command line: {_option(name)} {EXAMPLES.get(error.key, '...')}.") from None
    except UnknownKeyError as error:
        place = error.table, error.key
        name = next((name for name, value in options.items() if value is not None and PLACES[name] == place), None)
        if name is None:
            raise
        option = _option(name)
        raise InputError(
            f"{option} does not go with the rest of the problem, where [{error.table}] takes "
            f"{', '.join(error.keys) or 'no more than its kind'}. Leave {option} out."
        ) from None


def _option(name: str) -> str:
    return "--drop-missing" if name == "missing" else f"--{name.replace('_', '-')}"


def takes_classes(command):
    """A command on a run file with the option --classes; it gets the modules named there as `classes`, for `load`."""

    @click.option(
        "--classes", multiple=True, metavar="MODULE", help="Module of your own classes that RUN was stored with."
    )
    @functools.wraps(command)
    def with_classes(*args, classes, **kwargs):
        with modules_beside("."):
            return command(*args, classes=[imported(name) for name in classes], **kwargs)

    return with_classes


def whole_run(run, classes, device: str = "cpu", comm=None) -> Run:
    """A run with all its parts, to go on with on a device or by processes; an InputError where a class is missing."""
    loaded, missing = read_run(run, classes, device, comm)
    if missing:
        raise InputError(missing_classes(str(run), missing))
    return loaded


def grid_of(text: str) -> list[int]:
    """Points per axis of a text such as 64x64."""
    try:
        return [int(n) for n in text.lower().split("x")]
    except ValueError:
        raise InputError(f"--grid {text!r} is not a grid; write points per axis with an x between: 64x64.") from None
