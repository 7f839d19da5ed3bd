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
}


def plot_run(run: Run) -> Figure:
    """Initial, target and fitted density, fitted - target, the velocity and the course of the descent.

    Densities are lines for d = 1, images for d = 2, and the marginals on each pair of axes for d = 3. The velocity is
    an image over the time of the flow, arrows in the first and the last layer, or the norms of the layers. Without a
    target density in the loss there is no target and no difference.

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

    model, densities = run.risk.model, {"initial": run.risk.model.initial.values}
    if isinstance(target := getattr(run.risk.loss, "target", None), Density):
        densities["target"] = target.values
    densities["fitted"] = run.output
    rows = _layout(model.torus.dimension, list(densities), model.layers)
    width, height = 3 * len(rows[0]), (6.5, 7, 9.5)[model.torus.dimension - 1]
    figure = Figure((width, height), DOTS_PER_INCH, layout="compressed")
    panels = figure.subplot_mosaic(rows)
    draw = _draw_lines if model.torus.dimension == 1 else _draw_images
    draw(figure, panels, run, densities)
    _draw_velocity(figure, panels, run)
    plot_history(panels["risk"], run.history)
    plot_history(panels["pl_ratio"], run.history, ("pl_ratio",))
    _words(panels["risk"], "descent", "iteration")
    _words(panels["pl_ratio"], "Polyak-Łojasiewicz ratio", "iteration", "|gradient|² / (2 risk)")
    figure.suptitle(textwrap.shorten(run.status, 9 * width, placeholder=" ..."), fontsize=11)
    return figure


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
        artist = _image(axes, values[np.ix_(columns, rows)], x, y, **style)
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
        Speed of the darkest colour and the longest arrow; if not given, or less, the largest of all.
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
    """Columns of a history over the iterations, on a logarithmic scale where what is not positive is left out.

    Parameters
    ----------
    axes : Axes
    history : dict of str to array (iterations + 1,)
    names : tuple of str
    """
    from matplotlib.ticker import MaxNLocator

    for name in names:
        values = np.asarray(history[name], float)
        style = {"marker": "o" if len(values) < 12 else "", "markersize": 3, **STYLES.get(name, {})}
        axes.plot(np.where(values > 0, values, np.nan), label=name.replace("_", " "), **style)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _words(axes, "", "iteration")


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
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"a picture's name ends in {', '.join(FORMATS)}, which says the format; got {str(path)!r}.")
    if path.exists() and not overwrite:
        raise InputError(f"{str(path)!r} exists and is not overwritten unasked; choose another name, or overwrite it.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"the folder {str(path.absolute().parent)!r} does not exist; make it first.")
    picture, partial = io.BytesIO(), path.with_name(f".{path.name}.{os.getpid()}.part")
    figure.savefig(picture, format=path.suffix.lower()[1:], dpi=DOTS_PER_INCH)
    try:
        partial.write_bytes(picture.getbuffer())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {str(error.strerror).lower()}.") from None
    finally:
        partial.unlink(missing_ok=True)


def _layout(dimension, names, layers):
    """Rows of names of panels; a name that stands twice is one wide panel."""
    if dimension == 1:
        return [["densities", "densities", "risk"], ["velocity", "velocity", "pl_ratio"]]
    images, curves = names + ["difference"] * ("target" in names), ["risk", "pl_ratio", "velocity"]
    if dimension == 3:
        return [[*(_panel(name, pair) for name in images), curves[row]] for row, pair in enumerate(PAIRS)]
    arrows = ["velocity 1", f"velocity {layers}"]
    return [images, [*arrows, *curves[:2]]] if "target" in names else [[*images, "risk"], [*arrows, "pl_ratio"]]


def _panel(name, pair) -> str:
    return name if pair == PAIRS[0] else f"{name} {pair}"


def _draw_lines(figure, panels, run, densities):
    axes, torus = panels["densities"], run.risk.model.torus
    for name, values in densities.items():
        plot_field(axes, values, run.coordinates, label=f"{name}: {_range(torus, values)}", **STYLES[name])
    axes.axhline(0, color="black", linewidth=0.6)
    axes.legend(fontsize=8)
    _words(axes, "densities", y="relative to uniform")


def _draw_images(figure, panels, run, densities):
    """For each pair of axes a row of densities on one scale of colours, and fitted - target."""
    from matplotlib import colormaps

    torus, coordinates = run.risk.model.torus, run.coordinates
    titles = {name: f"{name}\n{_range(torus, values)}" for name, values in densities.items()}
    fields = dict(densities)
    if "target" in fields:
        fields["difference"] = densities["fitted"] - densities["target"]
        titles["difference"] = f"fitted − target\nL2 norm {torus.norm(fields['difference']):.3g}"
    if torus.dimension == 2:
        images = {(name, PAIRS[0]): values for name, values in fields.items()}
    else:
        images = {(n, pair): f.mean(axis) for n, f in fields.items() for pair, axis in zip(PAIRS, (2, 1, 0))}
