"""The overview of a run on densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..backends import to_host
from ..torus.density import Density, LogDensitySpace
from ..torus.log_density import Finer, exponential
from .fields import plot_field, plot_velocity
from .fits import with_contours
from .histories import CURVES, plot_course, with_recorded
from .planes import draw_difference, draw_planes, images_of, means
from .regions import plot_regions
from .style import (
    MASSES,
    PAIRS,
    STYLES,
    canvas,
    colour_bar,
    density_colours,
    is_flat,
    legend,
    side_of,
    words,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_densities(run, figure: Figure | None = None) -> Figure:
    """Initial, target and fitted density, the velocity, and the course of the descent; see `plot_run`."""
    model, densities = run.risk.model, {"initial": run.risk.model.initial.values}
    if model.torus.dimension > 1 and is_flat([densities["initial"]]):
        densities = {}
    if isinstance(target := getattr(run.risk.loss, "target", None), Density):
        densities["target"] = target.values
    densities["fitted"] = fitted_values(run)
    logarithms = isinstance(model.output_space, LogDensitySpace)
    curves = _curves_of_likelihood(run.history) if logarithms else CURVES
    rows: Any = with_recorded(_layout(model.torus.dimension, list(densities), model.layers, list(curves)), run)
    figure = canvas(figure, 2.8 * len(rows[0]), (6.5, 7.2, 9.5)[model.torus.dimension - 1])
    panels = figure.subplot_mosaic(rows)
    if model.torus.dimension == 1:
        _draw_lines(panels, run, densities)
    else:
        _draw_images(figure, panels, run, densities)
    if model.torus.dimension < 3:
        _draw_velocity(figure, panels, run)
    plot_course(figure, panels, run, curves)
    return figure


def _curves_of_likelihood(history) -> dict:
    """In place of `CURVES`: risks are negative there, and have no ratio of Polyak and Łojasiewicz."""
    columns = tuple(name for name in ("risk", "validation") if name in history)
    return {
        "risk": (columns, "descent", "−mean log density [nats]"),
        "control_norm": CURVES["control_norm"],
        "tail": (("tail",), "variance in the outer modes", "share"),
    }


def fitted_values(run) -> np.ndarray:
    """The density that was fitted, relative to the uniform one, on the grid or a finer one."""
    space = run.risk.model.output_space
    if not isinstance(space, LogDensitySpace):
        return to_host(run.output)
    finer = Finer(space.torus, 2 if space.torus.dimension == 3 else 4)
    return exponential(finer.fine, finer.up(run.output), space.given)[0]


def _layout(dimension, names, layers, curves):
    """Names of panels, by rows; a name that occurs twice is one wide panel."""
    names = names + ["difference"] * ("target" in names)
    if dimension == 1:
        return [["densities", "densities", curves[0]], ["velocity", "velocity", curves[1]]]
    if dimension == 3:
        return [[*(f"{name} {pair}" for name in names), curve] for pair, curve in zip(PAIRS, curves, strict=True)]
    columns, velocities = max(len(names), 4 if "target" in names else 3), sorted({1, layers})
    above = [*(f"{name} {PAIRS[0]}" for name in names), *curves][:columns]
    below = [*(f"velocity {layer}" for layer in velocities), *(name for name in curves if name not in above)]
    return [above, (below + ["."] * columns)[:columns]]


def _draw_lines(panels, run, densities):
    for name, values in densities.items():
        label = f"{name}: {_range(run.risk.model.torus, values)}"
        plot_field(panels["densities"], values, run.coordinates, label=label, **STYLES[name])
    panels["densities"].axhline(0, color="black", linewidth=0.6)
    legend(panels["densities"])
    words(panels["densities"], "densities", y="density relative to uniform")


def _draw_images(figure, panels, run, densities):
    """For each pair of axes a row of densities, all on one scale of colours, and fitted - target."""
    torus, coordinates = run.risk.model.torus, run.coordinates
    of_points = "3-D " * (torus.dimension == 3)  # means over an axis have another range
    titles = {name: f"{name}\n{of_points}{_range(torus, values)}" for name, values in densities.items()}
    planes = {name: means(values, coordinates) for name, values in densities.items()}
    style, label = density_colours(images_of(planes))
    draw_planes(figure, panels, planes, titles, coordinates, style, **with_contours({"name": label}))
    for name, of_pairs in planes.items():
        for pair, plane in of_pairs.items():
            plot_regions(panels[f"{name} {pair}"], plane.image, coordinates, MASSES, pair, named=False)
    if "target" in densities:
        gap = densities["fitted"] - densities["target"]
        draw_difference(figure, panels, gap, f"fitted − target\nL2 norm {torus.norm(gap):.3g}", coordinates)


def _draw_velocity(figure, panels, run):
    """All layers as lines, d = 1; the first and the last one as arrows over the speed, d = 2."""
    from matplotlib import colormaps

    space, coordinates, layers = run.risk.model.space, run.coordinates, run.risk.model.layers
    named = isinstance(coordinates.units, str) and coordinates.units != "turns"
    unit = f"[{coordinates.units if named else 'sides'} per unit of s]"
    if space.torus.dimension == 1:
        for layer, velocity in enumerate(space.to_grid(run.control)[:, 0] * side_of(coordinates)):
            label = f"layer {layer + 1} of {layers}" if layer in (0, layers - 1) else None
            colour = colormaps["viridis"](0.85 * layer / layers)  # its end is too light for a line
            plot_field(panels["velocity"], velocity, coordinates, color=colour, label=label)
        panels["velocity"].axhline(0, color="black", linewidth=0.6)
        legend(panels["velocity"])
        words(panels["velocity"], "velocity", y=f"velocity {unit}")
    else:
        ends = {layer: space.field(run.control[layer - 1]) for layer in (1, layers)}
        fastest = max(space.torus.maximum(np.hypot(*velocity)) for velocity in ends.values())
        fastest *= side_of(coordinates)
        for layer, velocity in ends.items():
            image = plot_velocity(panels[f"velocity {layer}"], velocity, coordinates, fastest)
            words(panels[f"velocity {layer}"], f"velocity, layer {layer} of {layers}")
        colour_bar(figure, image, [panels[f"velocity {layer}"] for layer in ends], f"speed {unit}")


def _range(torus, values) -> str:
    if is_flat([values]):
        return "uniform"
    return f"min {torus.minimum(values):.3g}, max {torus.maximum(values):.3g}".replace("-", "−")
