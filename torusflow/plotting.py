"""Pictures of a run, by matplotlib's objects alone: they need no display and leave a user's pyplot as it is."""

from __future__ import annotations

import io
import math
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError
from .storage import Run
from .torus.coordinates import Coordinates
from .torus.density import Density

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg")
DOTS_PER_INCH = 150
TICK_SIZE, LABEL_SIZE, TITLE_SIZE = 8, 9, 10

# Up to so many times the uniform density, colours are linear; beyond, the uniform level would drown in the dark.
LARGEST_LINEAR = 10.0
PAIRS = ((0, 1), (0, 2), (1, 2))
BELOW_ZERO = "white"  # the one colour that viridis does not come near
# Okabe and Ito's colours, told apart by the colour-blind; lines differ in dashes too, for print.
STYLES = {
    "initial": {"color": "#666666", "linestyle": ":"},
    "target": {"color": "#D55E00", "linestyle": "-", "linewidth": 3, "alpha": 0.6},
    "fitted": {"color": "#0072B2", "linestyle": "-"},
    "risk": {"color": "#0072B2", "linestyle": "-"},
    "gradient_norm": {"color": "#D55E00", "linestyle": "--"},
    "pl_ratio": {"color": "#009E73", "linestyle": "-"},
}
ARROWS = 16  # per axis


def plot_run(run: Run) -> Figure:
    """Initial, target and fitted density, their difference, the velocity and the course of the descent.

    For d = 1 the densities are lines and the velocity is an image over the time s of the flow; for d = 2 they are
    images, the velocity that of the first and of the last layer; for d = 3 the densities are shown by their marginals
    on each pair of axes, the velocity by the norm of its layers. A loss without a target density leaves out the
    target and the difference.

    Parameters
    ----------
    run : Run
        From ``tfl.load``.

    Returns
    -------
    Figure
        Not known to pyplot; write it with `save`, or show it at the end of a notebook's cell.
    """
    densities = {"initial": run.risk.model.initial.values, "fitted": run.output}
    target = getattr(run.risk.loss, "target", None)
    if isinstance(target, Density):
        densities = {"initial": densities["initial"], "target": target.values, "fitted": run.output}
    overview = {1: _overview_of_lines, 2: _overview_of_images, 3: _overview_of_marginals}
    figure, panels = overview[run.risk.model.torus.dimension](run, densities)
    plot_history(panels["risk"], run.history)
    panels["risk"].set_title("descent", fontsize=TITLE_SIZE)
    plot_history(panels["pl_ratio"], run.history, ("pl_ratio",))
    panels["pl_ratio"].set_title("Polyak-Łojasiewicz ratio", fontsize=TITLE_SIZE)
    width = int(9 * figure.get_figwidth())
    figure.suptitle(textwrap.shorten(run.status, width, placeholder=" ..."), fontsize=TITLE_SIZE + 1)
    return figure


def plot_field(axes: Axes, values, coordinates: Coordinates = Coordinates(), directions=(0, 1), **style):  # noqa: B008
    """A function on the grid: a line for d = 1, an image for d = 2, over exactly one period in the user's units.

    Parameters
    ----------
    axes : Axes
    values : array (n) or (n_1, n_2)
        The first axis runs to the right, the second upwards.
    coordinates : Coordinates
    directions : tuple of int
        Which of the coordinates the axes of `values` are.
    **style
        For ``Axes.plot`` or ``Axes.imshow``.

    Returns
    -------
    Line2D or AxesImage
    """
    values = np.asarray(values)
    if values.ndim not in (1, 2):
        raise InputError(f"plot_field draws fields on one or two axes, got shape {values.shape}. Give a slice of it.")
    x, column = _one_period(values.shape[0], coordinates)
    _mark_axis(axes.xaxis, coordinates, directions[0])
    if values.ndim == 1:
        axes.tick_params(labelsize=TICK_SIZE)
        return axes.plot(x, values[column], **style)[0]
    y, row = _one_period(values.shape[1], coordinates)
    image = _image(axes, values[np.ix_(column, row)], x, y, aspect="equal", **style)
    _mark_axis(axes.xaxis, coordinates, directions[0])
    _mark_axis(axes.yaxis, coordinates, directions[1])
    return image


def plot_velocity(axes: Axes, velocity, coordinates: Coordinates = Coordinates(), fastest: float | None = None):  # noqa: B008
    """A vector field on the plane torus: arrows over an image of the speed, in the user's units per unit of s.

    Parameters
    ----------
    axes : Axes
    velocity : array (2, n_1, n_2)
        In sides of the torus per unit of s, such as ``space.to_grid(v)[layer]``.
    coordinates : Coordinates
    fastest : float, optional
        The speed at the end of the colours and of the longest arrow, so that pictures can be compared; by default
        the largest.

    Returns
    -------
    AxesImage
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    velocity = np.asarray(velocity) * coordinates.period
    speed = np.hypot(*velocity)
    fastest = fastest or float(speed.max()) or 1.0
    light = ListedColormap(colormaps["magma_r"](np.linspace(0, 0.6, 256)))  # dark arrows stay visible at its end
    image = plot_field(axes, speed, coordinates, cmap=light, vmin=0, vmax=fastest)
    x, column, y, row = (
        part[step // 2 :: step]
        for n in speed.shape
        for step in [math.ceil(n / ARROWS)]
        for part in _one_period(n, coordinates)
    )
    u, v = velocity[(slice(None), *np.ix_(column, row))]
    longest = 1.5 * coordinates.period / ARROWS
    arrows = {"angles": "xy", "scale_units": "xy", "scale": fastest / longest, "width": 0.006, "pivot": "mid"}
    axes.quiver(x, y, u.T, v.T, **arrows)
    return image


def plot_history(axes: Axes, history: dict, names=("risk", "gradient_norm")) -> None:
    """Columns of a history over the iterations, on a logarithmic scale; what is not positive is left out.

    Parameters
    ----------
    axes : Axes
    history : dict of str to array (iterations + 1,)
        Of a `Result` or a `Run`.
    names : tuple of str
        Which columns.
    """
    from matplotlib.ticker import MaxNLocator

    words = {"pl_ratio": "|gradient|² / (2 risk)"}
    labels = [words.get(name, name.replace("_", " ")) for name in names]
    for name, label in zip(names, labels, strict=True):
        values = np.asarray(history[name], float)
        shown = np.where(values > 0, values, np.nan)
        marker = "o" if len(values) < 12 else ""
        axes.plot(np.arange(len(values)), shown, label=label, marker=marker, markersize=3, **STYLES.get(name, {}))
    axes.set_yscale("log")
    axes.grid(True, alpha=0.3)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("iteration", fontsize=LABEL_SIZE)
    axes.tick_params(labelsize=TICK_SIZE, which="both")
    if len(names) > 1:
        axes.legend(fontsize=TICK_SIZE)
    else:
        axes.set_ylabel(labels[0], fontsize=LABEL_SIZE)


def save(figure: Figure, path, overwrite: bool = False) -> None:
    """Write a figure, whole or not at all.

    Parameters
    ----------
    figure : Figure
    path : str or path
        Its suffix says the format: .png, .pdf or .svg.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If the suffix is another, the file exists, or the place cannot be written; what stood there stays.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"a picture is written as {', '.join(SUFFIXES)}, got {str(path)!r}: give it such an ending.")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; name a file in it.")
    if path.exists() and not overwrite:
        raise InputError(
            f"{str(path)!r} exists and is not overwritten unasked: choose another name, or say --overwrite."
        )
    if not path.absolute().parent.is_dir():
        raise InputError(f"the folder {str(path.absolute().parent)!r} does not exist; make it first.")
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lower()[1:], dpi=DOTS_PER_INCH)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(picture.getbuffer())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {str(error.strerror).lower()}.") from None
    finally:
        partial.unlink(missing_ok=True)


# -- overviews by dimension ----------------------------------------------------------------------------------------


def _overview_of_lines(run, densities):
    from matplotlib.figure import Figure

    model, coordinates = run.risk.model, run.coordinates
    figure = Figure((10, 7), DOTS_PER_INCH, layout="constrained")
    panels = figure.subplot_mosaic([["densities", "risk"], ["velocity", "pl_ratio"]], width_ratios=(3, 2))
    axes = panels["densities"]
    for name, values in densities.items():
        plot_field(axes, values, coordinates, label=f"{name}: {_range(model.torus, values)}", **STYLES[name])
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_ylabel("density relative to uniform", fontsize=LABEL_SIZE)
    axes.set_title("densities", fontsize=TITLE_SIZE)
    axes.legend(fontsize=TICK_SIZE)

    axes = panels["velocity"]
    velocity = model.space.to_grid(run.control)[:, 0] * coordinates.period
    x, column = _one_period(model.torus.shape[0], coordinates)
    times = (np.arange(model.layers) + 0.5) / model.layers
    style = {"aspect": "auto", "interpolation": "nearest", **_symmetric(velocity)}
    image = _image(axes, velocity[:, column].T, x, times, **style)
    _mark_axis(axes.xaxis, coordinates, 0)
    axes.set_ylabel("time s of the flow", fontsize=LABEL_SIZE)
    axes.set_title(f"velocity, {model.layers} layer{'s' * (model.layers > 1)}", fontsize=TITLE_SIZE)
    _colour_bar(figure, image, [axes], _speed_label("velocity", coordinates))
    return figure, panels


def _overview_of_images(run, densities):
    from matplotlib.figure import Figure

    model, coordinates = run.risk.model, run.coordinates
    flows = {f"velocity, layer {layer + 1} of {model.layers}": layer for layer in {0, model.layers - 1}}
    if "target" in densities:
        second = [*flows, "risk", "pl_ratio"] if len(flows) == 2 else [*flows, "risk", "risk", "pl_ratio"][-4:]
        rows = [[*densities, "difference"], second]
    else:
        rows = [[*densities, "risk"], [*flows, "pl_ratio", "pl_ratio"][:3]]
    figure = Figure((3 * len(rows[0]), 7), DOTS_PER_INCH, layout="constrained")
    panels = figure.subplot_mosaic(rows)
    _draw_densities(figure, panels, run, densities, {name: [values] for name, values in densities.items()})

    fields = model.space.to_grid(run.control)
    velocities = {name: fields[layer] for name, layer in flows.items()}
    fastest = max(model.torus.maximum(np.hypot(*velocity)) for velocity in velocities.values())
    for name, velocity in velocities.items():
        image = plot_velocity(panels[name], velocity, coordinates, fastest * coordinates.period)
        panels[name].set_title(name, fontsize=TITLE_SIZE)
    _colour_bar(figure, image, [panels[name] for name in velocities], _speed_label("speed", coordinates))
    return figure, panels


def _overview_of_marginals(run, densities):
    from matplotlib.figure import Figure

    model = run.risk.model
    names = [*densities, "difference"] if "target" in densities else list(densities)
    rows = [
        [*(_panel(name, pair) for name in names), curve]
        for pair, curve in zip(PAIRS, ("risk", "pl_ratio", "velocity"), strict=True)
    ]
    figure = Figure((3 * len(rows[0]), 9.5), DOTS_PER_INCH, layout="constrained")
    panels = figure.subplot_mosaic(rows)
    marginals = {name: [values.mean(axis) for axis in (2, 1, 0)] for name, values in densities.items()}
    _draw_densities(figure, panels, run, densities, marginals)

    axes = panels["velocity"]
    axes.stairs(model.space.norm_of_layers(run.control), np.linspace(0, 1, model.layers + 1), color="#0072B2")
    axes.set_title("norm of the velocity in V", fontsize=TITLE_SIZE)
    axes.set_xlabel("time s of the flow", fontsize=LABEL_SIZE)
    axes.set_xlim(0, 1)
    axes.grid(True, alpha=0.3)
    axes.tick_params(labelsize=TICK_SIZE)
    return figure, panels


def _draw_densities(figure, panels, run, densities, images):
    """A row of images for each pair of axes, all densities on one scale, and what is left of fitted - target."""
    from matplotlib import colormaps

    torus, coordinates = run.risk.model.torus, run.coordinates
    norm, words = _scale([image for row in images.values() for image in row])
    colours = {"norm": norm, "cmap": colormaps["viridis"].with_extremes(under=BELOW_ZERO)}
    titles = {name: f"{name}\n{_range(torus, values)}" for name, values in densities.items()}
    if "target" in densities:
        left = densities["fitted"] - densities["target"]
        titles["difference"] = f"fitted - target\nL2 norm {torus.norm(left):.3g}"
        images = {**images, "difference": [f - t for f, t in zip(images["fitted"], images["target"], strict=True)]}
    for name, row in images.items():
        style = _symmetric(row) if name == "difference" else colours
        for pair, values in zip(PAIRS, row):  # noqa: B905 - a plane has the first pair only
            axes = panels[_panel(name, pair)]
            image = plot_field(axes, values, coordinates, pair, **style)
            title = titles[name] if pair == PAIRS[0] else ""
            if torus.dimension == 3:
                title += f"\nmean over {coordinates.name(3 - sum(pair))}"
            axes.set_title(title.strip(), fontsize=TITLE_SIZE)
        if name in ("difference", "fitted"):
            one = (name,) if name == "difference" else tuple(densities)
            last = [panels[_panel(n, PAIRS[len(row) - 1])] for n in one]
            _colour_bar(figure, image, last, "difference" if name == "difference" else words)


# -- parts ---------------------------------------------------------------------------------------------------------


def _panel(name, pair) -> str:
    return name if pair == PAIRS[0] else f"{name} {pair}"


def _one_period(n, coordinates):
    """Grid points in the user's units that cover what is shown, ends included, and their indices on the torus."""
    spacing, first = coordinates.period / n, coordinates.start / coordinates.period * n
    index = np.arange(math.floor(first), math.ceil(first + n) + 1)
    return index * spacing, index % n


def _mark_axis(axis, coordinates, direction):
    """Label, one period as limits, a tick every quarter of it."""
    ticks = coordinates.start + coordinates.period * np.arange(5) / 4
    words = [f"{tick:g}" for tick in ticks]
    if coordinates.units == "radians":
        words = ["-π", "-π/2", "0", "π/2", "π"] if coordinates.centred else ["0", "π/2", "π", "3π/2", "2π"]
    axis.set_ticks(ticks, words, fontsize=TICK_SIZE)
    axis.set_label_text(coordinates.label(direction), fontsize=LABEL_SIZE)
    axis.set_view_interval(ticks[0], ticks[-1], ignore=True)


def _image(axes, values, x, y, **style):
    """values[i, j] as a cell around (x_i, y_j)."""
    half_x, half_y = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2 if len(y) > 1 else 0.5
    extent = (x[0] - half_x, x[-1] + half_x, y[0] - half_y, y[-1] + half_y)
    return axes.imshow(values.T, origin="lower", extent=extent, **style)


def _scale(fields):
    """A common scale of colours for densities, and its name."""
    from matplotlib.colors import AsinhNorm, Normalize

    low = max(min(float(np.min(field)) for field in fields), 0.0)
    high = max(float(np.max(field)) for field in fields)
    if high - low < 1e-9:
        low, high = 0.0, 2.0  # uniform everywhere
    if high <= LARGEST_LINEAR:
        return Normalize(low, high), "density relative to uniform"
    return AsinhNorm(1.0, low, high), "density relative to uniform (linear below 1, logarithmic above)"


def _symmetric(fields) -> dict:
    """Diverging colours, the same on both sides of zero."""
    largest = max(float(np.max(np.abs(field))) for field in fields) or 1.0
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def _range(torus, values) -> str:
    return f"min {torus.minimum(values):.3g}, max {torus.maximum(values):.3g}"


def _speed_label(what, coordinates) -> str:
    return f"{what} [{'sides' if coordinates.units == 'turns' else coordinates.units} per unit of s]"


def _colour_bar(figure, image, axes, label):
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=20 * len(axes), extend="neither")
    if image.norm.vmin == 0 and image.norm.vmax > LARGEST_LINEAR and label.startswith("density"):
        bar.set_ticks([0, *10.0 ** np.arange(math.floor(math.log10(image.norm.vmax)) + 1)])
        bar.ax.xaxis.set_major_formatter("{x:g}")
    bar.set_label(label, fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
