"""Functions and vector fields on the grid, as lines, images and arrows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..torus.coordinates import Coordinates
from .style import mark, side_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROWS = 16  # per axis


def plot_field(axes: Axes, values, coordinates: Coordinates | None = None, directions=(0, 1), **style):
    """A function on the grid, a line or an image, over one whole period in the user's units.

    Parameters
    ----------
    axes : Axes
    values : array (n,) or (n_1, n_2)
        The first axis runs to the right, the second upwards.
    coordinates : Coordinates, optional
    directions : tuple of int
        Which coordinates the axes of `values` are.
    **style
        For ``Axes.plot``, which gives the Line2D returned, or ``Axes.imshow``, which gives the AxesImage.

    Examples
    --------
    >>> import torusflow as tfl
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> image = tfl.plotting.plot_field(axes, tfl.densities.von_mises(tfl.Torus((16, 16))).values)
    """
    values, coordinates = np.asarray(values), coordinates or Coordinates()
    if values.ndim not in (1, 2):
        raise InputError(f"plot_field draws fields on one or two axes, got shape {values.shape}. Give a slice of it.")
    alone = [coordinates.along(direction) for direction in directions]
    x, columns = one_period(values.shape[0], alone[0])
    if values.ndim == 1:
        artist = axes.plot(x, values[columns], **style)[0]
    else:
        y, rows = one_period(values.shape[1], alone[1])
        cells = [(at[0] - step, at[-1] + step) for at in (x, y) for step in [(at[1] - at[0]) / 2]]
        extent = (*cells[0], *cells[1])
        artist = axes.imshow(values[np.ix_(columns, rows)].T, origin="lower", extent=extent, **style)
    mark(axes, coordinates, directions[: values.ndim])
    return artist


def plot_velocity(axes: Axes, velocity, coordinates: Coordinates | None = None, fastest: float = 0.0):
    """Arrows over an image of the speed, d = 2, in the user's units per unit of s; returns the image.

    Parameters
    ----------
    axes : Axes
    velocity : array (2, n_1, n_2)
        In sides of the torus per unit of s, such as ``space.to_grid(v)[layer]``.
    coordinates : Coordinates, optional
    fastest : float
        Speed, in the user's units, of the darkest colour and the longest arrow; at least the largest of all.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> torus = tfl.Torus((16, 16))
    >>> field = np.stack([np.sin(2 * np.pi * torus.points[1]), np.zeros((16, 16))])
    >>> arrows = tfl.plotting.plot_velocity(axes, field)
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    coordinates = coordinates or Coordinates()
    side = side_of(coordinates)
    velocity = np.asarray(velocity) * side
    speed = np.hypot(*velocity)
    fastest = max(fastest, float(speed.max())) or 1.0
    colours = ListedColormap(colormaps["magma_r"](np.linspace(0, 0.6, 256)))  # light enough for arrows
    image = plot_field(axes, speed, coordinates, cmap=colours, vmin=0, vmax=fastest)
    steps = [math.ceil(n / ARROWS) for n in speed.shape]
    some = [np.arange(step // 2, n, step) for n, step in zip(speed.shape, steps, strict=True)]
    x, y = (
        coordinates.along(axis).from_torus(index / n)
        for axis, (index, n) in enumerate(zip(some, speed.shape, strict=True))
    )
    u, v = velocity[(slice(None), *np.ix_(*some))]
    scale = fastest * ARROWS / (1.4 * side)
    u, v = (part * (coordinates.along(axis).period / side) for axis, part in enumerate((u, v)))
    axes.quiver(x, y, u.T, v.T, angles="xy", scale_units="xy", scale=scale, width=0.006, pivot="mid")
    return image


def one_period(n, coordinates):
    """Grid points in the user's units that cover what is shown, ends included, and their indices on the torus."""
    first = coordinates.origin * n
    index = np.arange(math.floor(first), math.ceil(first + n) + 1)
    return index * (coordinates.period / n), index % n
