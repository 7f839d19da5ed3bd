"""What starts from a problem: torusflow fit and check."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from pathlib import Path
from typing import cast

import click
import numpy as np
from tqdm import tqdm

from .. import checks
from ..config import Problem, choices, chosen, files_named, make_problem
from ..descent import Result, descend
from ..descent.coarse_to_fine import coarse_to_fine
from ..descent.line_search import STABILITY
from ..descent.selection import select
from ..errors import InputError, NumericalError
from ..interrupts import Held
from ..losses import LogLikelihood, NormalisedLikelihood
from ..model import HasCourantNumber, HasDensity, Model, Resolved
from ..models import LogDensityNODE, SampleNODE
from ..risk import Risk
from ..storage import RunFile
from ..storage.csv_tables import listed_columns
from ..storage.whole_files import locked
from ..torus.control import VelocitySpace
from ..torus.density import MASS_TOLERANCE, DensitySpace
from .densities import fit_samples
from .description import describe_problem, describe_scores, wrap
from .options import LOSS, METHOD, SCHEME, UNITS, by_likelihood, fits_a_density, grid_of, in_words_of, tables_of
from .processes import Processes
from .signals import CleanStop

# Of a random control, until the time steps of a model take it.
MAXIMUM_HALVINGS = 20


@click.command()
@click.argument("source", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Run file to write (HDF5).")
@click.option("--overwrite", is_flag=True, help="Replace the run file if it exists.")
@click.option("--units", type=UNITS, help="degrees, radians, hours or turns; or one a column: hours,degrees. [turns]")
@click.option("--period", type=UNITS, help="The same as a number: 360; or one a column: 24,360.")
@click.option("--columns", help="Columns of a CSV file, by name or position from 0: phi,psi or 0,1.")
@click.option("--given", metavar="COLUMNS", help="Columns that are conditions: the density is of the others.")
@click.option("--weights", metavar="COLUMN", help="Column of the weights of the samples.")
@click.option("--drop-missing", "missing", flag_value="drop", help="Leave out rows where a cell is empty, NA or NaN.")
@click.option("--test", type=float, help="Share of the samples set aside and scored at the end. [0]")
@click.option("--grid", help="Grid points per axis: 64x64. [chosen; * 256, 64x64, 32x32x32]")
@click.option("--smoothness", type=float, help="Order s of the H^s metric. [chosen; * 3, likelihood 2.5]")
@click.option(
    "--length", type=float, help="Length l of the metric, in sides of the torus. [chosen; * 0.1, likelihood 0.06]"
)
@click.option(
    "--band", type=int, help="Largest wavenumber of the velocity. [chosen; * a third of the grid, likelihood 12]"
)
@click.option(
    "--penalty",
    type=float,
    help="Weight of half the squared norm of the control, beside one sample [chosen]; * beside the loss [0, likelihood "
    "1e-4].",
)
@click.option("--iterations", type=int, help="Maximum number of iterations. [200]")
@click.option("--max-time", type=float, help="Stop after this many seconds.")
@click.option("--threads", type=int, help="Threads to use. [all processors]")
@click.option(
    "--method", type=METHOD, metavar="NAME", help=f"* {', '.join(METHOD.choices)}. [GradientDescent; likelihood LBFGS]"
)
@click.option("--loss", type=LOSS, metavar="NAME", help=f"* {', '.join(LOSS.choices)}. [SquaredL2]")
@click.option("--likelihood", is_flag=True, help="* Maximum likelihood at the samples, without a grid.")
@click.option("--select", "selecting", is_flag=True, help="* Choose s, l and band by validation (likelihood).")
@click.option("--validation", type=float, help="* Share set aside to stop and choose by (likelihood). [0.1]")
@click.option("--bandwidth", type=float, help="* Width of the kernel estimate, in the file's units. [cross-validated]")
@click.option("--floor", type=float, help="* Lowest density of the target. [0; images 0.1; KullbackLeibler 0.001]")
@click.option("--dark", is_flag=True, default=None, help="* Dark parts of an image carry the mass, not bright ones.")
@click.option("--reverse", is_flag=True, default=None, help="* KullbackLeibler the other way round: KL(target, rho).")
@click.option("--layers", type=int, help="* Layers of the network. [8; likelihood 6]")
@click.option("--substeps", type=int, help="* Time steps per layer. [enough for speed 1; likelihood 2]")
@click.option("--scheme", type=SCHEME, help="* Runge-Kutta method of the time steps, by its order. [rk4]")
@click.option(
    "--continuation",
    type=click.IntRange(min=0),
    is_flag=False,
    flag_value=2,
    help="* Coarser levels to descend on first; 2 if no number is given. [0]",
)
@click.option("--step", type=float, help="* First step that the line search tries. [0.1]")
@click.option("--final-time", type=float, help="* Training time at which GradientFlow ends.")
@click.option("--refine", is_flag=True, help="* Double the substeps where stability stops the descent.")
@click.option("--device", help="* Where to compute; cuda is a GPU and needs torusflow[cuda]. [cpu]")
@click.option("--set", "settings", multiple=True, help="* TABLE.KEY=VALUE, for anything a problem file can say.")
@click.pass_obj
def fit(processes, source, output, overwrite, likelihood, selecting, refine, settings, period, **options):
    """Fit a density to SOURCE and write the run.

    SOURCE is a CSV file with one sample per row. Its density is fitted by
    maximum likelihood; how smooth it is, and how fine the grid, is chosen by
    validation on rows held out (docs/density_estimator.md).

    Any option with a * asks for the study of a descent instead, such as
    --method gradientdescent, and so do images and problem files (.toml), whose
    values the options replace. Defaults in brackets.
    """
    if period is not None:
        if options["units"] is not None:
            raise InputError("--units and --period say the same; leave one of them out.")
        options["units"] = period
    if options["columns"] is not None:
        options["columns"] = listed_columns(options["columns"])
    if options["grid"] is not None:
        options["grid"] = grid_of(options["grid"])
    if options["given"] is not None:
        options["given"] = listed_columns(options["given"])
    asked = {"likelihood": likelihood, "select": selecting, "refine": refine, "set": settings}
    if fits_a_density(Path(source), options | asked):
        instead = "ask for the study of a descent on a grid, --loss normalisedlikelihood say"
        processes.refuse("a density of samples is fitted with all choices made by", instead)
        return fit_samples(source, RunFile(output, overwrite), options)
    if options.pop("given") is not None:
        raise InputError(
            "--given is for samples whose density is fitted with all choices made. Leave out the options with a * in "
            "--help; in problem files a LogDensityNODE has [model] components, the axes that are no conditions."
        )
    if likelihood:
        if options["loss"] not in (None, "LogLikelihood"):
            raise InputError(f"--likelihood is a loss itself; leave --loss {options['loss']} or --likelihood out.")
        options["loss"] = "LogLikelihood"
    store = RunFile(output, overwrite)
    with CleanStop() as stop, Held() as signals:
        with signals.let_through():
            tables, folder = tables_of(Path(source), options, settings)
            processes.by_first(functools.partial(_refuse_existing, store, [source, *files_named(tables, folder)]))
            selecting |= "select" in tables
            if not by_likelihood(tables):
                for name in ("validation", "test"):
                    if options[name] is not None:
                        raise InputError(
                            f"--{name} sets samples of a likelihood aside; say --likelihood too, or leave it out."
                        )
                if selecting:
                    raise InputError(
                        "--select chooses among likelihoods; say --likelihood too, or leave it out: without options of "
                        "a study all is chosen."
                    )
        start = None
        with in_words_of(options):
            if selecting:
                tables, start = _selected(tables, folder, processes, stop, signals)
            with signals.let_through() if start is None else contextlib.nullcontext():
                problem = make_problem(tables, folder, processes.comm)
        risk, coordinates = problem.risk, problem.coordinates
        store = dataclasses.replace(store, coordinates=coordinates)
        click.echo(describe_problem(risk, coordinates))
        start = problem.start if start is None else start
        if problem.continuation and not processes.any(stop()):
            start = coarse_to_fine(risk, problem.method, **problem.continuation, stop=stop)
            click.echo(f"risk after descents on coarser levels: {risk(start):.4g}")
        limits = problem.limits | {"refine": refine}
        judge = functools.partial(scored, problem, store=store, processes=processes)
        run_and_report(risk, start, problem.method, limits, store, judge, stop)


def _refuse_existing(store: RunFile, reads: list) -> None:
    """Raise an InputError where the run cannot be written, or another process is writing it: before the work."""
    store.refuse_existing(reads)
    with locked(store.path):
        pass


def run_and_report(risk, start, method, limits, store, judge, stop: CleanStop, resume=False) -> None:
    """Descend, print the result, and leave with the matching exit code; within `stop` and a `Held`."""
    result = descend(risk, start, method, **limits, store=store, resume=resume, stop=stop, progress=True)
    click.echo(wrap(result.status))
    written = f"run written to {result.path}" if result.path else "the run is not stored"
    click.echo(f"risk {result.history['risk'][0]:.4g} -> {result.value:.4g}; {written}")
    if result.path is None:
        sys.exit(1)
    if result.status.startswith("interrupted"):
        device = getattr(getattr(risk.model, "torus", None), "device", "cpu")
        click.echo(f"continue with: torusflow resume {result.path}{'' if device == 'cpu' else f' --device {device}'}")
        sys.exit(stop.code_of(result.status))
    stuck = STABILITY in result.status
    if stuck:
        enough = 2 * int(result.history.get("substeps", [risk.model.substeps])[-1])
        click.echo(wrap(f"the descent has not finished: fit again with --refine, or with --substeps {enough} or more."))
    with Held() as signals, signals.let_through():  # the run is stored
        sound = judge(result) if isinstance(risk.loss, LogLikelihood | NormalisedLikelihood) else True
    click.echo(f"see it with: torusflow plot {result.path}")
    ended_badly = stuck or not sound or result.status.startswith(("diverged", "failed"))
    if ended_badly or result.path != Path(store.path):
        sys.exit(1)


@click.command()
@click.argument("problem", type=click.Path())
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of random control and directions.",
)
@click.option("--threads", type=int, help="Threads to use. [all processors]")
@click.pass_obj
def check(processes, problem, seed, threads):
    """Check adjoint, gradient, mass and resolution of PROBLEM.

    This is done at a random control (for densities half as fast as stability
    allows), in random directions. The exit code is 0 only if all is right.
    """
    problem = make_problem(*tables_of(Path(problem), {"threads": threads}), processes.comm)
    click.echo(describe_problem(problem.risk, problem.coordinates))
    risk, model = problem.risk, problem.risk.model
    v = model.space.random(np.random.default_rng(seed))
    v = _stable(model, v)
    outcomes = [checks.adjoint(model, v, seed=seed), checks.taylor(risk, v, seed=seed)]
    for outcome in outcomes:
        click.echo(wrap(str(outcome)))
    passed, wrong = all(outcome.passed for outcome in outcomes), any(outcome.wrong for outcome in outcomes)
    output, space = model(v), model.output_space
    if isinstance(space, DensitySpace):
        mass = abs(space.torus.mean(output) - 1)
        wrong |= not mass < MASS_TOLERANCE
        click.echo(f"mass after the push: 1 to {mass:.1e}" + ("" if mass < MASS_TOLERANCE else ": WRONG"))
    if isinstance(model, Resolved):
        tail = model.tail(output)
        verdict = "resolved" if tail < 1e-3 else "coarse for such a control; use a finer grid or a smaller band"
        click.echo(wrap(f"share of the variance in the outer third of the modes: {tail:.1e}: {verdict}"))
    if wrong:
        click.echo("check failed")
        sys.exit(1)
    if not passed:
        click.echo(f"nothing wrong was found, but not everything could be checked: try --seed {seed + 1}")
        sys.exit(1)
    click.echo("all checks passed")


def _count(risk: Risk) -> int:
    """The number of samples of a likelihood."""
    if isinstance(risk.loss, NormalisedLikelihood):
        return len(risk.loss.samples)
    return len(cast(SampleNODE, risk.model).points)


def _stable(model: Model, v):
    """The control, or as much of it as the time steps of the model take with ease."""
    if isinstance(model, HasCourantNumber):
        return v * (0.5 * model.courant_limit / model.courant(v))
    for _ in range(MAXIMUM_HALVINGS):
        try:
            model(v)
            return v
        except NumericalError:
            v = v / 2
    return v


def _selected(
    tables: dict, folder, processes: Processes, stop: CleanStop, signals: Held
) -> tuple[dict, np.ndarray | None]:
    """The tables with the choice that validates best; with its control if a signal has ended the selection."""
    with signals.let_through():
        values, candidates, rounds = choices(tables, folder, processes.comm)
        problem = make_problem(chosen(tables, values[0]), folder, processes.comm)
    volume = problem.coordinates.log_volume(cast(VelocitySpace, problem.risk.space).torus.dimension)
    with tqdm(total=len(values), disable=None, unit="choice", desc="select", dynamic_ncols=True) as bar:
        selection = select(candidates, problem.method, rounds, callback=lambda *done: bar.update(1), stop=stop)
    click.echo(f"{len(values)} choices, {_count(candidates[0][0])} samples; nats on the validation samples:")
    for index in np.lexsort((selection.validation, -selection.iterations))[:5]:
        words = ", ".join(f"{key} {value:g}" for key, value in values[index].items())
        marker = "  <- chosen" if index == selection.best else ""
        iterations, nats = selection.iterations[index], selection.validation[index] + volume
        click.echo(f"  {words:<44} {iterations:3d} iterations  {nats:.4f}{marker}")
    if selection.status != "complete":
        click.echo(wrap(f"the selection did not finish; the best so far is kept: {selection.status}"))
    ended = processes.any(stop() or signals.waiting)
    return chosen(tables, values[selection.best]), selection.control if ended else None


def _log_density(part: Risk, control) -> np.ndarray:
    """The log-density at the samples of a part."""
    if isinstance(part.loss, NormalisedLikelihood):
        return cast(HasDensity, part.model).log_density(control, part.loss.samples)
    return part.model(control)


def scored(problem: Problem, result: Result, store: RunFile, processes: Processes) -> bool:
    """Print the likelihoods of all parts of the samples, and whether they can be believed; a failure is stored."""
    risk, model = problem.risk, cast(SampleNODE | LogDensityNODE, problem.risk.model)
    parts = {"training": risk, "validation": problem.limits.get("validation"), "test": problem.test}
    scores = {name: -_log_density(part, result.control) for name, part in parts.items() if part is not None}
    click.echo(describe_scores(scores, problem.coordinates, model.space.torus.dimension))
    try:
        outcome = checks.likelihood(model, result.control)
        sound, words = outcome.passed, str(outcome)
    except NumericalError as error:
        sound, words = False, str(error)
    click.echo(wrap(words))
    if not sound:
        processes.by_first(functools.partial(store.restate, f"failed: {words}"))
        finer = f"--substeps {2 * model.substeps}" if isinstance(model, SampleNODE) else "a finer --grid"
        click.echo(wrap(f"the fit failed. Use {finer}, or a larger --penalty."))
    return sound
