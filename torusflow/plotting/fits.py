"""Points over the density that was fitted to them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..model import HasDensity, check_ability
from ..torus.coordinates import Coordinates
from .fields import plot_field
from .planes import marginals, over_marginal, pairs_of
from .style import DECADES, MASSES, ORANGE, STYLES, canvas, colour_bar, legend, per_unit, side_of, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELLS = {1: 720, 2: 180, 3: 30}  # of the density, per axis, for each dimension
BINS = 72  # a period
SAMPLES, SAMPLES_OF = 2000, "samples of the model"


def plot_fit(model, v, points=None, coordinates: Coordinates | None = None, figure: Figure | None = None) -> Figure:
    """Points over the density rho_1 that a control makes, in the user's units, lines around 50 and 98 % of its mass.

    For d = 1 a histogram and the density as a line, for d = 2 dots over an image, for d = 3 over the marginals on each
    pair of axes. Data are black dots, samples of the model orange crosses. Colours are logarithmic, four decades or
    fewer. Degrees in two dimensions run from -180 to 180 on both
    axes, as in a Ramachandran plot.

    Parameters
    ----------
    model : SampleNODE, LogDensityNODE or MeasureNODE
    v : complex array
        The control.
    points : array (N, d), optional
        In sides of the torus; 2000 samples of rho_1 if not given.
    coordinates : Coordinates, optional
    figure : Figure or SubFigure, optional
        To draw into; a new one if not given.

    Returns
    -------
    Figure
        Not known to pyplot; `save` writes it, a notebook shows it.

    Raises
    ------
    InputError
        If the model has no density, or the points have another dimension.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.von_mises(torus), layers=2)
    >>> figure = tfl.plotting.plot_fit(model, model.space.zeros())
    """
    from .regions import plot_regions

    check_ability(
        model, HasDensity, "plot_fit draws a density and needs", "Use a LogDensityNODE, a SampleNODE or a MeasureNODE."
    )
    d = model.space.torus.dimension
    coordinates = shown(coordinates or Coordinates(), d)
    drawn = points is None
    points = model.sample(v, SAMPLES, np.random.default_rng(0)) if points is None else np.asarray(points, float)
    if points.ndim != 2 or points.shape[1] != d:
        raise InputError(f"points of this model have shape (N, {d}), got {points.shape}.")
    density = fitted_density(model, v)
    pairs = pairs_of(d)
    figure = canvas(figure, *((6, 4), (5.4, 6), (11, 5))[d - 1])
    panels = figure.subplots(1, len(pairs), squeeze=False)[0]
    if d == 1:
        plot_histogram(panels[0], density, {SAMPLES_OF if drawn else "points": points}, coordinates)
        return figure
    images = marginals(density, pairs)
    style, bar = scale_of(list(images.values()), coordinates)
    for axes, pair in zip(panels, pairs, strict=True):
        image = plot_points(axes, images[pair], points, coordinates, pair, drawn, **style)
        plot_regions(axes, images[pair], coordinates, MASSES, pair, named=False)
        count = f"{len(points):,} {SAMPLES_OF if drawn else 'points'}"
        words(axes, over_marginal(count, coordinates, pair, d))
    colour_bar(figure, image, list(panels), **with_contours(bar))
    return figure


def plot_histogram(axes: Axes, density, sets: dict, coordinates: Coordinates) -> None:
    """The density as a line over histograms of named points in one dimension, per unit.

    Parameters
    ----------
    axes : Axes
    density : array (n,)
        On the grid, relative to the uniform density.
    sets : dict of str to array (N, 1)
        In sides of the torus; samples of the model are outlined, others filled.
    coordinates : Coordinates

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> torus = tfl.Torus((32,))
    >>> points = np.random.default_rng(0).random((200, 1))
    >>> tfl.plotting.plot_histogram(axes, np.ones(32), {'data': points}, tfl.Coordinates())
    """
    edges = coordinates.start + coordinates.period * np.arange(BINS + 1) / BINS
    for name, points in sets.items():
        values = coordinates.from_torus(points[:, 0])
        style: dict[str, Any] = (
            {"color": ORANGE, "histtype": "step", "linewidth": 1.3}
            if name == SAMPLES_OF
            else {"color": "#BBBBBB", "histtype": "stepfilled"}
        )
        axes.hist(values, edges.tolist(), density=True, label=f"{len(values):,} {name}", **style)
    plot_field(axes, density / side_of(coordinates), coordinates, label="fitted density", **STYLES["fitted"])
    axes.set_ylim(0)
    legend(axes)
    words(axes, y=per_unit(coordinates, 1))


def plot_points(
    axes: Axes,
    density,
    points,
    coordinates: Coordinates | None = None,
    directions=(0, 1),
    samples: bool = False,
    **style,
):
    """Dots over an image of a density of two coordinates, per square unit; returns the image.

    Parameters
    ----------
    axes : Axes
    density : array (n_1, n_2)
        On the grid, relative to the uniform density.
    points : array (N, d)
        In sides of the torus.
    coordinates : Coordinates, optional
    directions : tuple of two int
        The coordinates to the right and upwards.
    samples : bool
        Whether the points are drawn from the model, orange crosses, and not data, black dots.
    **style
        For ``Axes.imshow``; by default colours are logarithmic.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> torus = tfl.Torus((16, 16))
    >>> image = tfl.plotting.plot_points(axes, np.ones((16, 16)), np.random.default_rng(0).random((50, 2)))
    """
    coordinates = coordinates or Coordinates()
    density, style = np.asarray(density), {**scale_of([density], coordinates)[0], **style}
    image = plot_field(axes, density / side_of(coordinates) ** 2, coordinates, directions, **style)
    x, y = coordinates.along(*directions).from_torus(points[:, directions]).T
    n = max(len(points), 1)
    size, opacity = np.clip(2000 / n, 0.6, 4), np.clip(800 / n, 0.3, 0.8)
    if samples:
        axes.scatter(x, y, s=4 * size, color=ORANGE, alpha=opacity, marker="+", linewidths=0.7, zorder=2)
    else:
        axes.scatter(x, y, s=size, color="black", alpha=opacity, linewidths=0, zorder=2)
    return image


def fitted_density(model, v) -> np.ndarray:
    """rho_1 on a grid fine enough for an image, array (n,) * d, relative to the uniform density.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> tfl.plotting.fitted_density(model, model.space.zeros()).ndim
    2
    """
    d = model.space.torus.dimension
    at = np.arange(CELLS[d]) / CELLS[d]
    lattice = np.stack(np.meshgrid(*[at] * d, indexing="ij"), axis=-1)
    return np.exp(model.log_density(v, lattice.reshape(-1, d))).reshape(lattice.shape[:-1])


def shown(coordinates: Coordinates, dimension: int) -> Coordinates:
    """Two angles in degrees are shown as by Ramachandran, from -180 to 180."""
    centred = coordinates.centred or (dimension == 2 and coordinates.units == "degrees")
    return dataclasses.replace(coordinates, centred=centred)


def scale_of(images, coordinates: Coordinates, power: int = 2) -> tuple[dict, dict]:
    """One logarithmic scale of colours per unit to a power, over DECADES or the decades there are, and its bar."""
    from matplotlib.colors import LogNorm

    low, high = (
        extreme / side_of(coordinates) ** power for extreme in (min(map(np.min, images)), max(map(np.max, images)))
    )
    lowest = max(low, high * 10.0**-DECADES)
    style = {"norm": LogNorm(lowest, max(high, 1.01 * lowest)), "cmap": "Blues", "interpolation": "bilinear"}
    return style, {"name": f"fitted {per_unit(coordinates, power)}", "extend": "min" if lowest > low else "neither"}


def with_contours(bar: dict, masses=MASSES) -> dict:
    """A bar of colours whose name says what the lines over the image are."""
    parts = " and ".join(f"{100 * mass:g}" for mass in masses)
    return {**bar, "name": f"{bar['name']}\nlines: around {parts} % of the mass"}
