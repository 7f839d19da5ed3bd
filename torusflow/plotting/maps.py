"""The map that a control generates: the grid it deforms, the lines along which points flow, its log-determinant."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..torus.coordinates import Coordinates
from ..transport.flow_map import FlowMap
from .fields import plot_field
from .planes import pairs_of, value_of
from .style import BLUE, GREY, VERMILION, canvas, colour_bar, diverging, legend, mark, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = 24  # of the deformed grid, per axis
STARTS = 16  # of flow lines, per axis
TIMES = 65  # on a flow line
ENOUGH, KNOTS, PARTS = 6, 32, 16  # layers whose ends tell a flow line, at most so many; of fewer, parts are looked at
STILL = 1e-3  # of a side: points that move less in the last part of their line have no arrow
CELLS = {1: 720, 2: 192, 3: 64}  # per axis of an image, for each dimension
# Points of a line of the grid; where their images are further apart than the gap, intervals are halved up to ten times.
POINTS, HALVINGS, GAP = 65, 10, 1 / 128
MOST_COPIES = 30_000  # of lines that leave the shown period
MOST_POINTS = 30_000  # of all lines together; a map wilder than that is drawn with corners


def plot_map(flow: FlowMap, coordinates: Coordinates | None = None, figure: Figure | None = None) -> Figure:
    """Deformed grid, flow lines and log-determinant; for d = 3 one row for each coordinate plane through the middle.

    Parameters
    ----------
    flow : FlowMap
    coordinates : Coordinates, optional
    figure : Figure or SubFigure, optional
        To draw into; a new one if not given.

    Returns
    -------
    Figure
        Not known to pyplot; `save` writes it.

    Raises
    ------
    InputError
        If `flow` is no FlowMap.
    NumericalError
        If it folds where it is drawn; names the substeps that would avoid it.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> import numpy as np
    >>> flow = tfl.FlowMap(model, 0.05 * model.space.random(np.random.default_rng(0)))
    >>> figure = tfl.plotting.plot_map(flow)
    """
    d, coordinates = _checked(flow).dimension, coordinates or Coordinates()
    pairs = pairs_of(d)
    figure = canvas(figure, 10.5, 4.0 if d == 1 else 0.8 + 3.6 * len(pairs))
    rows = figure.subplots(len(pairs), 3, squeeze=False)
    for pair, (grid, lines, determinant) in zip(pairs, rows, strict=True):
        plot_grid(grid, flow, coordinates, pair)
        paths = plot_flow_lines(lines, flow, coordinates, pair)
        image = plot_log_determinant(determinant, flow, coordinates, pair)
    if d > 1:
        images = [axes.images[0] for axes in rows[:, 2]]
        scale = diverging([image.get_array() for image in images])
        for image in images:
            image.set_clim(scale["vmin"], scale["vmax"])
        colour_bar(figure, paths, [rows[-1, 1]], "time s of the flow")
        colour_bar(figure, image, [rows[-1, 2]], "log det DΦ(x): blue contracts, red expands")
    return figure


def plot_grid(axes: Axes, flow: FlowMap, coordinates: Coordinates | None = None, directions=(0, 1), lines: int = LINES):
    """The images under Phi of evenly spaced grid lines, a colour for either coordinate; for d = 1 Phi and its inverse.

    What leaves the shown period on one side comes in on the other. For d = 3 the lines are those of the coordinate
    plane through the middle of what is shown, and their images are projected on it.

    Parameters
    ----------
    axes : Axes
    flow : FlowMap
    coordinates : Coordinates, optional
    directions : tuple of two int
        The coordinates to the right and upwards.
    lines : int
        Per axis.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> import numpy as np
    >>> flow = tfl.FlowMap(model, 0.05 * model.space.random(np.random.default_rng(0)))
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> tfl.plotting.plot_grid(axes, flow)
    """
    coordinates = (coordinates or Coordinates()).in_one_range()
    start, d = coordinates.origin, _checked(flow).dimension
    if d == 1:
        maps = {"Φ": (flow, {"color": BLUE}), "Φ⁻¹": (flow.inverse, {"color": VERMILION, "linestyle": "--"})}
        maps["identity"] = (lambda x: x, {"color": GREY, "linestyle": ":", "linewidth": 1})
        for name, (function, style) in maps.items():
            graph = _refined(lambda _, t, f=function: np.hstack([t[:, None] + start, f(t[:, None] + start)]), 1)
            for copy in _copies(graph, start)[0]:
                axes.plot(*copy.T * coordinates.period, **style, label=name)
                name = None
        mark(axes, coordinates, (0, 0))
        legend(axes)
        words(axes, "map and inverse", y=f"image of {coordinates.label(0)}")
    else:
        for along, colour in ((1, BLUE), (0, VERMILION)):

            def image(line, t, along=along):
                ends = [line / lines, t] if along else [t, line / lines]
                return flow(_in_plane(np.stack(ends, axis=1) + start, d, directions, start))[:, directions]

            name = f"equal {coordinates.symbol(directions[1 - along])}"
            plane = coordinates.along(*directions)
            _draw(axes, _refined(image, lines), plane, colors=colour, linewidths=0.6, label=name)
        mark(axes, coordinates, directions)
        legend(axes)
        words(axes, "deformed grid" + _plane(d, coordinates, directions))
    axes.set_aspect("equal")


def plot_flow_lines(
    axes: Axes, flow: FlowMap, coordinates: Coordinates | None = None, directions=(0, 1), starts: int = STARTS
):
    """The paths Phi_s(x) of a lattice of points x, coloured by s, with an arrow at their ends; for d = 1 over s.

    Points are where the flow has them at the ends of the layers, and in between on smooth lines: the field jumps from a
    layer to the next, which is the discretisation, not the flow. As for `plot_grid`, the lattice is that of a plane for
    d = 3. Returns the LineCollection, for a colour bar.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> import numpy as np
    >>> flow = tfl.FlowMap(model, 0.05 * model.space.random(np.random.default_rng(0)))
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> lines = tfl.plotting.plot_flow_lines(axes, flow)
    """
    coordinates = (coordinates or Coordinates()).in_one_range()
    start, d = coordinates.origin, _checked(flow).dimension
    at, times = start + (np.arange(starts) + 0.5) / starts, np.linspace(0, flow.duration, TIMES)
    lattice = at[:, None] if d == 1 else np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1)
    points = lattice if d == 1 else _in_plane(lattice, d, directions, start)
    paths = _smooth_paths(flow, points, times)
    if d == 1:
        paths = np.concatenate([paths, np.broadcast_to(times[:, None, None], paths.shape)], axis=2)
        drawn = _draw(axes, np.swapaxes(paths, 0, 1), coordinates, (True, False), colors=BLUE, linewidths=1)
        mark(axes, coordinates, (0,))
        axes.set_ylim(0, flow.duration)
        words(axes, "flow lines", y="s")
        return drawn
    paths = paths[..., directions]
    segments = np.stack([paths[:-1], paths[1:]], axis=2)
    drawn = _draw(
        axes,
        segments.reshape(-1, 2, 2),
        coordinates.along(*directions),
        array=np.repeat((times[1:] + times[:-1]) / 2, len(points)),
        cmap="viridis_r",
        linewidths=1.2,
    )
    drawn.set_clim(0, flow.duration)
    _draw_heads(axes, paths, coordinates.along(*directions), drawn.cmap(1.0))
    mark(axes, coordinates, directions)
    axes.set_aspect("equal")
    words(axes, "flow lines" + _plane(d, coordinates, directions))
    return drawn


def _smooth_paths(flow: FlowMap, points, times) -> np.ndarray:
    """Where points are at some times, array (times, N, d), by monotone cubics between the ends of the layers."""
    from scipy.interpolate import PchipInterpolator

    layers = len(flow.layer_ends) - 1
    if layers >= ENOUGH:
        at = np.linspace(0, layers, min(layers, KNOTS) + 1).round()
    else:
        at = np.linspace(0, layers, PARTS * layers + 1)
    knots = np.interp(at, np.arange(layers + 1), flow.layer_ends)
    return PchipInterpolator(knots, np.stack([flow(points, s) for s in knots]))(times)


def _draw_heads(axes, paths, coordinates, colour) -> None:
    """Heads of arrows at the ends of paths (times, N, 2), and dots where points have not moved."""
    directions = paths[-1] - paths[-3]
    lengths = np.hypot(*directions.T)
    directions = directions / np.where(lengths > STILL, lengths, np.inf)[:, None]
    head = {"scale": 100, "width": 0.005, "headwidth": 3, "headlength": 3.2, "headaxislength": 3.2, "minshaft": 0.1}
    axes.quiver(
        *coordinates.from_torus(paths[-1]).T,
        *directions.T,
        **head,
        angles="xy",
        pivot="tip",
        color=colour,
        zorder=3,
    )


def plot_log_determinant(axes: Axes, flow: FlowMap, coordinates: Coordinates | None = None, directions=(0, 1)):
    """log det DPhi(x) at the points x that are moved: negative where the map contracts, white at zero.

    For d = 1 a line, otherwise an image, for d = 3 of a plane as in `plot_grid`; returns it.

    Raises
    ------
    NumericalError
        If the map folds somewhere.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> import numpy as np
    >>> flow = tfl.FlowMap(model, 0.05 * model.space.random(np.random.default_rng(0)))
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> image = tfl.plotting.plot_log_determinant(axes, flow)
    """
    coordinates, d = (coordinates or Coordinates()).in_one_range(), _checked(flow).dimension
    at = np.arange(CELLS[d]) / CELLS[d]
    if d == 1:
        line = plot_field(axes, flow.log_determinant(at[:, None]), coordinates, color=BLUE)
        axes.axhline(0, color="black", linewidth=0.6)
        words(axes, "log-determinant", y="log det DΦ(x)")
        return line
    lattice = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1)
    values = flow.log_determinant(_in_plane(lattice, d, directions, coordinates.origin)).reshape(lattice.shape[:2])
    image = plot_field(axes, values, coordinates, directions, **diverging([values]))
    words(axes, "log-determinant" + _plane(d, coordinates, directions))
    return image


def _checked(flow) -> FlowMap:
    if not isinstance(flow, FlowMap):
        raise InputError(f"a FlowMap is drawn, got a {type(flow).__name__}. Write tfl.FlowMap(model, v).")
    return flow


def _in_plane(points, dimension, directions, start):
    """Points (..., 2) of a coordinate plane as points (N, d) of the torus, through the middle of what is shown."""
    whole = np.full((*points.shape[:-1], dimension), start + 0.5)
    whole[..., directions] = points
    return whole.reshape(-1, dimension)


def _plane(dimension, coordinates, directions) -> str:
    """What a title says about the coordinate that is not shown."""
    if dimension < 3:
        return ""
    axis = 3 - sum(directions)
    return f"\nplane {value_of(coordinates, axis, coordinates.along(axis).origin + 0.5)}"


def _refined(image, lines):
    """The curves t -> image(line, t), 0 <= t <= 1, with more points where their images are far apart."""
    line, t = np.repeat(np.arange(lines), POINTS), np.tile(np.linspace(0, 1, POINTS), lines)
    points = image(line, t)
    for _ in range(HALVINGS):
        apart = np.abs(np.diff(points, axis=0)).max(axis=1)
        wide = np.flatnonzero((apart > GAP) & (line[1:] == line[:-1]))
        if not 0 < wide.size <= MOST_POINTS - len(points):
            break
        middle = (t[wide] + t[wide + 1]) / 2
        points = np.insert(points, wide + 1, image(line[wide], middle), axis=0)
        t, line = np.insert(t, wide + 1, middle), np.insert(line, wide + 1, line[wide])
    return np.split(points, np.flatnonzero(np.diff(line)) + 1)


def _draw(axes, curves, coordinates, periodic=(True, True), array=None, **style):
    """Curves (points, 2) in sides of the torus, with those shifts of them that meet the shown period."""
    from matplotlib.collections import LineCollection

    curves, numbers = _copies(curves, coordinates.origin, np.array(periodic))
    scale = np.where(periodic, coordinates.period, 1.0)
    colours = None if array is None else array[numbers]
    lines = LineCollection([curve * scale for curve in curves], array=colours, **style)
    return axes.add_collection(lines, autolim=False)


def _copies(curves, start, periodic: bool | np.ndarray = True):
    """All shifts of curves by whole periods that meet [start, start + 1]^2, and which curve each is a copy of."""
    shifted, numbers = [], []
    for number, curve in enumerate(curves):
        low, high = (np.floor(end - start) * periodic for end in (curve.min(axis=0), curve.max(axis=0)))
        if not len(shifted) + math.prod((high - low + 1).tolist()) <= MOST_COPIES:  # nor where a point is not a number
            raise InputError(
                f"the flow carries points {np.max(np.ptp(curve, axis=0)):.2g} sides of the torus apart, which no "
                f"picture can show. Evaluate it instead: tfl.FlowMap(model, control)(points)."
            )
        shifts = list(itertools.product(*(range(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))))
        shifted += [curve - shift for shift in shifts]
        numbers += [number] * len(shifts)
    return shifted, np.array(numbers)
