"""What starts from a run file: torusflow plot, compare, info, sample and score."""

from __future__ import annotations

import dataclasses
import math
import shlex
from pathlib import Path
from typing import cast

import click
import numpy as np

from ..descent.repetition import SECONDS, check_seconds
from ..errors import InputError
from ..estimators import TorusDensity
from ..estimators.conditions import far_from_rows
from ..estimators.files import notes_of
from ..losses import NormalisedLikelihood
from ..model import Conditional, HasDensity
from ..reports.choices import choice_in_words
from ..storage import Run
from ..storage.classes import missing_classes
from ..storage.csv_tables import csv_line, listed_columns, read_table, write_csv
from ..storage.kinds import TABLE
from ..storage.references import put_reference
from ..storage.runs import read_run
from ..storage.sealed import generations
from ..storage.whole_files import locked, refuse_existing
from ..torus.control import VelocitySpace
from ..transport.flow_map import FlowMap
from .description import describe_comparison, describe_run, describe_scores, table, wrap
from .options import takes_classes, whole_run

# Outputs computed with other threads or transforms agree to this.
SAME_OUTPUT = 1e-10


@click.command()
@click.argument("run", type=click.Path())
@click.option("--density", "what", flag_value="density", help="The data over their density, regions of 50 and 98 %.")
@click.option("--run", "what", flag_value="run", help="Densities, velocity and convergence.")
@click.option("--map", "what", flag_value="map", help="The flow map: deformed grid, flow lines, log-determinant.")
@click.option("--fit", "what", flag_value="fit", help="Samples over the fitted density.")
@click.option("-o", "--output", type=click.Path(), help="Picture: png, pdf or svg. [RUN-density.png, -run, -map, -fit]")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it exists.")
@takes_classes
def plot(run, classes, what, output, overwrite):
    """Plot RUN.

    A density that was fitted with all choices made is drawn as with --density,
    all other runs as with --run.
    """
    from ..plotting import check_target, plot_fit, plot_map, plot_run, save

    if what is None:
        what = "density" if notes_of(read_run(run, classes)[0]) else "run"
    output = output or str(Path(run).parent / f"{Path(run).stem}-{what}.png")
    check_target(output, overwrite, generations(run))
    if what == "density":
        figure = TorusDensity.load(run).plot()
    elif what == "map":
        loaded = whole_run(run, classes)
        figure = plot_map(FlowMap(loaded.risk.model, loaded.control), loaded.coordinates)
    elif what == "fit":
        loaded = _density(run, classes)
        figure = plot_fit(loaded.risk.model, loaded.control, None, loaded.coordinates)
    else:
        figure = plot_run(whole_run(run, classes))
    save(figure, output, overwrite=overwrite)
    click.echo(f"picture written to {output}")


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "--with", "equation", required=True, type=click.Choice(["porous-medium", "tangent-flow"]), help="Equation."
)
@click.option("-o", "--output", type=click.Path(), help="Picture: png, pdf or svg. [RUN-EQUATION.png]")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it exists.")
@click.option(
    "--seconds",
    type=float,
    default=SECONDS,
    show_default=True,
    help="That repeating the descent, for the time at which both differ most, may take.",
)
@takes_classes
def compare(run, classes, equation, output, overwrite, seconds):
    """Compare RUN with the equation that its descent approaches.

    Solves it from the same start over the same training times, adds the
    solution to the run file and plots both, with their densities at the time
    at which they differ most.
    """
    from ..plotting import check_target, plot_comparison, save
    from ..theory.limits import EQUATIONS

    output = output or str(Path(run).parent / f"{Path(run).stem}-{equation}.png")
    check_target(output, overwrite, generations(run))
    check_seconds(seconds)
    with locked(run):
        loaded = whole_run(run, classes)
        reference = EQUATIONS[equation](loaded)
        put_reference(run, reference)
    save(plot_comparison(loaded, reference, seconds=seconds), output, overwrite=overwrite)
    click.echo(wrap(describe_comparison(loaded, reference)))
    click.echo(wrap(f"added to {run} as reference/{reference.name}; picture written to {output}"))
    took = loaded.history["seconds"][-1]
    if took > seconds:
        said = "The picture shows the end. The time at which both differ most is found by repeating the descent, which "
        click.echo(wrap(f"{said}took {took:.2g} s: ask for it with --seconds {math.ceil(took)} --overwrite."))


@click.command()
@click.argument("run", type=click.Path())
@click.option("--verify", is_flag=True, help="Also compute the risk again at the stored control.")
@takes_classes
def info(run, classes, verify):
    """Show what RUN holds, and verify its checksum."""
    loaded, missing = read_run(run, classes)
    click.echo(describe_run(run, loaded))
    if notes_of(loaded):
        click.echo(table(choice_in_words(TorusDensity.load(run))))
    if missing:
        click.echo(wrap(missing_classes(run, missing)))
    if verify and "densities" in loaded.attributes:
        click.echo("verified   checksum; densities are not kept in the file, the model has made them anew")
    elif verify:
        stored, output = loaded.output, loaded.risk.model(loaded.control)
        gap = float(np.max(np.abs(stored - output)) / (np.max(np.abs(output)) or 1.0))
        if not gap <= SAME_OUTPUT:
            raise InputError(f"the stored output differs from the model's at the stored control by {gap:.1e} of it.")
        how_near = f"to {gap:.1e}" if gap else "exactly"
        click.echo(f"verified   checksum, and the output at the stored control, {how_near}")


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "-n", "--number", type=click.IntRange(min=1), help="Number of samples; with --given of each row. [1000; 1]"
)
@click.option("--given", type=click.Path(), help="CSV file with the conditions, where RUN is a conditional density.")
@click.option("-o", "--output", required=True, type=click.Path(), help="CSV file to write.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the samples.")
@click.option("--columns", help="Columns of RUN to write, by name or position from 0. [all]")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@takes_classes
def sample(run, classes, number, given, output, seed, columns, overwrite):
    """Draw samples of the density that RUN has fitted, in its units.

    Of a density given some columns, --given names a file with their values, in
    the units of RUN: each of its rows gets as many samples as -n says.
    """
    refuse_existing(output, overwrite, TABLE, [*generations(run), *([given] if given else [])])
    loaded = _density(run, classes)
    coordinates, d = loaded.coordinates, cast(VelocitySpace, loaded.risk.space).torus.dimension
    conditions = _conditions(run, loaded, given)
    axes = _axes(run, columns and listed_columns(columns), [coordinates.name(axis) for axis in range(d)])
    rng = np.random.default_rng(seed)
    if conditions is None:
        number = number or 1000
        points = cast(HasDensity, loaded.risk.model).sample(loaded.control, number, rng)
    else:
        conditions = np.repeat(conditions, number or 1, axis=0)
        number = len(conditions)
        points = cast(Conditional, loaded.risk.model).sample(loaded.control, number, rng, conditions)
    shown = coordinates.along(*axes)
    write_csv(output, shown.names, coordinates.from_torus(points)[:, axes].T)
    click.echo(wrap(f"{number} samples of {shown.in_words(len(axes))} written to {output}"))


@click.command()
@click.argument("run", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("--columns", help="Columns of DATA, by name or position from 0. [those of the run]")
@click.option("-o", "--output", type=click.Path(), help="CSV file for the values. [RUN-DATA-scores.csv]")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@takes_classes
def score(run, classes, data, columns, output, overwrite):
    """Score DATA under the density that RUN has fitted.

    Prints the mean negative log-likelihood and writes the logarithm of the
    density at every row: natural, per radian for angles. DATA is a CSV file in
    the units of the run; --columns takes columns of other names as its axes.
    """
    output = output or str(Path(run).parent / f"{Path(run).stem}-{Path(data).stem}-scores.csv")
    refuse_existing(output, overwrite, TABLE, [*generations(run), data])
    loaded = _density(run, classes)
    coordinates, d = loaded.coordinates, cast(VelocitySpace, loaded.risk.space).torus.dimension
    axes = tuple(coordinates.name(axis) for axis in range(d))
    values, names = _data(data, columns and listed_columns(columns), coordinates.names, axes)
    points = coordinates.to_torus(values, repr(data))
    dataclasses.replace(coordinates, names=names).check_units(values, repr(data), fixed=True)
    logarithm = cast(HasDensity, loaded.risk.model).log_density(loaded.control, points)
    given = _given(loaded)
    own = coordinates.along(*(axis for axis in range(d) if axis not in given))
    d -= len(given)
    click.echo(describe_scores({"data": -logarithm}, own, d))
    unit = f"{own.unit_of_volume}{f'^{d}' if d > 1 else ''}"
    what = f"density given {', '.join(axes[axis] for axis in given)}" if given else "density"
    comment = f"log_density: natural logarithm of the {what} per {unit} by {run}"
    write_csv(output, [*names, "log_density"], [*values.T, logarithm - own.log_volume(d)], comment)
    click.echo(wrap(f"written row by row to {output}"))


def _data(path, columns, names, axes) -> tuple[np.ndarray, tuple[str, ...]]:
    """The columns asked for, those called like the axes of the run, or all where one of the two has no names.

    Parameters
    ----------
    path : str
    columns : list of str or None
    names, axes : tuple of str
        Those the run has, empty if it has none, and what its axes are called.
    """
    table, own = read_table(path), ", ".join(axes)
    example = f"--columns {shlex.quote(csv_line(table.unambiguous[: len(axes)]))}"
    enough = table.width >= len(axes)
    if columns is None and names and table.header and table.header != axes:
        if not set(axes) <= set(table.header):
            advice = f" If some of them mean the same, say which, as in {example}." * enough
            raise InputError(f"{path!r} has the columns {table}; the run has {own}.{advice}")
        columns = axes
    count = table.width if columns is None else len(columns)
    if count != len(axes):
        advice = f" Choose as many, as in {example}." * enough
        raise InputError(f"{path!r} gives {count} columns, the run has {len(axes)}: {own}.{advice}")
    values, chosen = table.numbers(columns)
    if chosen != axes and sorted(chosen) == sorted(axes):  # the same names mean the same, in whatever order
        return values[:, [chosen.index(name) for name in axes]], axes
    return values, chosen or axes


def _axes(run, columns, names: list[str]) -> list[int]:
    """The axes of a run that are called so, or have these positions; all if none are."""
    numbers = [str(axis) for axis in range(len(names))]
    for column in columns or ():
        if column not in (*names, *numbers) or columns.count(column) > 1:
            raise InputError(f"{run!r} has the columns {', '.join(names)}; --columns names some of them, each once.")
    return [(names if column in names else numbers).index(column) for column in columns or names]


def _given(loaded: Run) -> tuple[int, ...]:
    """The axes that are conditions of what a run has fitted."""
    return loaded.risk.model.given if isinstance(loaded.risk.model, Conditional) else ()


def _conditions(run, loaded: Run, path) -> np.ndarray | None:
    """The conditions of a file in sides of the torus, array (N, number of given axes); None where there are none."""
    given, coordinates = _given(loaded), loaded.coordinates
    names = tuple(coordinates.name(axis) for axis in given)
    if not given and path is not None:
        raise InputError(f"{run!r} is a density of all its columns, so nothing is given: leave --given {path} out.")
    if not given:
        return None
    if path is None:
        columns = ", ".join(names)
        raise InputError(f"{run!r} is a density given {columns}: say for which, --given FILE with {columns}.")
    of_these = coordinates.along(*given)
    values, _ = _data(path, None, coordinates.names and names, names)
    conditions = of_these.to_torus(values, repr(path))
    if isinstance(loaded.risk.loss, NormalisedLikelihood):
        said = far_from_rows(conditions, loaded.risk.loss.samples[:, given], coordinates, given)
        click.echo(wrap(f"WARNING: {said}"), err=True) if said else None
    return conditions


def _density(run, classes) -> Run:
    """A run whose model is a density that can be evaluated and sampled."""
    loaded = whole_run(run, classes)
    if not isinstance(loaded.risk.model, HasDensity):
        raise InputError(
            f"{run!r} trained a {type(loaded.risk.model).__name__}, which is not a density. Use a run of torusflow fit."
        )
    return loaded
