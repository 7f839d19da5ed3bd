"""The command line: torusflow fit, plot, compare, info, check."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from pathlib import Path

import click
import numpy as np

from . import checks
from .config import LOSSES, Problem, make_problem, read_tables
from .descent import descend
from .description import describe_problem, describe_run, wrap
from .errors import InputError, TorusflowError
from .models.measure_node import MeasureNODE
from .storage import RunFile, add_reference, load
from .torus.coordinates import PERIODS
from .torus.density import MASS_TOLERANCE

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")


class Commands(click.Group):
    """Turns the package's own errors into one sentence and exit code 2, and its warnings into one sentence each."""

    def invoke(self, context):
        said = set()

        def say(message, *rest):
            if str(message) not in said:
                click.echo(wrap(f"torusflow: {message}"), err=True)
            said.add(str(message))

        try:
            with warnings.catch_warnings():
                warnings.showwarning = say
                return super().invoke(context)
        except TorusflowError as error:
            click.echo(f"torusflow: {error}", err=True)
            context.exit(2)
        except MemoryError:
            click.echo("torusflow: not enough memory. Use a coarser grid, fewer layers or fewer substeps.", err=True)
            context.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="torusflow", prog_name="torusflow")
def main():
    """Fit densities on the torus by gradient descent on flows."""


@main.command()
@click.argument("source", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Run file to write (HDF5).")
@click.option("--overwrite", is_flag=True, help="Replace the run file if it exists.")
@click.option("--units", type=click.Choice(list(PERIODS)), help="Units of a CSV file; its period follows. [turns]")
@click.option("--columns", help="Columns of a CSV file, by name or position: phi,psi.")
@click.option("--grid", help="Grid points per axis: 64x64. [256; 64x64; 32x32x32]")
@click.option("--bandwidth", type=float, help="Of the kernel estimate, in the units of the file. [cross-validated]")
@click.option("--smoothness", type=float, help="s of the H^s metric. [3]")
@click.option("--length", type=float, help="Length of the metric, sides of the torus. [0.1]")
@click.option("--layers", type=int, help="Layers of the network. [8]")
@click.option("--band", type=int, help="Largest wavenumber of the velocity. [a third of the grid]")
@click.option("--substeps", type=int, help="Time steps per layer. [enough for speed 1]")
@click.option("--loss", type=click.Choice(list(LOSSES)), help="[SquaredL2]")
@click.option("--penalty", type=float, help="Weight of half the squared norm of the control. [0]")
@click.option("--step", type=float, help="First step of the line search. [0.1]")
@click.option("--iterations", type=int, help="At most so many. [200]")
@click.option("--max-time", type=float, help="Seconds.")
@click.option("--threads", type=int, help="[all processors]")
def fit(source, output, overwrite, **options):
    """Fit a density to SOURCE and write the run.

    SOURCE is a CSV file with one sample a row, an image, or a problem file
    (.toml), whose values the options replace. Defaults in brackets.
    """
    if options["columns"] is not None:
        options["columns"] = [name.strip() for name in options["columns"].split(",")]
    if options["grid"] is not None:
        options["grid"] = _grid(options["grid"])
    store = RunFile(output, overwrite)
    store.refuse_existing()
    problem = _problem(Path(source), options)
    store = dataclasses.replace(store, coordinates=problem.coordinates)
    click.echo(describe_problem(problem.risk, problem.coordinates))
    result = descend(problem.risk, problem.start, problem.method, **problem.limits, store=store, progress=True)
    click.echo(wrap(result.status))
    click.echo(f"risk {result.history['risk'][0]:.4g} -> {result.value:.4g}; run written to {output}")
    click.echo(f"see it with: torusflow plot {output}")
    if result.status.startswith(("diverged", "interrupted")):
        sys.exit(1)


@main.command()
@click.argument("run", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="Picture: png, pdf or svg. [beside the run file]")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it exists.")
def plot(run, output, overwrite):
    """Draw densities, velocity and convergence of RUN."""
    from .plotting import plot_run, save

    output = output or str(Path(run).with_suffix(".png"))
    save(plot_run(load(run)), output, overwrite=overwrite)
    click.echo(f"picture written to {output}")


@main.command()
@click.argument("run", type=click.Path())
@click.option("--with", "equation", required=True, type=click.Choice(["porous-medium", "tangent-flow"]))
@click.option("-o", "--output", type=click.Path(), help="Picture: png, pdf or svg. [RUN-EQUATION.png]")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it exists.")
def compare(run, equation, output, overwrite):
    """Set RUN beside the equation that its descent approaches.

    Solves it from the same start on the same axis of training time, adds the
    solution to the run file and draws both.
    """
    from .comparison import EQUATIONS, describe_comparison, plot_comparison
    from .plotting import check_target, save

    output = output or str(Path(run).with_name(f"{Path(run).stem}-{equation}.png"))
    check_target(output, overwrite)
    loaded = load(run)
    reference = EQUATIONS[equation](loaded)
    add_reference(run, reference)
    save(plot_comparison(loaded, reference), output, overwrite=overwrite)
    click.echo(wrap(describe_comparison(loaded, reference)))
    click.echo(wrap(f"added to {run} as reference/{reference.name}; picture written to {output}"))


@main.command()
@click.argument("run", type=click.Path())
def info(run):
    """Say what RUN holds."""
    click.echo(describe_run(run, load(run)))


@main.command()
@click.argument("problem", type=click.Path())
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random control and directions.")
@click.option("--threads", type=int, help="[all processors]")
def check(problem, seed, threads):
    """Check adjoint, gradient, mass and resolution of PROBLEM.

    At a random control (for densities half as fast as stability allows), in
    random directions.
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
    passed = all(outcome.passed for outcome in outcomes)
    if on_densities:
        output = model(v)
        mass, tail = abs(model.torus.mean(output) - 1), model.tail(output)
        passed &= mass < MASS_TOLERANCE
        click.echo(f"mass after the push: 1 to {mass:.1e}" + ("" if mass < MASS_TOLERANCE else ": WRONG"))
        verdict = "resolved" if tail < 1e-3 else "coarse for such a control; use a finer grid or a smaller band"
        click.echo(wrap(f"part of |rho - 1|^2 in the outer third of the modes: {tail:.1e}: {verdict}"))
    if not passed:
        click.echo("check failed")
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
    "penalty": ("risk", "penalty"),
    "step": ("descent", "step"),
    "iterations": ("limits", "iterations"),
    "max_time": ("limits", "max_time"),
    "grid": ("torus", "shape"),
    "threads": ("torus", "threads"),
}


def _problem(source: Path, options: dict) -> Problem:
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
    return make_problem(tables, folder)


def _grid(text: str) -> list[int]:
    try:
        return [int(n) for n in text.lower().split("x")]
    except ValueError:
        raise InputError(f"--grid {text!r} is no grid; write the points per axis with an x between: 64x64.") from None
