"""A conditional density: an image over its one condition, or small multiples over its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..torus.coordinates import Coordinates
from ..torus.regions import FAR, mass_above
from .fields import plot_field
from .fits import plot_points, scale_of, shown
from .planes import value_of
from .regions import plot_contours, plot_regions, some_of
from .style import BLUE, GREY, MASSES, canvas, colour_bar, per_unit, side_of, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Conditions drawn: in a row of images, or along each side of a square of lines.
IMAGES, LINES = 6, 4
NEAR = 1 / 24  # of a period on either side: rows that are drawn with a condition
HATCHES = 180


def plot_conditional(
    density,
    points,
    coordinates: Coordinates,
    given: tuple[int, ...],
    masses: Sequence[float] = MASSES,
    ax: Axes | None = None,
) -> Figure:
    """The density of some coordinates given others, with the rows it was fitted to.

    One coordinate given one: an image with the condition to the right, dots, and contours around the regions of highest
    density of each condition. Two given one: such images for six conditions. One given two: lines for sixteen
    conditions, each where it lies in their plane.

    Parameters
    ----------
    density : array (*n), d axes
        On a grid from zero on, relative to the uniform density.
    points : array (N, d)
        In sides of the torus.
    coordinates : Coordinates
    given : tuple of int
        The axes of the conditions.
    masses : sequence of float
        Parts of the mass that lie in the regions.
    ax : Axes, optional
        To draw into; for d = 2.

    Returns
    -------
    Figure
        That of the axes, or a new one, not known to pyplot.
    """
    d, density = np.ndim(density), np.asarray(density)
    coordinates = shown(coordinates, 2)
    if ax is not None and d == 3:
        raise InputError(
            "a density of three columns has several pictures, so they do not go into one Axes. Leave ax out."
        )
    if d == 2:
        figure: Any = ax.figure if ax is not None else canvas(None, 5.4, 6)
        _plot_over_condition(figure, ax or figure.subplots(), density, points, coordinates, given[0], masses)
        return figure
    size = (10, 8) if len(given) == 1 else (9, 8)
    figure = canvas(None, *size)
    draw = _plot_images if len(given) == 1 else _plot_lines
    draw(figure, density, points, coordinates, given, masses)
    return figure


def _plot_over_condition(figure, panel: Axes, density, points, coordinates, given: int, masses) -> None:
    directions, other = (given, 1 - given), coordinates.along(1 - given)
    density = np.transpose(density, directions)
    style, bar = scale_of([density], other, 1)
    image = plot_field(panel, density / side_of(other), coordinates, directions, **style)
    x, y = coordinates.along(*directions).from_torus(some_of(points)[:, directions]).T
    panel.scatter(x, y, s=1, color="black", alpha=0.5, linewidths=0, zorder=2)
    plot_contours(panel, mass_above(density, (0,)), sorted((m, m) for m in masses), coordinates, directions, True)
    panel.set_aspect("auto")
    hatched = _hatch_where_there_are_none(panel, points[:, given], coordinates.along(given))
    title = f"{coordinates.symbol(1 - given)} given {coordinates.symbol(given)}{'; hatched: no rows near' * hatched}"
    panel.set_title(title, loc="left", fontsize=9, parse_math=False, y=1.045)
    colour_bar(figure, image, [panel], **bar)


def _hatch_where_there_are_none(panel: Axes, x, coordinates: Coordinates) -> bool:
    """Conditions further than `FAR` from all rows, and whether there are any."""
    at, seen = np.arange(HATCHES) / HATCHES, np.sort(x)
    after = np.searchsorted(seen, at)
    neighbours = seen[np.stack([after - 1, after % len(seen)])]
    gaps = np.abs((at - neighbours + 0.5) % 1.0 - 0.5).min(axis=0)
    for value in coordinates.from_torus(at[gaps > FAR]):
        half = coordinates.period / HATCHES / 2
        panel.axvspan(value - half, value + half, facecolor="none", edgecolor=GREY, alpha=0.6, hatch="//", linewidth=0)
    return bool(np.any(gaps > FAR))


def _plot_images(figure, density, points, coordinates, given: tuple[int, ...], masses) -> None:
    """Two coordinates for some values of the third."""
    axis = given[0]
    pair = tuple(direction for direction in range(3) if direction != axis)
    at = np.arange(IMAGES) / IMAGES
    slices = [density.take(round(x * density.shape[axis]), axis) for x in at]
    style, bar = scale_of(slices, coordinates.along(*pair), 2)
    panels = list(figure.subplots(2, IMAGES // 2, sharex=True, sharey=True).flat)
    for x, image_of, panel in zip(at, slices, panels, strict=True):
        near = points[np.abs((points[:, axis] - x + 0.5) % 1.0 - 0.5) < NEAR]
        image = plot_points(panel, image_of, some_of(near), coordinates, pair, **style)
        plot_regions(panel, image_of, coordinates, masses, pair, named=False)
        words(panel, value_of(coordinates, axis, x))
        panel.label_outer()
    colour_bar(figure, image, panels, **bar)


def _plot_lines(figure, density, points, coordinates, given: tuple[int, ...], masses) -> None:
    """One coordinate for values of the two others, in their plane: the first to the right, the second upwards."""
    axis = next(direction for direction in range(3) if direction not in given)
    lines, at = np.transpose(density, [*given, axis]), np.arange(LINES) / LINES
    order = [np.argsort(coordinates.along(direction).from_torus(at)) for direction in given]
    panels = figure.subplots(LINES, LINES, sharex=True, sharey=True)
    for column, i in enumerate(order[0]):
        for row, j in enumerate(order[1][::-1]):
            panel, where = panels[row, column], (at[i], at[j])
            line = lines[tuple(round(x * n) for x, n in zip(where, lines.shape, strict=False))]
            away = np.abs((points[:, given] - where + 0.5) % 1.0 - 0.5).max(axis=1)
            style = {"color": BLUE} if away.min() < FAR else {"color": GREY, "linestyle": ":"}
            plot_field(panel, line / side_of(coordinates.along(axis)), coordinates, (axis,), **style)
            values = coordinates.along(axis).from_torus(points[away < NEAR, axis])
            panel.plot(values, np.zeros(len(values)), "|", color=GREY, markersize=5, zorder=1)
            words(panel, ", ".join(value_of(coordinates, *pair) for pair in zip(given, where, strict=True)))
            panel.title.set_fontsize(8)
            panel.label_outer()
    panels[0, 0].set_ylim(0)
    figure.suptitle("strokes: rows nearby; dotted: there are none, and the density is a guess", fontsize=9)
    figure.supylabel(per_unit(coordinates.along(axis), 1), fontsize=9)
