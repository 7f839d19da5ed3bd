"""What starts from a problem: torusflow fit and check."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from .. import checks
from ..config import LOSSES, METHODS, Problem, choices, chosen, make_problem, read_tables
from ..continuation import coarse_to_fine
from ..descent import Result, descend
from ..descent.line_search import STABILITY
from ..description import describe_problem, describe_scores, wrap
from ..errors import InputError, NumericalError
from ..models.measure_node import MeasureNODE
from ..models.sample_node import SampleNODE
from ..selection import select
from ..storage import RunFile
from ..torus.coordinates import PERIODS
from ..torus.density import MASS_TOLERANCE
from .signals import CleanStop

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")


@click.command()
@click.argument("source", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Run file to write (HDF5).")
@click.option("--overwrite", is_flag=True, help="Replace the run file if it exists.")
@click.option("--units", type=click.Choice(list(PERIODS)), help="Units of a CSV file; its period follows. [turns]")
@click.option("--columns", help="Columns of a CSV file, by name or position: phi,psi.")
@click.option("--likelihood", is_flag=True, help="Maximum likelihood on the samples, instead of a loss on a grid.")
@click.option("--select", "selecting", is_flag=True, help="Choose s, l and band by validation (likelihood).")
@click.option("--validation", type=float, help="Share of the samples to stop and choose by (likelihood). [0.1]")
@click.option("--test", type=float, help="Share set aside and scored once, at the end (likelihood). [0]")
@click.option("--grid", help="Grid points per axis: 64x64. [256; 64x64; 32x32x32]")
@click.option("--bandwidth", type=float, help="Of the kernel estimate, in the units of the file. [cross-validated]")
@click.option("--smoothness", type=float, help="s of the H^s metric. [3; likelihood 2.5]")
@click.option("--length", type=float, help="Length of the metric, sides of the torus. [0.1; likelihood 0.06]")
@click.option("--layers", type=int, help="Layers of the network. [8; likelihood 6]")
@click.option("--band", type=int, help="Largest wavenumber of the velocity. [a third of the grid; likelihood 12]")
@click.option("--substeps", type=int, help="Time steps per layer. [enough for speed 1; likelihood 2]")
@click.option("--loss", type=click.Choice(list(LOSSES), case_sensitive=False), help="[SquaredL2]")
@click.option("--penalty", type=float, help="Weight of half the squared norm of the control. [0; likelihood 1e-4]")
@click.option("--method", type=click.Choice(list(METHODS), case_sensitive=False), help="[GradientDescent; LBFGS]")
@click.option(
    "--continuation",
    type=click.IntRange(min=0),
    is_flag=False,
    flag_value=2,
    help="Coarser levels to descend on first; 2 if not said how many. [0]",
)
@click.option("--step", type=float, help="First step of the line search. [0.1]")
@click.option("--refine", is_flag=True, help="Go on with twice the substeps where stability stops the descent.")
@click.option("--iterations", type=int, help="At most so many. [200]")
@click.option("--max-time", type=float, help="Seconds.")
@click.option("--threads", type=int, help="[all processors]")
def fit(source, output, overwrite, likelihood, selecting, refine, **options):
    """Fit a density to SOURCE and write the run.

    SOURCE is a CSV file with one sample a row, an image, or a problem file
    (.toml), whose values the options replace. Defaults in brackets.
    """
    if options["columns"] is not None:
        options["columns"] = [name.strip() for name in options["columns"].split(",")]
    if options["grid"] is not None:
        options["grid"] = grid_of(options["grid"])
    if likelihood:
        if options["loss"] is not None:
            raise InputError(f"--likelihood is a loss itself; leave --loss {options['loss']} or --likelihood out.")
        options["loss"] = "LogLikelihood"
    store = RunFile(output, overwrite)
    store.refuse_existing()
    tables, folder = _tables(Path(source), options)
    if selecting or "select" in tables:
        if tables.get("loss", {}).get("kind") != "LogLikelihood":
            raise InputError("--select chooses among likelihoods; say --likelihood too.")
        tables = _selected(tables, folder)
    problem = make_problem(tables, folder)
    risk, coordinates = problem.risk, problem.coordinates
    store = dataclasses.replace(store, coordinates=coordinates)
    click.echo(describe_problem(risk, coordinates))
    start = problem.start
    if problem.continuation:
        start = coarse_to_fine(risk, problem.method, **problem.continuation)
        click.echo(f"risk after descents on coarser levels: {risk(start):.4g}")
    limits = problem.limits | {"refine": refine}
    run_and_report(risk, start, problem.method, limits, store, lambda result: scored(problem, result, store))


def run_and_report(risk, start, method, limits, store, judge, resume=False) -> None:
    """Descend, say what came of it, and leave with the exit code that goes with it."""
    with CleanStop() as stop:
        result = descend(risk, start, method, **limits, store=store, resume=resume, stop=stop, progress=True)
    click.echo(wrap(result.status))
    click.echo(f"risk {result.history['risk'][0]:.4g} -> {result.value:.4g}; run written to {store.path}")
    if result.status.startswith("interrupted"):
        click.echo(f"continue with: torusflow resume {store.path}")
        sys.exit(stop.code)
    stuck = STABILITY in result.status
    if stuck:
        enough = 2 * int(result.history.get("substeps", [risk.model.substeps])[-1])
        click.echo(
            wrap(f"the descent is not at its end: fit again with --refine, or with --substeps {enough} or more.")
        )
    sound = judge(result) if isinstance(risk.model, SampleNODE) else True
    click.echo(f"see it with: torusflow plot {store.path}")
    if stuck or not sound or result.status.startswith("diverged"):
        sys.exit(1)


@click.command()
@click.argument("problem", type=click.Path())
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random control and directions."
)
@click.option("--threads", type=int, help="[all processors]")
def check(problem, seed, threads):
    """Check adjoint, gradient, mass and resolution of PROBLEM.

    At a random control (for densities half as fast as stability allows), in
    random directions. The exit code is 0 only if all is right.
    """
    problem = _problem(Path(problem), {"threads": threads})
    click.echo(describe_problem(problem.risk, problem.coordinates))
    risk, model = problem.risk, problem.risk.model
    v = model.space.random(np.random.default_rng(seed))
    on_densities = isinstance(model, MeasureNODE)
    if on_densities:
        v *= 1.4 / model.courant(v)
    outcomes = [checks.adjoint(model, v, seed=seed), checks.taylor(risk, v, seed=seed)]
    for outcome in outcomes:
        click.echo(wrap(str(outcome)))
    passed, wrong = all(outcome.passed for outcome in outcomes), any(outcome.wrong for outcome in outcomes)
    if on_densities:
        output = model(v)
        mass, tail = abs(model.torus.mean(output) - 1), model.tail(output)
        wrong |= not mass < MASS_TOLERANCE
        click.echo(f"mass after the push: 1 to {mass:.1e}" + ("" if mass < MASS_TOLERANCE else ": WRONG"))
        verdict = "resolved" if tail < 1e-3 else "coarse for such a control; use a finer grid or a smaller band"
        click.echo(wrap(f"part of |rho - 1|^2 in the outer third of the modes: {tail:.1e}: {verdict}"))
    if wrong:
        click.echo("check failed")
        sys.exit(1)
    if not passed:
        click.echo(f"nothing is wrong, but not all could be told: try --seed {seed + 1}")
        sys.exit(1)
    click.echo("all checks passed")


# Where each option stands in a problem file; `fit` on a CSV file or an image is a problem file made of options.
PLACES = {
    "units": ("target", "units"),
    "bandwidth": ("target", "bandwidth"),
    "columns": ("target", "columns"),
    "smoothness": ("metric", "smoothness"),
    "length": ("metric", "length"),
    "layers": ("model", "layers"),
    "band": ("model", "band"),
    "substeps": ("model", "substeps"),
    "loss": ("loss", "kind"),
    "method": ("descent", "kind"),
    "continuation": ("continuation", "levels"),
    "validation": ("split", "validation"),
    "test": ("split", "test"),
    "penalty": ("risk", "penalty"),
    "step": ("descent", "step"),
    "iterations": ("limits", "iterations"),
    "max_time": ("limits", "max_time"),
    "grid": ("torus", "shape"),
    "threads": ("torus", "threads"),
}


def _problem(source: Path, options: dict) -> Problem:
    return make_problem(*_tables(source, options))


def _tables(source: Path, options: dict) -> tuple[dict, str | Path]:
    """The tables of a problem file with the options in their places, and the folder of its files."""
    suffix = source.suffix.lower()
    if suffix == ".toml":
        tables, folder = read_tables(source), source.parent
    else:
        kind = "image" if suffix in IMAGES else "samples"
        tables, folder = {"target": {"kind": kind, "file": str(source.absolute())}}, "."
    for name, value in options.items():
        if value is not None:
            table, key = PLACES[name]
            tables[table] = {**tables.get(table, {}), key: value}
    return tables, folder


def _selected(tables: dict, folder) -> dict:
    """The tables with the choice that validates best."""
    values, candidates, rounds = choices(tables, folder)
    problem = make_problem(chosen(tables, values[0]), folder)
    volume = problem.coordinates.log_volume(problem.risk.space.torus.dimension)
    with tqdm(total=len(values), disable=None, unit="choice", desc="select", dynamic_ncols=True) as bar:
        selection = select(candidates, problem.method, rounds, callback=lambda *done: bar.update(1))
    click.echo(f"{len(values)} choices, {len(candidates[0][0].model.points)} samples; nats on the validation samples:")
    for index in np.lexsort((selection.validation, -selection.iterations))[:5]:
        words = ", ".join(f"{key} {value:g}" for key, value in values[index].items())
        marker = "  <- chosen" if index == selection.best else ""
        iterations, nats = selection.iterations[index], selection.validation[index] + volume
        click.echo(f"  {words:<44} {iterations:3d} iterations  {nats:.4f}{marker}")
    return chosen(tables, values[selection.best])


def scored(problem: Problem, result: Result, store: RunFile) -> bool:
    """Print the likelihoods of all parts of the samples, and whether they can be believed; a failure is stored."""
    risk = problem.risk
    parts = {"training": risk, "validation": problem.limits.get("validation"), "test": problem.test}
    scores = {name: -part.model(result.control) for name, part in parts.items() if part is not None}
    click.echo(describe_scores(scores, problem.coordinates, risk.space.torus.dimension))
    try:
        outcome = checks.likelihood(risk.model, result.control)
        sound, words = outcome.passed, str(outcome)
    except NumericalError as error:
        sound, words = False, str(error)
    click.echo(wrap(words))
    if not sound:
        store.restate(f"failed: {words}")
        click.echo(wrap(f"the fit failed. Use --substeps {2 * risk.model.substeps}, or a larger --penalty."))
    return sound


def grid_of(text: str) -> list[int]:
    """Points per axis of a text such as 64x64."""
    try:
        return [int(n) for n in text.lower().split("x")]
    except ValueError:
        raise InputError(f"--grid {text!r} is no grid; write the points per axis with an x between: 64x64.") from None
