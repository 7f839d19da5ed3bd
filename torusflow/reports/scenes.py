"""Figures that show one state of a run after another, on the same axes and scales."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..backends import to_host
from ..model import OnPoints
from ..plotting import STYLES, colour_bar, plot_field
from ..plotting.planes import means, pairs_of
from ..plotting.style import words
from ..storage import Run
from ..torus.control import VelocitySpace
from ..torus.density import Density
from .fields import LARGEST_LINEAR
from .panels import BLUE, GREY, VERMILION, period

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DECADES, DOTS_PER_INCH = 4, 110


class Scene(NamedTuple):
    """A figure, and the function that shows a state in it, with words above."""

    figure: Figure
    show: Callable[[np.ndarray, str], None]


def density_scene(values: list, run: Run) -> Scene:
    """Densities on the grid: lines beside the target, images, or the images of marginals on each pair of axes."""
    d, coordinates = values[0].ndim, run.coordinates.in_one_range()
    if d == 1:
        return _lines(values, run, coordinates)
    figure, panels = _panels(len(pairs_of(d)), 4.6)
    images = [plane.image for state in values for plane in means(state, coordinates).values()]
    style = {"cmap": "viridis", "norm": _norm(images)}
    extend = "min" if min(map(np.min, images)) < style["norm"].vmin else "neither"
    # Colours do not change on the way, so their bar is drawn once.
    first = plot_field(panels[0], images[0], coordinates, **style)
    colour_bar(figure, first, list(panels), "density relative to uniform", extend=extend)

    def show(state, title):
        for axes, (pair, (image, third)) in zip(panels, means(state, coordinates).items(), strict=True):
            axes.clear()
            plot_field(axes, image, coordinates, pair, **style)
            words(axes, third)
        figure.suptitle(title, fontsize=11)

    return Scene(figure, show)


def points_scene(values: list, run: Run) -> Scene:
    """Points in the plane beside inputs and targets; points on the torus by each pair of their coordinates."""
    model: Any = run.risk.model
    if isinstance(model.space, VelocitySpace):
        return _points_on_torus(values, run)
    targets = getattr(run.risk.loss, "targets", None)
    fixed = {"inputs": (np.asarray(model.inputs), {"color": GREY, "marker": "o", "s": 10})}
    if targets is not None:
        style = {"facecolors": "none", "edgecolors": VERMILION, "marker": "s", "s": 22}
        fixed["targets"] = (np.asarray(model.rows(targets)), style)
    fixed = {name: thing for name, thing in fixed.items() if thing[0].shape[1:] == (2,)}
    everything = np.vstack([*values, *(points for points, _ in fixed.values())])
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.05 * max((high - low).max(), 1e-12)
    figure, (axes,) = _panels(1, 5)

    def show(state, title):
        axes.clear()
        for name, (points, style) in fixed.items():
            axes.scatter(*points.T, label=name, **style)
        axes.scatter(*state.T, color=BLUE, s=18, label="points", zorder=3)
        axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin), aspect="equal")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.08), ncols=3, frameon=False)
        figure.suptitle(title, fontsize=11)

    return Scene(figure, show)


def graph_scene(values: list, run: Run) -> Scene:
    """Outputs against targets; functions of one variable as graphs."""
    model: Any = run.risk.model
    targets = getattr(run.risk.loss, "targets", None)
    across, aims = (np.arange(values[0].size), None) if targets is None else (np.ravel(targets), np.ravel(targets))
    names = ("number of the output" if targets is None else "target", "output")
    if isinstance(model, OnPoints) and model.inputs.shape[1] == 1 and np.size(values[0]) == len(model.inputs):
        across, names = np.ravel(model.inputs), ("input", "output")
    ends = np.concatenate([np.ravel(state) for state in [*values, *([] if aims is None else [aims])]])
    figure, (axes,) = _panels(1, 5)

    def show(state, title):
        axes.clear()
        if aims is not None:
            axes.scatter(across, aims, s=16, facecolors="none", edgecolors=VERMILION, label="targets")
        axes.scatter(across, np.ravel(state), s=12, color=BLUE, label="outputs")
        margin = 0.05 * max(np.ptp(ends), 1e-12)
        axes.set(xlabel=names[0], ylabel=names[1], ylim=(ends.min() - margin, ends.max() + margin))
        axes.legend(fontsize=8)
        figure.suptitle(title, fontsize=11)

    return Scene(figure, show)


def _lines(values, run, coordinates) -> Scene:
    target = getattr(run.risk.loss, "target", None)
    target = to_host(target.values) if isinstance(target, Density) else None
    highest = max(float(np.max(state)) for state in [*values, *([] if target is None else [target])])
    figure, (axes,) = _panels(1, 4.2)

    def show(state, title):
        axes.clear()
        if target is not None:
            plot_field(axes, target, coordinates, label="target", **STYLES["target"])
        plot_field(axes, state, coordinates, label="density", **STYLES["fitted"])
        axes.set(ylim=(0, 1.08 * highest), ylabel="density relative to uniform")
        axes.legend(fontsize=8)
        figure.suptitle(title, fontsize=11)

    return Scene(figure, show)


def _points_on_torus(values, run) -> Scene:
    d, coordinates = values[0].shape[1], run.coordinates.in_one_range()
    pairs = pairs_of(d) if d > 1 else ((0, 0),)
    figure, panels = _panels(len(pairs), 4.6)

    def show(state, title):
        shown = coordinates.from_torus(state)
        for axes, (right, up) in zip(panels, pairs, strict=True):
            axes.clear()
            height = shown[:, up] if d > 1 else np.zeros(len(shown))
            axes.plot(shown[:, right], height, ".", color=BLUE, markersize=3)
            axes.set(xlabel=coordinates.label(right), xlim=period(coordinates, right))
            if d > 1:
                axes.set(ylabel=coordinates.label(up), ylim=period(coordinates, up))
        figure.suptitle(title, fontsize=11)

    return Scene(figure, show)


def _norm(images):
    """One scale of colours, logarithmic where a density is far above the uniform one."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = max(0.0, float(min(map(np.min, images)))), float(max(map(np.max, images)))
    if high > LARGEST_LINEAR:
        return LogNorm(max(low, high * 10.0**-DECADES), high, clip=True)
    return Normalize(low, max(high, low + 1e-9))


def _panels(count: int, size: float) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure((size * count, size + 0.6), DOTS_PER_INCH, layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]
