"""Panels of densities: along the flow, over the training, beside the target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backends import to_host
from ..model import Conditional, HasDensity, OnPoints
from ..storage import Run
from ..torus.coordinates import Coordinates
from ..torus.density import Density, FunctionSpace, LogDensitySpace
from ..torus.log_density import Finer, exponential
from ..torus.regions import highest_density_levels
from .packing import Shown, packed
from .panels import BLUE, GREY, VERMILION, Part, axis, period, plain, quarters, safe
from .training import Iterate

# Up to this many times the uniform density colours are linear at first.
LARGEST_LINEAR = 10.0
# Shown per axis at most, for each dimension; of data points; and grids to which log-densities are refined below.
MOST, DOTS, FINE = {1: 1024, 2: 128, 3: 32}, 2000, 96
BINS = 48  # of data in one dimension
# Points per axis at which a density that has no grid is evaluated.
CELLS = {1: 360, 2: 72, 3: 20}
MASSES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


def densities(run: Run, iterates: list[Iterate], layers: np.ndarray | None, numbers: int) -> Part:
    """The densities of a run on a grid, or of a likelihood of samples, whose density is made on one.

    Parameters
    ----------
    run : Run
    iterates : list of Iterate
    layers : int array or None
        Those after which the density is shown, 0 before the first one.
    numbers : int
        That the fields may have together.
    """
    fields = _fields(run, iterates, layers)
    first = fields["iteration"][0]
    coordinates, frames = run.coordinates.in_one_range(), sum(map(len, fields.values())) + 2
    shown = Shown(first.shape, coordinates, min(MOST[first.ndim], int((numbers / frames) ** (1 / first.ndim))))
    stacks = {name: np.stack([shown(values) for values in field]) for name, field in fields.items()}
    target = target_of(run)
    target = None if target is None else shown(target)
    points, notes = _points(run), _notes(run, shown, coordinates)
    if first.ndim == 1:
        panels = [_line(name, stack, target, shown, coordinates, points) for name, stack in stacks.items()]
        return Part(panels, {}, None, notes)
    values = [*stacks.values(), *([] if target is None else [target])]
    colours = colours_of(values)
    panels = [image(name, shown, coordinates) for name in stacks]
    if points is not None and first.ndim == 2:
        panels[0] |= {"title": "fitted density and data, over the training", "over": [_dots(points, coordinates)]}
        notes += [f"Of {len(points):,} rows {DOTS:,} are drawn."] if len(points) > DOTS else []
    if target is not None:
        panels.append(image("", shown, coordinates, "target", fixed=packed(target[None])))
        title = "fitted − target, over the training"
        panels.append(image("iteration", shown, coordinates, title, minus=packed(target), colours="difference"))
    if first.ndim == 3:
        panels.append(_isosurface([*stacks][-1], stacks["iteration"][-1], shown, coordinates))
    return Part(panels, stacks, colours, notes)


def _fields(run: Run, iterates: list[Iterate], layers) -> dict[str, list[np.ndarray]]:
    """Densities by the slider that moves them: over the training, and along the flow where the file has that."""
    model: Any = run.risk.model
    fields = {"iteration": [density_at(model, iterate.control, iterate.output) for iterate in iterates]}
    if not isinstance(model, OnPoints) and run.trajectory is not None and layers is not None:
        fields["layer"] = [density_of(model.output_space, run.trajectory[i]) for i in layers]
    return fields


def has_density(model: Any) -> bool:
    """Whether it has a density that is shown: one on a grid, or that of samples."""
    on_grid = isinstance(model.output_space, FunctionSpace)
    return on_grid or (isinstance(model, HasDensity) and isinstance(model, OnPoints))


def density_at(model, control, output) -> np.ndarray:
    """The density at a control, on a grid, relative to the uniform one."""
    return evaluated(model, control) if isinstance(model, OnPoints) else density_of(model.output_space, output)


def target_of(run: Run) -> np.ndarray | None:
    """The density that was asked for, if one was."""
    target = getattr(run.risk.loss, "target", None)
    return to_host(target.values) if isinstance(target, Density) else None


def density_of(space, output) -> np.ndarray:
    """The density that an output of a model on a grid stands for, relative to the uniform one.

    Of log-densities exp(u)/Z, on a finer grid where theirs is coarse for a picture.
    """
    if not isinstance(space, LogDensitySpace):
        return to_host(output)
    torus = space.torus
    if torus.dimension == 3 or max(torus.shape) > FINE:
        return exponential(torus, output, space.given)[0]
    finer = Finer(torus, math.ceil(FINE / max(torus.shape)))
    return exponential(finer.fine, finer.up(output), space.given)[0]


def evaluated(model, control) -> np.ndarray:
    """The density of a model of samples on a grid."""
    d = model.space.torus.dimension
    lattice = np.stack(np.meshgrid(*[np.arange(CELLS[d]) / CELLS[d]] * d, indexing="ij"), axis=-1)
    return np.exp(model.log_density(control, lattice.reshape(-1, d))).reshape(lattice.shape[:-1])


def colours_of(values: list[np.ndarray]) -> dict:
    """One scale of colours for all, logarithmic at first where a density is far above the uniform one."""
    low, high = max(0.0, float(min(map(np.min, values)))), float(max(map(np.max, values)))
    return {"low": low, "high": max(high, low + 1e-9), "logarithmic": high > LARGEST_LINEAR}


TITLES = {"layer": "density along the flow", "iteration": "fitted density, over the training"}
RELATIVE = "Densities are relative to the uniform one, which is 1 everywhere."


def _line(name, stack, target, shown, coordinates, points) -> dict:
    x = packed(shown.axes[0])
    line = {"type": "scatter", "mode": "lines", "x": x, "name": "density", "line": {"color": BLUE}}
    data: list[dict] = [line]
    if target is not None:
        style = {"color": VERMILION, "dash": "dash"}
        data.append({**line, "y": packed(target), "name": "target", "line": style})
    if points is not None:
        counts, edges = np.histogram(coordinates.from_torus(points)[:, 0], BINS, period(coordinates, 0))
        middles, heights = (edges[1:] + edges[:-1]) / 2, counts / counts.mean()
        bars = {"type": "bar", "x": packed(middles), "y": packed(heights), "name": "data"}
        data.append({**bars, "marker": {"color": GREY, "opacity": 0.4}})
    layout = {"xaxis": axis(coordinates, 0), "yaxis": {"title": {"text": "relative to the uniform density"}}}
    layout |= {"bargap": 0, "legend": {"orientation": "h", "y": 1.12}, "showlegend": True}
    moves = {name: [{"trace": 0, "attribute": "y", "frames": [packed(values) for values in stack]}]}
    return plain(TITLES[name], data, layout, moves)


def image(name: str, shown: Shown, coordinates: Coordinates, title: str = "", **more) -> dict:
    directions = range(len(shown.axes))
    return {
        "kind": "image",
        "field": name,
        "title": title or TITLES[name],
        "colours": "density",
        "axes": [values.tolist() for values in shown.axes],
        "labels": [safe(coordinates.label(direction)) for direction in directions],
        "ranges": [period(coordinates, direction) for direction in directions],
        "ticks": [quarters(coordinates, direction) for direction in directions],
        **more,
    }


def _isosurface(name: str, fitted, shown: Shown, coordinates: Coordinates) -> dict:
    levels = highest_density_levels(np.maximum(fitted, 0), MASSES)
    of_masses = [{"mass": mass, "level": level} for mass, level in zip(MASSES, levels, strict=True)]
    title = "surface of one density, along the flow" if name == "layer" else "surface of one density, over the training"
    return {**image(name, shown, coordinates, title), "kind": "isosurface", "levels": of_masses}


def _points(run: Run) -> np.ndarray | None:
    """Data that were fitted by likelihood, in sides of the torus."""
    model: Any = run.risk.model
    points = getattr(run.risk.loss, "samples", None)
    if points is None and isinstance(model, OnPoints):
        points = model.inputs
    if points is None or not isinstance(model, HasDensity):
        return None
    return np.asarray(points)


def _dots(points, coordinates: Coordinates) -> dict:
    some_of = np.random.default_rng(0).permutation(len(points))[:DOTS]
    x, y = coordinates.from_torus(points[some_of]).T
    style = {"size": 3, "color": "#ffffff", "opacity": 0.6, "line": {"width": 0.5, "color": "#000000"}}
    return {"type": "scatter", "mode": "markers", "x": packed(x), "y": packed(y), "marker": style, "hoverinfo": "skip"}


def _notes(run: Run, shown: Shown, coordinates: Coordinates) -> list[str]:
    notes = [RELATIVE]
    model = run.risk.model
    if isinstance(model, Conditional) and model.given:
        names = ", ".join(coordinates.name(i) for i in model.given)
        notes.append(f"They are densities given {names}: for each value of that the mean over the rest is 1.")
    if words := shown.in_words():
        notes.append(words)
    return notes
