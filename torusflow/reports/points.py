"""Panels of points and of other outputs: before, on the way, after, and where they should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..model import OnPoints
from ..storage import Run
from .packing import packed, some
from .panels import BLUE, GREY, VERMILION, Part, plain
from .training import Iterate

MOST = 1000  # points drawn
LEGEND = {"legend": {"orientation": "h", "y": 1.12}, "showlegend": True}


def outputs(run: Run, iterates: list[Iterate], layers: np.ndarray | None) -> Part:
    """Points in the plane as they are, functions of one variable as graphs, all else as outputs against targets."""
    model, targets = run.risk.model, getattr(run.risk.loss, "targets", None)
    if isinstance(model, OnPoints):
        inputs, rows = np.asarray(model.inputs), [np.asarray(model.rows(iterate.output)) for iterate in iterates]
        aims = None if targets is None else np.asarray(model.rows(targets))
        width = rows[0].shape[1] if rows[0].ndim == 2 else 0
        chosen = some(len(inputs), MOST)
        notes = [f"Of {len(inputs):,} points {MOST:,} are drawn."] if len(inputs) > MOST else []
        if width == 2:
            return Part(_in_the_plane(run, inputs, rows, aims, chosen, layers), {}, None, notes)
        if inputs.shape[1:] == (1,) and width == 1:
            return Part(_graph(inputs, rows, aims, chosen), {}, None, notes)
    if targets is None:
        return Part([], {}, None, ["This loss has no targets, so outputs are not drawn."])
    return Part([_against(np.ravel(targets), [np.ravel(iterate.output) for iterate in iterates])], {}, None, [])


def _in_the_plane(run, inputs, rows, aims, chosen, layers) -> list[dict]:
    fixed = [] if inputs.shape[1] != 2 else [_dots(inputs[chosen], "inputs", GREY, "circle")]
    if aims is not None:
        fixed.append(_dots(aims[chosen], "targets", VERMILION, "square-open"))
    frames = [output[chosen] for output in rows]
    data = [_dots(frames[-1], "outputs", BLUE, "circle"), *fixed]
    up = {"title": {"text": "second coordinate"}, "scaleanchor": "x"}
    layout = {"xaxis": {"title": {"text": "first coordinate"}}, "yaxis": up}
    panels = [plain("outputs, over the training", data, {**layout, **LEGEND}, _moves("iteration", frames))]
    path: Any = run.trajectory
    if path is not None and layers is not None and path.shape[1:] == (len(inputs), 2):
        frames = [path[i][chosen] for i in layers]
        lines = np.concatenate([path[:, chosen], np.full((1, len(chosen), 2), np.nan)])
        lines = np.swapaxes(lines, 0, 1).reshape(-1, 2)
        way = {**_dots(lines, "paths", GREY, "circle"), "mode": "lines", "line": {"color": GREY, "width": 0.7}}
        data = [_dots(frames[-1], "points", BLUE, "circle"), *fixed, way]
        panels.append(plain("points, along the flow", data, {**layout, **LEGEND}, _moves("layer", frames)))
    return panels


def _graph(inputs, rows, aims, chosen) -> list[dict]:
    order = chosen[np.argsort(inputs[chosen, 0])]
    frames = [np.hstack([inputs, output])[order] for output in rows]
    data = [{**_dots(frames[-1], "outputs", BLUE, "circle"), "mode": "lines+markers"}]
    if aims is not None:
        data.append(_dots(np.hstack([inputs, aims])[order], "targets", VERMILION, "square-open"))
    layout = {"xaxis": {"title": {"text": "input"}}, "yaxis": {"title": {"text": "output"}}, **LEGEND}
    return [plain("outputs, over the training", data, layout, _moves("iteration", frames))]


def _against(targets, rows) -> dict:
    chosen = some(len(targets), MOST)
    frames = [np.stack([targets, output], axis=1)[chosen] for output in rows]
    ends = np.array([np.min(targets), np.max(targets)])
    equal = {**_dots(np.stack([ends, ends], axis=1), "equal", GREY, "circle"), "mode": "lines"}
    layout = {"xaxis": {"title": {"text": "target"}}, "yaxis": {"title": {"text": "output"}}, **LEGEND}
    data = [_dots(frames[-1], "every number", BLUE, "circle"), equal]
    return plain("outputs against targets, over the training", data, layout, _moves("iteration", frames))


def _dots(points, name: str, colour: str, symbol: str) -> dict:
    style = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "marker": {"color": colour, "symbol": symbol, "size": 6},
    }
    return {**style, "x": packed(points[:, 0]), "y": packed(points[:, 1])}


def _moves(slider: str, frames) -> dict:
    return {
        slider: [
            {"trace": 0, "attribute": name, "frames": [packed(points[:, i]) for points in frames]}
            for i, name in enumerate("xy")
        ]
    }
