"""A density with the rows it was fitted to and its regions of highest density, as Ramachandran plots are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..torus.coordinates import Coordinates
from ..torus.regions import highest_density_levels
from .fields import one_period
from .fits import marginals, plot_histogram, plot_points, scale_of, shown
from .style import BLUE, DOTS_PER_INCH, PAIRS, VERMILION, colour_bar, side_of, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_density(density, points, coordinates: Coordinates, masses: Sequence[float] = (0.5, 0.98), axes=None) -> Figure:
    """Points over a density, with the contours of its regions of highest density.

    For d = 1 a histogram, the density as a line and its regions as bands, for d = 2 dots over an image, for d = 3 over
    the marginals of each pair of axes, whose regions are those of the marginals.

    Parameters
    ----------
    density : array (*n), d axes
        On a grid from zero on, relative to the uniform density.
    points : array (N, d)
        In sides of the torus.
    coordinates : Coordinates
    masses : sequence of float
        Parts of the mass that lie in the regions.
    axes : Axes, optional
        To draw into; for d < 3.

    Returns
    -------
    Figure
        That of the axes, or a new one, not known to pyplot.
    """
    from matplotlib.figure import Figure

    d, coordinates = np.ndim(density), shown(coordinates, np.ndim(density))
    pairs = [(0,)] if d == 1 else PAIRS[: 2 * d - 3]
    if axes is not None and d == 3:
        raise InputError("three columns have three pictures, so they do not go into one Axes. Leave ax out.")
    figure = axes.figure if axes is not None else Figure(((6, 4), (5.4, 6), (12, 5))[d - 1], DOTS_PER_INCH)
    if axes is None:
        figure.set_layout_engine("compressed")
    panels = [axes] if axes is not None else list(figure.subplots(1, len(pairs), squeeze=False)[0])
    if d == 1:
        plot_histogram(panels[0], density, {"rows": points}, coordinates)
        _shade(panels[0], density, coordinates, masses)
        return figure
    images = marginals(density, pairs)
    style, bar = scale_of(list(images.values()), coordinates)
    for panel, pair in zip(panels, pairs, strict=True):
        image = plot_points(panel, images[pair], points, coordinates, pair, **style)
        plot_regions(panel, images[pair], coordinates, masses, pair)
        regions = ", ".join(f"{100 * mass:g}" for mass in masses)
        words(panel, f"{len(points)} rows, regions of {regions} %")
    if axes is None:
        colour_bar(figure, image, panels, **bar)
    return figure


def plot_regions(axes: Axes, density, coordinates: Coordinates, masses=(0.5, 0.98), directions=(0, 1)):
    """Contours around the regions of highest density of a density on two axes; returns the ContourSet.

    Parameters
    ----------
    axes : Axes
    density : array (n_1, n_2)
        On the grid.
    coordinates : Coordinates
    masses : sequence of float
        Parts of the mass that lie in the regions.
    directions : tuple of two int
        Which coordinates the axes of the density are.
    """
    density = np.asarray(density)
    (x, columns), (y, rows) = (
        one_period(n, coordinates.along(direction)) for n, direction in zip(density.shape, directions, strict=True)
    )
    named = sorted(zip(highest_density_levels(density, masses), masses, strict=True))
    levels = [level for level, _ in named]
    lines = axes.contour(x, y, density[np.ix_(columns, rows)].T, levels, colors=VERMILION, linewidths=1.2, zorder=3)
    axes.clabel(lines, fmt={level: f"{100 * mass:g} %" for level, mass in named}, fontsize=7)
    return lines


def _shade(axes, density, coordinates, masses) -> None:
    """Regions of highest density under a density on one axis."""
    x, columns = one_period(len(density), coordinates)
    values = np.asarray(density)[columns] / side_of(coordinates)
    for mass, level in zip(masses, highest_density_levels(values[:-1], masses), strict=True):
        axes.fill_between(x, 0, values, where=values >= level, color=BLUE, alpha=0.15, label=f"{100 * mass:g} %")
    axes.legend(fontsize=8)
