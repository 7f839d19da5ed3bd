"""What goes on from a run file: torusflow resume, refine and export."""

from __future__ import annotations

import dataclasses
import functools

import click

from ..config import Problem
from ..descent import descend
from ..descent.refinement import refined
from ..errors import InputError
from ..estimators.files import notes_of
from ..interrupts import Held
from ..storage import RunFile, SharedRunFile
from ..storage.export import FORMATS, export_run
from ..storage.sealed import generations
from .description import wrap
from .fits import run_and_report, scored
from .options import grid_of, takes_classes, whole_run
from .signals import CleanStop


@click.command()
@click.argument("run", type=click.Path())
@click.option("--iterations", type=int, help="Maximum number, including those done. [as before]")
@click.option("--max-time", type=float, help="Stop this many seconds from now.")
@click.option("--step", type=float, help="Step of the method from now on. [as before]")
@click.option("--device", default="cpu", help="cuda continues on a GPU, where RUN was computed on one. [cpu]")
@click.option("--only-check", is_flag=True, help="Say where RUN stands and whether it can go on; change nothing.")
@takes_classes
@click.pass_obj
def resume(processes, run, classes, iterations, max_time, step, device, only_check):
    """Continue RUN from where it was last stored.

    The result is the same, to the last bit, as without the interruption, on
    the same machine with as many threads.
    """
    if device != "cpu":
        processes.refuse("a GPU is used by", "leave out --device")
    loaded, store = whole_run(run, classes, device, processes.comm), RunFile(run)
    if notes_of(loaded):
        raise InputError(
            f"{run!r} is a density that was trained for as many iterations as fit rows held out best; with more it "
            f"would fit new rows worse. To train on all the same: torusflow refine {run} -o more.h5, and torusflow "
            f"resume more.h5 --iterations 100."
        )
    method = loaded.method
    if step is not None:
        if "step" not in {field.name for field in dataclasses.fields(method)}:
            raise InputError(f"a {type(method).__name__} finds its own steps; leave --step out.")
        method = dataclasses.replace(method, step=step)
    store = dataclasses.replace(store, coordinates=loaded.coordinates)
    file = store if processes.comm is None else SharedRunFile.of(store, loaded.risk.model)
    file.checkpoint(loaded.risk, method, validation=loaded.validation)
    done = len(loaded.history["risk"]) - 1
    click.echo(wrap(f"{run}: {done} iterations, risk {loaded.history['risk'][-1]:.6g}; status: {loaded.status}"))
    if only_check:
        click.echo(f"it can go on: torusflow resume {run}{'' if device == 'cpu' else f' --device {device}'}")
        return
    limits = {**loaded.limits, "validation": loaded.validation}
    limits |= {key: value for key, value in (("iterations", iterations), ("max_time", max_time)) if value is not None}
    problem = Problem(loaded.risk, method, limits, loaded.coordinates, loaded.control)
    judge = functools.partial(scored, problem, store=store, processes=processes)
    with CleanStop() as stop, Held():
        run_and_report(loaded.risk, loaded.control, method, limits, store, judge, stop, resume=True)


@click.command()
@click.argument("run", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Run file to write.")
@click.option("--grid", help="Grid points per axis: 128x128. [as before; not for likelihoods]")
@click.option("--band", type=int, help="Largest wavenumber of the velocity. [as before]")
@click.option("--layers", type=int, help="Number of layers, a multiple of that before. [as before]")
@click.option("--substeps", type=int, help="Time steps per layer. [as before]")
@click.option("--overwrite", is_flag=True, help="Replace the run file if it exists.")
@takes_classes
def refine(run, classes, output, grid, band, layers, substeps, overwrite):
    """Write RUN at another resolution, to go on from there.

    By Fourier series. The new run has done no iterations; start it with torusflow resume.
    """
    RunFile(output, overwrite).refuse_existing(generations(run))
    loaded = whole_run(run, classes)
    store = RunFile(output, overwrite, coordinates=loaded.coordinates)
    risk, control, validation = refined(loaded, grid and grid_of(grid), band, layers, substeps)
    result = descend(risk, control, loaded.method, 0, validation=validation, store=store)
    click.echo(wrap(f"risk {loaded.history['risk'][-1]:.6g} -> {result.value:.6g} at the new resolution"))
    click.echo(f"written to {output}; go on with: torusflow resume {output} --iterations 100")


@click.command()
@click.argument("run", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help=f"File to write: {', '.join(FORMATS)}.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def export(run, output, overwrite):
    """Write RUN for other programs, as the suffix of the output says.

    csv has the history; npz, nc (NetCDF-4) and zarr all arrays; vti the
    densities as an image in space, for ParaView. Run files themselves are
    HDF5 that xarray reads with engine="h5netcdf".
    """
    export_run(run, output, overwrite)
    click.echo(f"written to {output}")
