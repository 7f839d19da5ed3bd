"""Colours, sizes and words that all pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150
# Points, so that words are read in pictures printed at half their width too.
TITLE, LABEL, SMALL = 11, 10, 9
LONG_LABEL = 26  # letters; more are set smaller, so that they fit beside a panel
LEGEND_ROOM = 18  # points between a title and its axes where a legend lies between them
# Densities whose largest value is less than so many times their least have linear colours, others logarithmic ones.
LARGEST_LINEAR = 10.0
PAIRS = ((0, 1), (0, 2), (1, 2))  # of axes, for images of functions on three
# Of the logarithmic scale of fitted densities, below their largest value.
DECADES = 4
# Okabe and Ito's colours, told apart by the colour-blind; lines differ in dashes too, for print.
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
ORANGE, PINK, SKY = "#E69F00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PINK, SKY)  # of the lines of a panel, in their order
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2)))
MASSES = (0.5, 0.98)  # parts of the mass that contours of densities hold
STYLES = {
    "initial": {"color": GREY, "linestyle": ":"},
    "target": {"color": VERMILION, "linewidth": 3, "alpha": 0.6},
    "fitted": {"color": BLUE},
    "risk": {"color": BLUE},
    "validation": {"color": VERMILION, "linestyle": "--"},
    "gradient_norm": {"color": VERMILION, "linestyle": "--"},
    "pl_ratio": {"color": GREEN},
    "control_norm": {"color": BLUE},
}


def canvas(figure: Figure | None, width: float, height: float) -> Figure:
    """The figure that was given, or a new one of this size in inches, which pyplot does not know and notebooks show.

    Examples
    --------
    >>> import torusflow as tfl
    >>> figure = tfl.plotting.canvas(None, 6.0, 4.0)
    >>> axes = figure.subplots()
    """
    from .picture import Picture

    return figure or Picture((width, height), DOTS_PER_INCH, layout="compressed")


def line_style(number: int) -> dict[str, Any]:
    """The colour and the dashes of a picture's line number 0, 1, 2, ..., told apart by everybody and in print.

    Examples
    --------
    >>> import torusflow as tfl
    >>> axes = tfl.plotting.canvas(None, 6.0, 4.0).subplots()
    >>> lines = [axes.plot([0, n], **tfl.plotting.line_style(n)) for n in range(3)]
    """
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}


def words(axes, title="", x="", y=""):
    """Set the given texts, dollars as they are since names of columns are not formulas, and the sizes of all."""
    pad = LEGEND_ROOM if axes.get_legend() else None
    axes.set_title(title or axes.get_title(), fontsize=TITLE, parse_math=False, pad=pad)
    for name, text in (("x", x or axes.get_xlabel()), ("y", y or axes.get_ylabel())):
        size = SMALL - 1 if len(text) > LONG_LABEL and axes.get_label() != "<colorbar>" else LABEL
        axes.set(**{f"{name}label": text})
        getattr(axes, f"{name}axis").label.set(fontsize=size, parse_math=False)
    axes.tick_params(labelsize=SMALL, which="both")


def legend(axes) -> None:
    """Name what is drawn, in a line between the title and the axes, where nothing is covered.

    Examples
    --------
    >>> import torusflow as tfl
    >>> axes = tfl.plotting.canvas(None, 6.0, 4.0).subplots()
    >>> lines = axes.plot([0, 1], label='risk')
    >>> tfl.plotting.legend(axes)
    """
    line = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "borderaxespad": 0.1, "ncols": 4, "frameon": False}
    axes.legend(**line, fontsize=SMALL, handlelength=1.5, columnspacing=0.8, handletextpad=0.4)
    for text in axes.get_legend().get_texts():
        text.set_parse_math(False)
    words(axes)


def mark(axes, coordinates, directions):
    """Label, limits of one period and a tick every quarter of it, on as many axes as there are directions."""
    for axis, direction in zip("xy", directions, strict=False):
        alone = coordinates.along(direction)
        ticks = alone.start + alone.period * np.arange(5) / 4
        axes.set(**{f"{axis}ticks": ticks, f"{axis}lim": ticks[[0, -1]], f"{axis}label": coordinates.label(direction)})
        if alone.units == "radians":
            names = ["−π", "−π/2", "0", "π/2", "π"] if coordinates.centred else ["0", "π/2", "π", "3π/2", "2π"]
            axes.set(**{f"{axis}ticklabels": names})
    words(axes)


def per_unit(coordinates, dimension) -> str:
    """What a density is measured in, by the number of axes."""
    if isinstance(coordinates.units, tuple) or coordinates.units == "turns":
        return "density relative to uniform"
    power = ("", "square ", "cubic ")[dimension - 1]
    return f"density per {power}{coordinates.units[:-1] if isinstance(coordinates.units, str) else 'unit'}"


def side_of(coordinates) -> float:
    """Length of a side in the units that pictures name: the user's where all axes have the same, else 1."""
    return 1.0 if isinstance(coordinates.units, tuple) else coordinates.period


def density_colours(images):
    """One scale for all images, and its name: logarithmic over DECADES or the decades there are, to lose no basin.

    Asinh, which is linear where it ends below, because values may be zero.
    """
    from matplotlib import colormaps
    from matplotlib.colors import AsinhNorm, Normalize

    low, high = float(min(map(np.min, images))), float(max(map(np.max, images)))
    least, name = max(low, high * 10.0**-DECADES), "density relative to uniform"
    if is_flat(images):
        norm: Any = Normalize(0, 2)
    elif high < LARGEST_LINEAR * low:
        norm = Normalize(low, high)
    else:
        norm = AsinhNorm(least, max(low, 0), high)
    return {"norm": norm, "cmap": colormaps["Blues"].with_extremes(under=PINK)}, name + ", pink: < 0" * (low < 0)


def is_flat(images) -> bool:
    """Whether all values are the same but for round-off, so that an image would be empty."""
    return max(map(np.max, images)) - min(map(np.min, images)) <= 1e-9


def diverging(images):
    """One scale for all images, white at zero."""
    largest = max(float(np.max(np.abs(image))) for image in images) or 1.0
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def colour_bar(figure: Figure, image, axes, name: str, **style) -> None:
    """A labelled bar of an image's colours, below the panels it is for.

    Parameters
    ----------
    figure : Figure
    image : AxesImage or LineCollection
        What a function of this package returned.
    axes : list of Axes
    name : str
        With units.
    **style
        For ``Figure.colorbar``.

    Examples
    --------
    >>> import torusflow as tfl
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> axes = figure.subplots()
    >>> image = tfl.plotting.plot_field(axes, tfl.densities.von_mises(tfl.Torus((16, 16))).values)
    >>> bar = tfl.plotting.colour_bar(figure, image, [axes], 'density')
    """
    if type(image.norm).__name__ == "AsinhNorm":
        few = image.norm.vmax > 100 * max(image.norm.vmin, image.norm.linear_width)
        steps = (1,) if few else (1, 2, 5)
        ticks = [m * 10.0**e for e in range(-12, 12) for m in steps]
        style = {"ticks": [tick for tick in ticks if tick > image.norm.linear_width], "format": "%g", **style}
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=25 * len(axes), **style)
    bar.minorticks_off()
    words(bar.ax, x=name)
