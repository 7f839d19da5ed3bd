"""A run and the solution of the equation that it approaches, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from ..models.measure_node import MeasureNODE
from ..storage import Reference, Run
from .fields import plot_field
from .style import BLUE, PAIRS, STYLES, TITLE, VERMILION, canvas, colour_bar, density_colours, diverging, legend, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_comparison(run: Run, reference: Reference, figure: Figure | None = None) -> Figure:
    """Risks on one axis of training time, and the densities at its end: the run's, the reference's, their difference.

    For d = 1 the densities are lines, and their difference has axes of its own; for d = 2 they are images; for d = 3
    images of the means over each axis. Differences have their own scale, and their size stands above.

    Parameters
    ----------
    run : Run
    reference : Reference
    figure : Figure or SubFigure, optional
        To draw into; a new one if not given.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> start = tfl.densities.from_function(torus, lambda x: 1 + 0.5 * np.cos(2 * np.pi * x), normalise=True)
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), start, layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    >>> store = tfl.RunFile('run.h5', overwrite=True)
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.005), 10, store=store)
    >>> found = tfl.TangentFlow(torus, model.metric, risk.loss).solve(start, [0.0, 0.05])
    >>> reference = tfl.Reference('tangent flow', 'TangentFlow', found.times, found.density, found.loss)
    >>> figure = tfl.plotting.plot_comparison(tfl.load('run.h5'), reference)
    """
    torus = cast(MeasureNODE, run.risk.model).torus
    pairs = [(0,)] if torus.dimension == 1 else PAIRS[: 2 * torus.dimension - 3]
    names = ["run", "difference"] if torus.dimension == 1 else ["run", "reference", "difference"]
    figure = canvas(figure, 3.2 * (1 + len(names)), 0.8 + 3.2 * len(pairs))
    panels = figure.subplot_mosaic([["risk", *(f"{name} {pair}" for name in names)] for pair in pairs])
    _draw_risks(panels["risk"], run, reference)
    if torus.dimension == 1:
        _draw_lines(panels, run, reference)
    else:
        _draw_images(figure, panels, pairs, run, reference)
    gap = torus.norm(run.output - reference.density[-1]) / torus.norm(reference.density[-1])
    title = f"run and {reference.name} differ by {100 * gap:.2g} % at training time {reference.times[-1]:.3g}"
    figure.suptitle(title, fontsize=TITLE + 1, parse_math=False)
    return figure


def _draw_risks(axes, run, reference) -> None:
    axes.plot(run.history["time"], run.history["risk"], label="run", color=BLUE)
    axes.plot(reference.times, reference.risk, "o--", markersize=3, color=VERMILION, label=reference.name)
    if np.min(reference.risk) > 0 and np.min(run.history["risk"]) > 0:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    legend(axes)
    words(axes, "risk", "training time", "risk")


def _draw_lines(panels, run, reference) -> None:
    axes, below = panels["run (0,)"], panels["difference (0,)"]
    plot_field(axes, run.risk.model.initial.values, run.coordinates, label="initial", **STYLES["initial"])
    plot_field(axes, run.output, run.coordinates, label="run", **STYLES["fitted"])
    dashed = {"color": VERMILION, "linestyle": "--"}
    plot_field(axes, reference.density[-1], run.coordinates, label=reference.name, **dashed)
    legend(axes)
    words(axes, "densities", y="density relative to uniform")
    plot_field(below, run.output - reference.density[-1], run.coordinates, color=BLUE)
    below.axhline(0, color="black", linewidth=0.6)
    words(below, f"run − {reference.name}", y="difference")


def _draw_images(figure, panels, pairs, run, reference) -> None:
    """For each pair of axes the means over the others, densities on one scale and differences on another."""
    fields = {"run": run.output, "reference": reference.density[-1], "difference": run.output - reference.density[-1]}
    titles = {"run": "run", "reference": reference.name, "difference": f"run − {reference.name}"}
    rest = {pair: tuple({*range(run.output.ndim)} - {*pair}) for pair in pairs}
    images = {(name, pair): values.mean(rest[pair]) for name, values in fields.items() for pair in pairs}
    for names in (["run", "reference"], ["difference"]):
        shown = [image for (name, _), image in images.items() if name in names]
        style, label = (diverging(shown), "difference") if "difference" in names else density_colours(shown)
        for name in names:
            for pair in pairs:
                axes = panels[f"{name} {pair}"]
                drawn = plot_field(axes, images[name, pair], run.coordinates, pair, **style)
                over = [f"mean over {run.coordinates.symbol(3 - sum(pair))}"] * (run.output.ndim == 3)
                words(axes, "\n".join([titles[name], *over]))
        colour_bar(figure, drawn, [panels[f"{name} {pairs[-1]}"] for name in names], label)
