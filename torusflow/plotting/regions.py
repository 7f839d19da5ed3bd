"""A density with the rows it was fitted to and its regions of highest density, as Ramachandran plots are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..torus.coordinates import Coordinates
from ..torus.regions import highest_density_levels
from .fields import one_period
from .fits import plot_histogram, plot_points, scale_of, shown, with_contours
from .planes import marginals, over_marginal, pairs_of
from .style import BLUE, MASSES, SMALL, VERMILION, canvas, colour_bar, is_flat, legend, side_of, words

# Drawn of the rows, at most, so that the density is seen between them; of the contours around little and much mass.
DOTS, WIDTHS = 5000, (1.0, 1.8)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_density(
    density,
    points=None,
    coordinates: Coordinates | None = None,
    masses: Sequence[float] = MASSES,
    ax: Axes | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Points over a density, with the contours of its regions of highest density.

    For d = 1 a histogram, the density as a line and its regions as bands, for d = 2 dots over an image, for d = 3 over
    the marginals of each pair of axes, whose regions are those of the marginals.

    Parameters
    ----------
    density : Density or array (*n), d axes
        On a grid from zero on, relative to the uniform density.
    points : array (N, d), optional
        In sides of the torus.
    coordinates : Coordinates, optional
    masses : sequence of float
        Parts of the mass that lie in the regions.
    ax : Axes, optional
        To draw into; for d < 3.
    figure : Figure or SubFigure, optional
        To draw into; a new one if neither is given.

    Returns
    -------
    Figure
        That of the axes, or a new one, not known to pyplot.

    Raises
    ------
    InputError
        If it is no density on a grid, or three axes are asked for in one Axes.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> points = np.random.default_rng(0).random((100, 2))
    >>> figure = tfl.plotting.plot_density(tfl.densities.from_samples(torus, points, 0.1), points)
    """
    values = np.asarray(density)
    if values.ndim not in (1, 2, 3):
        raise InputError(
            f"plot_density draws a Density, or its values on a grid of one to three axes, got a "
            f"{type(density).__name__}. An estimator draws itself: write density.plot()."
        )
    density, d, coordinates = values, values.ndim, shown(coordinates or Coordinates(), values.ndim)
    points = np.empty((0, d)) if points is None else points
    pairs = pairs_of(d)
    if ax is not None and d == 3:
        raise InputError("three columns have three pictures, so they do not go into one Axes. Leave ax out.")
    whole: Any = ax.figure if ax is not None else canvas(figure, *((6, 4), (5.4, 6), (11, 5))[d - 1])
    panels = [ax] if ax is not None else list(whole.subplots(1, len(pairs), squeeze=False)[0])
    if d == 1:
        plot_histogram(panels[0], density, {"rows": points} if len(points) else {}, coordinates)
        _shade(panels[0], density, coordinates, masses)
        return whole
    images, n = marginals(density, pairs), len(points)
    shown_points = some_of(points)
    title = (f"{n:,} rows" if n <= DOTS else f"{DOTS:,} of {n:,} rows") * (n > 0)
    style, bar = scale_of(list(images.values()), coordinates)
    for panel, pair in zip(panels, pairs, strict=True):
        image = plot_points(panel, images[pair], shown_points, coordinates, pair, **style)
        plot_regions(panel, images[pair], coordinates, masses, pair, named=d == 2)
        if d == 3:
            words(panel, over_marginal(title, coordinates, pair, d))
        else:
            panel.set_title(title, fontsize=SMALL, loc="left")
    if ax is None:
        colour_bar(whole, image, panels, **(bar if d == 2 else with_contours(bar, masses)))
    return whole


def some_of(points) -> np.ndarray:
    """The points that are drawn: all, or as many at random as leave the density to be seen."""
    n = len(points)
    return points if n <= DOTS else points[np.random.default_rng(0).permutation(n)[:DOTS]]


def plot_regions(axes: Axes, density, coordinates: Coordinates, masses=MASSES, directions=(0, 1), named: bool = True):
    """Contours around the regions of highest density on two axes; returns the ContourSet, None for a uniform density.

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
    named : bool
        Whether the contours are named above the axes.

    Examples
    --------
    >>> import torusflow as tfl
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> density = tfl.densities.von_mises(tfl.Torus((32, 32))).values
    >>> contours = tfl.plotting.plot_regions(axes, density, tfl.Coordinates())
    """
    if is_flat([density]):
        return None
    by_level = sorted(zip(highest_density_levels(density, masses), masses, strict=True))
    return plot_contours(axes, density, by_level, coordinates, directions, named)


def plot_contours(axes: Axes, values, by_level, coordinates: Coordinates, directions, named: bool):
    """Contours of an array (n_1, n_2) on the grid, at increasing levels, each with the mass inside; see above."""
    values = np.asarray(values)
    (x, columns), (y, rows) = (
        one_period(n, coordinates.along(direction)) for n, direction in zip(values.shape, directions, strict=True)
    )
    thinner = np.argsort(np.argsort([mass for _, mass in by_level])) / max(len(by_level) - 1, 1)
    widths = WIDTHS[1] - (WIDTHS[1] - WIDTHS[0]) * thinner
    style = {"colors": VERMILION, "linewidths": widths, "zorder": 3}
    lines = axes.contour(x, y, values[np.ix_(columns, rows)].T, [level for level, _ in by_level], **style)
    if named:
        names = [f"{100 * mass:g} % of the mass" for _, mass in by_level]
        above = {"loc": "lower right", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.1, "ncols": 2}
        style = {"fontsize": SMALL, "handlelength": 1.5, "columnspacing": 1.0, "frameon": False}
        axes.legend(lines.legend_elements()[0], names, **above, **style)
    return lines


def _shade(axes, density, coordinates, masses) -> None:
    """Regions of highest density under a density on one axis."""
    x, columns = one_period(len(density), coordinates)
    values = np.asarray(density)[columns] / side_of(coordinates)
    for mass, level in zip(masses, highest_density_levels(values[:-1], masses), strict=True):
        axes.fill_between(
            x, 0, values, where=values >= level, color=BLUE, alpha=0.5 - 0.4 * mass, label=f"{100 * mass:g} %"
        )
    legend(axes)
