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

FORMATS = (".png", ".pdf", ".svg")
DOTS_PER_INCH = 150
ARROWS = 16  # per axis
PAIRS = ((0, 1), (0, 2), (1, 2))  # of axes, for images
# Up to so many times the uniform density colours are linear; beyond, the uniform level would drown in the dark.
LARGEST_LINEAR = 10.0
# Okabe and Ito's colours, told apart by the colour-blind; lines differ in dashes too, for print.
STYLES = {
    "initial": {"color": "#666666", "linestyle": ":"},
    "target": {"color": "#D55E00", "linewidth": 3, "alpha": 0.6},
    "fitted": {"color": "#0072B2"},
    "risk": {"color": "#0072B2"},
    "gradient_norm": {"color": "#D55E00", "linestyle": "--"},
    "pl_ratio": {"color": "#009E73"},
    "control_norm": {"color": "#0072B2"},
}
CURVES = (  # panel, columns of the history, title, label
    ("risk", ("risk", "gradient_norm"), "descent", ""),
    ("pl_ratio", ("pl_ratio",), "Polyak-Łojasiewicz ratio", "|gradient|² / (2 risk)"),
    ("control_norm", ("control_norm",), "norm of the control", ""),
)


def plot_run(run: Run) -> Figure:
    """Densities or points: initial, target and fitted, the velocity, and the course of the descent.

    For d = 1 densities are lines, and so is the velocity in each layer. For d = 2 densities are images, and velocities
    are arrows over the speed, in the first and the last layer. For d = 3 densities are shown by their marginals on
    each pair of axes, velocities not. Without a target density in the loss, target and difference are left out. For
    models on points in the plane inputs, targets and outputs are drawn, with the lines along which they flow; in other
    dimensions outputs against targets.

    Parameters
    ----------
    run : Run
        From ``tfl.load``.

    Returns
    -------
    Figure
        Not known to pyplot; `save` writes it, a notebook shows it. Its panels are labelled, see ``Axes.get_label``.
    """
    from matplotlib.figure import Figure

    if not isinstance(getattr(run.risk.model, "initial", None), Density):
        return _points_figure(run)
    model, densities = run.risk.model, {"initial": run.risk.model.initial.values}
    if isinstance(target := getattr(run.risk.loss, "target", None), Density):
        densities["target"] = target.values
    densities["fitted"] = run.output
    rows = _layout(model.torus.dimension, list(densities), model.layers)
    width, height = 3 * len(rows[0]), (6.5, 7, 9.5)[model.torus.dimension - 1]
    figure = Figure((width, height), DOTS_PER_INCH, layout="compressed")
    panels = figure.subplot_mosaic(rows)
    if model.torus.dimension == 1:
        _draw_lines(panels, run, densities)
    else:
        _draw_images(figure, panels, run, densities)
    if model.torus.dimension < 3:
        _draw_velocity(figure, panels, run)
    return _finish(figure, panels, run)


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
    """
    values, coordinates = np.asarray(values), coordinates or Coordinates()
    if values.ndim not in (1, 2):
        raise InputError(f"plot_field draws fields on one or two axes, got shape {values.shape}. Give a slice of it.")
    x, columns = _one_period(values.shape[0], coordinates)
    if values.ndim == 1:
        artist = axes.plot(x, values[columns], **style)[0]
    else:
        y, rows = _one_period(values.shape[1], coordinates)
        cells = [(at[0] - step, at[-1] + step) for at in (x, y) for step in [(at[1] - at[0]) / 2]]
        extent = (*cells[0], *cells[1])
        artist = axes.imshow(values[np.ix_(columns, rows)].T, origin="lower", extent=extent, **style)
    _mark(axes, coordinates, directions[: values.ndim])
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
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    coordinates = coordinates or Coordinates()
    velocity = np.asarray(velocity) * coordinates.period
    speed = np.hypot(*velocity)
    fastest = max(fastest, float(speed.max())) or 1.0
    colours = ListedColormap(colormaps["magma_r"](np.linspace(0, 0.6, 256)))  # light enough for arrows
    image = plot_field(axes, speed, coordinates, cmap=colours, vmin=0, vmax=fastest)
    steps = [math.ceil(n / ARROWS) for n in speed.shape]
    some = [np.arange(step // 2, n, step) for n, step in zip(speed.shape, steps, strict=True)]
    x, y = (coordinates.from_torus(index / n) for index, n in zip(some, speed.shape, strict=True))
    u, v = velocity[(slice(None), *np.ix_(*some))]
    scale = fastest * ARROWS / (1.4 * coordinates.period)
    axes.quiver(x, y, u.T, v.T, angles="xy", scale_units="xy", scale=scale, width=0.006, pivot="mid")
    return image


def plot_history(axes: Axes, history: dict, names=("risk", "gradient_norm")) -> None:
    """Columns of a history over the iterations; a logarithmic scale, without what is not positive, above one decade.

    Parameters
    ----------
    axes : Axes
    history : dict of str to array (iterations + 1,)
    names : tuple of str
    """
    from matplotlib.ticker import MaxNLocator

    values = np.array([history[name] for name in names], float)
    for name, column in zip(names, values, strict=True):
        style = {"marker": "o" if len(column) < 12 else "", "markersize": 3, **STYLES.get(name, {})}
        axes.plot(column, label=name.replace("_", " "), **style)
    positive = values[values > 0]
    if positive.size and positive.max() > 10 * positive.min():
        axes.set_yscale("log", nonpositive="mask")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    if len(names) > 1:
        axes.legend(fontsize=8)
    _words(axes, x="iteration", y=names[0].replace("_", " ") if len(names) == 1 else "")


def save(figure: Figure, path, overwrite: bool = False) -> None:
    """Write a figure, whole or not at all; the suffix .png, .pdf or .svg says the format.

    Parameters
    ----------
    figure : Figure
    path : str or path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If the suffix is another, the file exists, or the place cannot be written; what stood there stays.
    """
    path = Path(path)
    check_target(path, overwrite)
    picture, partial = io.BytesIO(), path.with_name(f".{path.name}.{os.getpid()}.part")
    figure.savefig(picture, format=path.suffix.lower()[1:], dpi=DOTS_PER_INCH)
    try:
        partial.write_bytes(picture.getbuffer())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {str(error.strerror).lower()}.") from None
    finally:
        partial.unlink(missing_ok=True)


def check_target(path, overwrite: bool = False) -> None:
    """Raise an InputError, before any work, if `save` would refuse the place."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"a picture is written as {', '.join(FORMATS)}, got {str(path)!r}: give it such an ending.")
    if path.exists() and not overwrite:
        raise InputError(
            f"{str(path)!r} exists and is not overwritten unasked: choose another name, or say --overwrite."
        )
    if not path.absolute().parent.is_dir():
        raise InputError(f"the folder {str(path.absolute().parent)!r} does not exist; make it first.")


def _finish(figure, panels, run):
    """The curves of the descent where there are panels for them, and its status."""
    for name, columns, title, words in CURVES:
        if name in panels:
            plot_history(panels[name], run.history, columns)
            _words(panels[name], title, y=words)
    width = int(12 * figure.get_figwidth())
    figure.suptitle(textwrap.shorten(run.status, width, placeholder=" ..."), fontsize=11)
    return figure


def _points_figure(run):
    from matplotlib.figure import Figure

    figure = Figure((12, 4.2), DOTS_PER_INCH, layout="constrained")
    model = run.risk.model
    last = "control_norm" if hasattr(model, "log_density") else "pl_ratio"  # a ratio to risks below zero says nothing
    panels = figure.subplot_mosaic([["points", "risk", last]])
    axes = panels["points"]
    targets, output = getattr(run.risk.loss, "targets", None), run.output
    columns = hasattr(model, "X")  # one point a column, otherwise a row
    if hasattr(model, "log_density"):
        _draw_likelihood(figure, axes, model.points % 1.0, output)
        return _finish(figure, panels, run)
    if output.shape[0 if columns else 1] == 2:
        start = next((getattr(model, name) for name in ("X", "x", "points") if hasattr(model, name)), None)
        sets = {"inputs": start, "targets": targets, "outputs": output}
        for (name, points), marker in zip(sets.items(), ("o", "s", "x"), strict=True):
            if points is not None and np.shape(points)[0 if columns else 1] == 2:
                fill = {"facecolors": "none", "edgecolors": "#D55E00"} if name == "targets" else {"color": "#0072B2"}
                axes.scatter(*(points if columns else points.T), marker=marker, s=25, label=name, zorder=2, **fill)
        if run.trajectory is not None:
            axes.plot(run.trajectory[..., 0], run.trajectory[..., 1], color="0.7", linewidth=0.6, zorder=1)
        axes.set_aspect("equal")
        _words(axes, "points", "first coordinate", "second coordinate")
    elif targets is not None:
        axes.scatter(np.ravel(targets), np.ravel(output), s=9, label="every number")
        axes.axline((float(targets.flat[0]),) * 2, slope=1, color="0.5", linewidth=0.8, label="equal")
        _words(axes, "outputs against targets", "target", "output")
    axes.legend(fontsize=8)
    return _finish(figure, panels, run)


def _draw_likelihood(figure, axes, samples, logarithms):
    """Samples in one dimension against their log density, in two coloured by it; in three its histogram."""
    words = "log density relative to uniform"
    if samples.shape[1] == 1:
        axes.scatter(samples[:, 0], logarithms, s=4)
        _words(axes, "samples", "x [sides]", words)
    elif samples.shape[1] == 2:
        dots = axes.scatter(*samples.T, c=logarithms, s=3, cmap="viridis")
        axes.set(aspect="equal", xlim=(0, 1), ylim=(0, 1))
        _colour_bar(figure, dots, [axes], words)
        _words(axes, "samples", "x [sides]", "y [sides]")
    else:
        axes.hist(logarithms, bins=40)
        _words(axes, "samples", words, "number")


def _layout(dimension, names, layers):
    """Rows of names of panels; a name that stands twice is one wide panel."""
    names, curves = names + ["difference"] * ("target" in names), ["risk", "pl_ratio", "control_norm"]
    if dimension == 1:
        return [["densities", "densities", "risk"], ["velocity", "velocity", "pl_ratio"]]
    if dimension == 3:
        return [[*(f"{name} {pair}" for name in names), curve] for pair, curve in zip(PAIRS, curves, strict=True)]
    above = [f"{name} {PAIRS[0]}" for name in names] + ["risk"] * ("target" not in names)
    below = [f"velocity {layer}" for layer in sorted({1, layers})] + [name for name in curves if name not in above]
    return [above, below[: len(above)]]


def _draw_lines(panels, run, densities):
    for name, values in densities.items():
        label = f"{name}: {_range(run.risk.model.torus, values)}"
        plot_field(panels["densities"], values, run.coordinates, label=label, **STYLES[name])
    panels["densities"].axhline(0, color="black", linewidth=0.6)
    panels["densities"].legend(fontsize=8)
    _words(panels["densities"], "densities", y="density relative to uniform")


def _draw_images(figure, panels, run, densities):
    """For each pair of axes a row of densities, all on one scale of colours, and fitted - target."""
    torus, coordinates, fields = run.risk.model.torus, run.coordinates, dict(densities)
    titles = {name: f"{name}\n{_range(torus, values)}" for name, values in fields.items()}
    groups, pairs = [list(fields)], PAIRS[: 2 * torus.dimension - 3]
    if "target" in fields:
        fields["difference"] = fields["fitted"] - fields["target"]
        titles["difference"] = f"fitted − target\nL2 norm {torus.norm(fields['difference']):.3g}"
        groups.append(["difference"])
    rest = {pair: tuple({*range(torus.dimension)} - {*pair}) for pair in pairs}
    for names in groups:
        images = {(name, pair): fields[name].mean(rest[pair]) for name in names for pair in pairs}
        style, words = (_density_colours if "fitted" in names else _diverging)(list(images.values()))
        for (name, pair), values in images.items():
            image = plot_field(panels[f"{name} {pair}"], values, coordinates, pair, **style)
            title = [titles[name]] * (pair == PAIRS[0])
            title += [f"mean over {coordinates.name(3 - sum(pair))}"] * (torus.dimension == 3)
            _words(panels[f"{name} {pair}"], "\n".join(title))
        _colour_bar(figure, image, [panels[f"{name} {pair}"] for name in names], words)


def _draw_velocity(figure, panels, run):
    """All layers as lines, d = 1; the first and the last one as arrows over the speed, d = 2."""
    from matplotlib import colormaps

    space, coordinates, layers = run.risk.model.space, run.coordinates, run.risk.model.layers
    unit = f"[{'sides' if coordinates.units == 'turns' else coordinates.units} per unit of s]"
    if space.torus.dimension == 1:
        for layer, velocity in enumerate(space.to_grid(run.control)[:, 0] * coordinates.period):
            label = f"layer {layer + 1} of {layers}" if layer in (0, layers - 1) else None
            colour = colormaps["viridis"](0.85 * layer / layers)  # its end is too light for a line
            plot_field(panels["velocity"], velocity, coordinates, color=colour, label=label)
        panels["velocity"].axhline(0, color="black", linewidth=0.6)
        panels["velocity"].legend(fontsize=8)
        _words(panels["velocity"], "velocity", y=f"velocity {unit}")
    else:
        ends = {layer: space.field(run.control[layer - 1]).copy() for layer in (1, layers)}
        fastest = max(space.torus.maximum(np.hypot(*velocity)) for velocity in ends.values()) * coordinates.period
        for layer, velocity in ends.items():
            image = plot_velocity(panels[f"velocity {layer}"], velocity, coordinates, fastest)
            _words(panels[f"velocity {layer}"], f"velocity, layer {layer} of {layers}")
        _colour_bar(figure, image, [panels[f"velocity {layer}"] for layer in ends], f"speed {unit}")


def _one_period(n, coordinates):
    """Grid points in the user's units that cover what is shown, ends included, and their indices on the torus."""
    first = coordinates.start / coordinates.period * n
    index = np.arange(math.floor(first), math.ceil(first + n) + 1)
    return index * (coordinates.period / n), index % n


def _mark(axes, coordinates, directions):
    """Label, limits of one period and a tick every quarter of it."""
    ticks = coordinates.start + coordinates.period * np.arange(5) / 4
    for axis, direction in zip("xy", directions, strict=False):
        axes.set(**{f"{axis}ticks": ticks, f"{axis}lim": ticks[[0, -1]], f"{axis}label": coordinates.label(direction)})
        if coordinates.units == "radians":
            words = ["−π", "−π/2", "0", "π/2", "π"] if coordinates.centred else ["0", "π/2", "π", "3π/2", "2π"]
            axes.set(**{f"{axis}ticklabels": words})
    _words(axes)


def _words(axes, title="", x="", y=""):
    """Those that are given, and the sizes of all."""
    axes.set_title(title or axes.get_title(), fontsize=10)
    axes.set_xlabel(x or axes.get_xlabel(), fontsize=9)
    axes.set_ylabel(y or axes.get_ylabel(), fontsize=9)
    axes.tick_params(labelsize=8, which="both")


def _range(torus, values) -> str:
    return f"min {torus.minimum(values):.3g}, max {torus.maximum(values):.3g}".replace("-", "−")


def _density_colours(images):
    """One scale for all images, and its name; linear up to LARGEST_LINEAR, asinh beyond."""
    from matplotlib import colormaps
    from matplotlib.colors import AsinhNorm, Normalize

    low, high = float(min(map(np.min, images))), float(max(map(np.max, images)))
    norm, words = Normalize(max(low, 0), high) if high - low > 1e-9 else Normalize(0, 2), "density relative to uniform"
    if high > LARGEST_LINEAR:
        norm, words = AsinhNorm(1, 0, high), words + " (linear below 1, logarithmic above)"
    return {"norm": norm, "cmap": colormaps["viridis"].with_extremes(under="white")}, words + ", white: < 0" * (low < 0)


def _diverging(images):
    largest = max(float(np.max(np.abs(image))) for image in images) or 1.0
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}, "difference"


def _colour_bar(figure, image, axes, words):
    curved = type(image.norm).__name__ == "AsinhNorm"
    ticks = {"ticks": [0, *(m * 10**e for e in range(12) for m in (1, 2, 5))], "format": "%g"} if curved else {}
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=25 * len(axes), **ticks)
    bar.minorticks_off()
    _words(bar.ax, x=words)
