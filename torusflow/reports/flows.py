"""Panels of the map of the torus that a control generates: lines along which points flow, and the grid it deforms."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..errors import InputError, NumericalError
from ..storage import Run
from ..torus.coordinates import Coordinates
from ..transport.flow_map import FlowMap
from .packing import packed
from .panels import BLUE, GREY, VERMILION, Part, axis, plain, square

STARTS = {1: 24, 2: 12, 3: 5}  # of flow lines, per axis
LINES, POINTS, TIMES = 16, 49, 25  # of the deformed grid; on each of its lines; on a flow line
MOST_COPIES = 2000  # of lines that leave the period on one side and come in on the other


def flows(run: Run, layers: np.ndarray) -> Part:
    """Flow lines, and the deformed grid at the ends of some layers; of a model without a flow map a sentence."""
    model = run.risk.model
    try:
        flow = FlowMap(model, run.control)
    except InputError:  # it moves nothing on the torus, or by another equation
        return Part([], {}, None, [])
    coordinates = run.coordinates.in_one_range()
    times = layers / layers[-1] * flow.duration
    draw = {1: _on_the_circle, 2: _in_the_plane, 3: _in_space}[flow.dimension]
    try:
        return Part(draw(flow, times, coordinates), {}, None, [])
    except (NumericalError, _TooWildError) as error:
        return Part([], {}, None, [f"The flow is not drawn: {error}"])


class _TooWildError(Exception):
    """Points are carried so far that no picture shows it."""


def _paths(flow: FlowMap, coordinates: Coordinates) -> np.ndarray:
    """The paths of a lattice of points, array (lines, times, d)."""
    d = flow.dimension
    at = (np.arange(STARTS[d]) + 0.5) / STARTS[d] + float(np.min(coordinates.origin))
    points = np.stack(np.meshgrid(*[at] * d, indexing="ij"), axis=-1).reshape(-1, d)
    return np.stack([flow(points, s) for s in np.linspace(0, flow.duration, TIMES)], axis=1)


def _on_the_circle(flow, times, coordinates) -> list[dict]:
    paths = _paths(flow, coordinates)
    s = np.broadcast_to(np.linspace(0, flow.duration, TIMES)[:, None], paths.shape)
    lines = _joined(np.concatenate([paths, s], axis=2), coordinates.origin, (True, False)) * [coordinates.period, 1]
    layout = {"xaxis": axis(coordinates, 0), "yaxis": {"title": {"text": "s"}}, "showlegend": False}
    x = np.arange(POINTS * 4 + 1)[:, None] / (POINTS * 4) + coordinates.origin
    graphs = [np.hstack([x, flow(x, s)])[None] for s in times]
    frames = [_joined(graph, coordinates.origin) * coordinates.period for graph in graphs]
    identity = _trace(np.hstack([x, x]) * coordinates.period, GREY)
    own = {"xaxis": axis(coordinates, 0), "yaxis": {**axis(coordinates, 0), "title": {"text": "where it is taken to"}}}
    data = [_trace(frames[-1], BLUE), identity]
    return [
        plain("flow lines", [_trace(lines, BLUE)], layout),
        plain("the map, along the flow", data, {**own, "showlegend": False}, _moves([frames]), "grey: at rest"),
    ]


def _in_the_plane(flow, times, coordinates) -> list[dict]:
    scale = np.broadcast_to(coordinates.period, 2)
    paths = _paths(flow, coordinates)
    ends = coordinates.from_torus(paths[:, -1])
    lines = _trace(_joined(paths, coordinates.origin) * scale, BLUE)
    dots = {**_trace(ends, VERMILION), "mode": "markers", "marker": {"color": VERMILION, "size": 4}}
    layout = {**square(coordinates), "showlegend": False, "hovermode": False}
    grids = [[_joined(lines, coordinates.origin) * scale for lines in _grid(flow, s, coordinates)] for s in times]
    data = [_trace(lines, colour) for lines, colour in zip(grids[-1], (BLUE, VERMILION), strict=True)]
    return [
        plain("flow lines", [lines, dots], layout, note="dots: where they end"),
        plain("deformed grid, along the flow", data, layout, _moves(list(zip(*grids, strict=True)))),
    ]


def _in_space(flow, times, coordinates) -> list[dict]:
    scale = np.broadcast_to(coordinates.period, 3)

    def joined(lines):
        return _joined(lines, coordinates.origin, (True,) * 3) * scale

    paths = _trace(joined(_paths(flow, coordinates)), BLUE)
    axes = {name: axis(coordinates, i) for i, name in enumerate(("xaxis", "yaxis", "zaxis"))}
    layout = {"scene": {**axes, "aspectmode": "cube"}, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "showlegend": False}
    layout["uirevision"] = "kept"
    grids = [
        [_joined(lines, coordinates.origin, (True,) * 3) * scale for lines in _grid(flow, s, coordinates)]
        for s in times
    ]
    data = [_trace(lines, colour) for lines, colour in zip(grids[-1], (BLUE, VERMILION), strict=True)]
    note = f"of the plane {coordinates.symbol(2)} = {_middle(coordinates):.3g}"
    return [
        plain("flow lines", [paths], layout),
        plain("deformed grid, along the flow", data, layout, _moves(list(zip(*grids, strict=True))), note),
    ]


def _middle(coordinates) -> float:
    alone = coordinates.along(2)
    return float(alone.start + alone.period / 2)


def _grid(flow, s, coordinates) -> list[np.ndarray]:
    """The images of lines of both directions of a grid, of the middle plane for d = 3; arrays (lines, points, d)."""
    across, along = np.meshgrid(np.arange(LINES) / LINES, np.linspace(0, 1, POINTS), indexing="ij")
    found = []
    for line in ([across, along], [along, across]):
        points = np.stack([*line, *[np.full_like(across, 0.5)] * (flow.dimension - 2)], axis=-1) + coordinates.origin
        found.append(flow(points.reshape(-1, flow.dimension), s).reshape(points.shape))
    return found


def _joined(curves, origin, periodic=(True, True)) -> np.ndarray:
    """Curves (lines, points, d) as one with gaps: all shifts by whole periods that meet the period shown."""
    found = []
    for curve in curves:
        low, high = (np.floor(end - origin) * periodic for end in (curve.min(axis=0), curve.max(axis=0)))
        if not math.prod((high - low + 1).tolist()) + len(found) <= MOST_COPIES:
            far = float(np.max(np.ptp(curve, axis=0)))
            raise _TooWildError(f"it carries points {far:.2g} sides of the torus apart, which no picture can show.")
        shifts = itertools.product(*(range(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)))
        found += [np.vstack([curve - shift, np.full((1, curve.shape[1]), np.nan)]) for shift in shifts]
    return np.vstack(found)


def _trace(lines, colour: str) -> dict:
    names = "xyz"[: lines.shape[1]]
    kind = "scatter3d" if len(names) == 3 else "scatter"
    style = {"type": kind, "mode": "lines", "line": {"color": colour, "width": 1 if len(names) == 2 else 2}}
    return {**style, "hoverinfo": "skip", **{name: packed(column) for name, column in zip(names, lines.T, strict=True)}}


def _moves(traces) -> dict:
    """For each trace its lines at every place of the slider."""
    return {
        "layer": [
            {"trace": i, "attribute": name, "frames": [packed(lines[:, j]) for lines in frames]}
            for i, frames in enumerate(traces)
            for j, name in enumerate("xyz"[: frames[0].shape[1]])
        ]
    }
