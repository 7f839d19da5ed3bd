"""torusflow fit on samples: a density with all choices made, how good it is, and what can be said against it."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from ..arguments import checked_whole
from ..config.likelihood import split
from ..errors import InputError, TorusflowError
from ..estimators import TorusDensity
from ..estimators.comparison import on_other_rows, on_rows_held_out
from ..estimators.tables import Rows, Training, check_number, checked_weights, training_rows
from ..interrupts import Held
from ..storage import RunFile
from ..storage.csv_tables import read_table
from ..storage.whole_files import locked
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from .description import table, wrap
from .signals import CleanStop
from .verdicts import describe_fit

TINY = 1e-300  # above zero


def fit_samples(source, store: RunFile, options: dict) -> None:
    """Fit a `TorusDensity` to a CSV file, store it, print how good it is, and leave with the matching exit code.

    Parameters
    ----------
    source : str
        The file.
    store : RunFile
    options : dict
        Of `fit`, None where not given.
    """
    # A signal that comes while the density is stored is told by the exit code only.
    with contextlib.suppress(KeyboardInterrupt), CleanStop(at_once=True) as stop, Held() as signals:
        try:
            with signals.let_through():
                density = _estimator(options)
                store.refuse_existing(reads=[source])
                with locked(store.path):  # or another process is writing it: said before the work, not after
                    pass
                rows, unseen = _rows(source, density.period, options)
                density.fit_rows(rows)
                compared = on_rows_held_out(density, rows) if unseen is None else on_other_rows(density, rows, unseen)
            if signals.raised:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            click.echo("torusflow: interrupted before there was a density, so nothing was written.", err=True)
            sys.exit(stop.code)
        path = _stored(density, store)
        click.echo(describe_fit(density, compared, unseen is not None))
        click.echo(f"density written to {path}; see it with: torusflow plot {path}")
    if stop():
        sys.exit(stop.code)
    if not density.resolution_.passed or path != Path(store.path):
        sys.exit(1)


def _estimator(options: dict) -> TorusDensity:
    """With the options; what cannot be is refused before the samples are read."""
    given = {name: options[name] for name in ("smoothness", "length") if options[name] is not None}
    SobolevMetric(**given)
    Torus((4,), threads=options["threads"])
    if options["iterations"] is not None:
        given["max_iter"] = checked_whole("iterations", options["iterations"])
    for name, least in (("length", TINY), ("penalty", 0), ("max_time", TINY)):
        if options[name] is not None and not least <= options[name] < np.inf:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} must be a number{' > 0' if least else ' >= 0'}, got {options[name]:g}.")
    if options["band"] is not None:
        checked_whole("band", options["band"])
    if options["grid"] is not None:
        if len(set(options["grid"])) > 1:
            example = "x".join(str(max(options["grid"])) for _ in options["grid"])
            raise InputError(
                f"--grid {'x'.join(map(str, options['grid']))}: a density has as many points along each axis. Write "
                f"--grid {example}, or ask for the study of a descent, --loss normalisedlikelihood say."
            )
        given["grid"] = Torus(tuple(options["grid"])).shape[0]
    given |= {name: options[name] for name in ("penalty", "band", "max_time", "threads") if options[name] is not None}
    return TorusDensity(options["units"] or "turns", given=options["given"], **given)


def _position(column: str, names: tuple[str, ...] | None) -> str | int:
    """A column by its name, or by its number where no name is that."""
    return int(column) if column.isdecimal() and column not in (names or ()) else column


def _rows(source, units, options: dict) -> tuple[Training, Training | None]:
    """The rows to fit, and those set aside for a test."""
    samples = read_table(source).samples(options["columns"], options["weights"], options["missing"] or "refuse")
    n, d = samples.values.shape
    if options["grid"] is not None and len(options["grid"]) != d:
        raise InputError(
            f"{source!r} gives {d} columns, the torus has {len(options['grid'])} dimensions. Choose as many: --grid "
            f"{'x'.join(str(options['grid'][0]) for _ in range(d))}."
        )
    weights = checked_weights(samples.weights, n, f"the column {options['weights']!r} of weights")
    names = samples.names or None
    given = options["given"] and [_position(column, names) for column in options["given"]]
    rows = training_rows(Rows(samples.values, names), weights, units, what=samples.of(source), given=given)
    used, of, none = len(rows.sample.points), samples.left_out, n - len(rows.sample.points)
    left_out = [f"{count} {why}" for count, why in ((of, "with missing values"), (none, "of weight zero")) if count]
    conditions = ", ".join(rows.coordinates.name(axis) for axis in rows.sample.given)
    words = f"{used} rows of {rows.coordinates.in_words(d)}" + f", given {conditions}" * bool(conditions)
    words += f"; left out: {', '.join(left_out)}" * bool(left_out)
    click.echo(table({"samples": words}))
    if not options["test"]:
        return rows, None
    seen, _, unseen = split(used, 0.0, options["test"])
    check_number(len(seen))
    return _part(rows, seen), _part(rows, unseen)


def _part(rows: Training, of) -> Training:
    return rows._replace(sample=rows.sample.only(of))


def _stored(density: TorusDensity, store: RunFile) -> Path:
    """Where it is; in the folder for temporary files if it cannot be written as asked."""
    try:
        density.save(store.path, store.overwrite)
        return Path(store.path)
    except (TorusflowError, OSError) as error:
        path = Path(tempfile.mkdtemp(prefix="torusflow-")) / "density.h5"
        density.save(path)
        click.echo(wrap(f"torusflow: not stored under its name: {error}"), err=True)
        return path
