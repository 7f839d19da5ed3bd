"""The overview of a run that maximises a likelihood."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import NumericalError
from ..transport.flow_map import FlowMap
from .fits import SAMPLES_OF, fitted_density, plot_histogram, plot_points, scale_of, shown, with_contours
from .histories import plot_course, with_recorded
from .maps import plot_grid, plot_log_determinant
from .planes import marginals, over_marginal, pairs_of
from .regions import plot_regions
from .style import BLUE, MASSES, PAIRS, canvas, colour_bar, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SAMPLES = 5000


def plot_likelihood(run, figure: Figure | None = None) -> Figure:
    """Data and samples over the fitted density, the map, and the course of the descent; see `plot_run`."""
    d = run.risk.model.points.shape[1]
    rows: Any = {
        1: [["fit", "fit", "risk"], ["grid", "determinant", "control_norm"]],
        2: [["data", "samples", "risk"], ["grid", "determinant", "control_norm"]],
        3: [
            [*(f"{name} {pair}" for name in ("data", "samples", "grid")), curve]
            for pair, curve in zip(PAIRS, ("risk", "logarithms", "control_norm"), strict=True)
        ],
    }[d]
    rows = with_recorded(rows, run)
    figure = canvas(figure, 3.2 * len(rows[0]), (6.5, 7.2, 10)[d - 1])
    panels, coordinates = figure.subplot_mosaic(rows), shown(run.coordinates, d)
    parts = {("fit", "data", "samples"): _draw_fit, ("grid",): _draw_grid, ("determinant",): _draw_determinant}
    for names, draw in parts.items():
        own = {name: axes for name, axes in panels.items() if name.startswith(names)}
        try:
            draw(figure, own, run, coordinates)
        except NumericalError as error:  # the reason takes the place of the picture
            for axes in own.values():
                why = textwrap.fill(str(error), 30)
                axes.clear()
                axes.set(xticks=[], yticks=[])
                axes.text(0.5, 0.5, why, fontsize=8, ha="center", va="center", transform=axes.transAxes)
    if "logarithms" in panels:
        panels["logarithms"].hist(run.output, bins=40, color=BLUE)
        words(panels["logarithms"], "data", "log density relative to uniform", "number")
    columns = tuple(name for name in ("risk", "validation") if name in run.history)
    plot_course(figure, panels, run, {"risk": (columns, "descent", "−mean log density [nats]")})
    return figure


def _draw_fit(figure, panels, run, coordinates):
    """Data and as many samples, over the density or its marginals on one scale of colours."""
    model, density = run.risk.model, fitted_density(run.risk.model, run.control)
    count = min(len(model.points), MOST_SAMPLES)
    sets = {"data points": model.points, SAMPLES_OF: model.sample(run.control, count, np.random.default_rng(0))}
    if density.ndim == 1:
        plot_histogram(panels["fit"], density, sets, coordinates)
        words(panels["fit"], "data, samples and fitted density")
        return
    pairs = pairs_of(density.ndim)
    images = marginals(density, pairs)
    style, bar = scale_of(list(images.values()), coordinates)
    for name, points in sets.items():
        for pair in pairs:
            axes = panels[name.split()[0] + f" {pair}" * (density.ndim == 3)]
            image = plot_points(axes, images[pair], points, coordinates, pair, name == SAMPLES_OF, **style)
            plot_regions(axes, images[pair], coordinates, MASSES, pair, named=False)
            words(axes, over_marginal(f"{len(points):,} {name}", coordinates, pair, density.ndim))
    last = [axes for name, axes in panels.items() if density.ndim == 2 or name.endswith(str(pair))]
    colour_bar(figure, image, last, **with_contours(bar))


def _draw_grid(figure, panels, run, coordinates):
    flow = FlowMap(run.risk.model, run.control)
    for pair, axes in zip(PAIRS, panels.values(), strict=False):
        plot_grid(axes, flow, coordinates, pair)


def _draw_determinant(figure, panels, run, coordinates):
    for axes in panels.values():
        image = plot_log_determinant(axes, FlowMap(run.risk.model, run.control), coordinates)
        if run.risk.model.points.shape[1] > 1:
            colour_bar(figure, image, [axes], "log det DΦ(x)")
