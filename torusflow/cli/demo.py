"""torusflow demo: a first fit, of angles that come with torusflow."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..errors import InputError
from ..example_data import example_file
from ..storage.kinds import TABLE
from ..storage.whole_files import refuse_existing, write_whole
from .fits import fit
from .runs import plot

DATA = "adk_torsions.csv"


@click.command()
@click.argument("folder", type=click.Path(), default="torusflow-demo")
@click.option("--overwrite", is_flag=True, help="Replace what a demo has written there before.")
@click.pass_context
def demo(context, folder, overwrite):
    """Fit and draw a density of angles that come with torusflow.

    Writes the backbone torsion angles of adenylate kinase into FOLDER
    [torusflow-demo], and does the two commands that it shows.
    """
    folder = Path(folder)
    table, run, picture = folder / DATA, folder / "adk.h5", folder / "adk.png"
    _copy(table, overwrite)
    if run.exists() and picture.exists() and not overwrite:
        click.echo(f"The demo is in {folder} already: look at {picture}. To do it again, write --overwrite.")
        return
    again = ["--overwrite"] * overwrite
    _do(context, fit, [table, "--units", "degrees", "-o", run, *again])
    _do(context, plot, [run, "-o", picture, *again])
    click.echo(f"\nLook at {picture}. Your own angles: the same two commands with another table.")


def _copy(table: Path, overwrite: bool) -> None:
    """The angles in a folder, which is made; where they are already, they stay."""
    content = example_file(DATA).read_bytes()
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        there = table.read_bytes() if table.is_file() else None
    except OSError as error:
        raise InputError(f"cannot use the folder {str(table.parent)!r}: {error.strerror}.") from None
    if there != content:
        refuse_existing(table, overwrite, TABLE)
        write_whole(table, content)


def _do(context, command, arguments) -> None:
    """A command as a person would give it, shown before."""
    words = [str(argument) for argument in arguments]
    click.echo(f"\n$ torusflow {command.name} {shlex.join(words)}")
    command.invoke(command.make_context(command.name, words, parent=context))
