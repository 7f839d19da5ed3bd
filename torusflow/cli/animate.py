"""torusflow animate: a run as a film."""

from __future__ import annotations

from pathlib import Path

import click

from ..reports import animate as write_animation
from ..reports.animation import KINDS
from .options import takes_classes


@click.command()
@click.argument("run", type=click.Path())
@click.option("--of", type=click.Choice(KINDS), default="training", show_default=True, help="What goes on in it.")
@click.option("-o", "--output", type=click.Path(), help="File to write, .gif or .mp4. [RUN-training.gif, RUN-flow.gif]")
@click.option("--overwrite", is_flag=True, help="Replace the animation if it exists.")
@takes_classes
def animate(run, classes, of, output, overwrite):
    """Animate RUN: its training, or the flow of its last control.

    Iterates that the file does not keep are found by repeating the descent,
    which takes as long as it took. mp4 needs ffmpeg.
    """
    output = output or str(Path(run).parent / f"{Path(run).stem}-{of}.gif")
    write_animation(run, output, of, overwrite, classes)
    click.echo(f"animation written to {output}")
