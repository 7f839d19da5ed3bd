"""torusflow report: one page on one or several runs."""

from __future__ import annotations

from pathlib import Path

import click

from ..reports import report as write_report
from ..reports.writing import SECONDS
from .description import wrap
from .options import takes_classes


@click.command()
@click.argument("runs", type=click.Path(), nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(), help="HTML file to write. [RUN-report.html]")
@click.option("--overwrite", is_flag=True, help="Replace the report if it exists.")
@click.option(
    "--seconds",
    type=float,
    default=SECONDS,
    show_default=True,
    help="That repeating a descent, for iterates on its way, and checking its gradient may take.",
)
@takes_classes
def report(runs, classes, output, overwrite, seconds):
    """Write what RUNS were asked and what came out as an HTML page.

    One file. Open it in a browser: densities or points along the flow and over the
    training, the history, the flow, the checks, the settings; several runs
    are compared. It needs no network. A run that is still being written is
    reported as far as it is.
    """
    output = output or str(Path(runs[0]).parent / f"{Path(runs[0]).stem}-report.html")
    write_report(runs, output, overwrite, classes, seconds)
    click.echo(wrap(f"report written to {output}; open it in a browser"))
