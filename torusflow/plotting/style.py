"""Colours, sizes and words that all pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150
# Up to this many times the uniform density colours are linear; beyond, the uniform level would drown in the dark.
LARGEST_LINEAR = 10.0
PAIRS = ((0, 1), (0, 2), (1, 2))  # of axes, for images of functions on three
# Of the logarithmic scale of fitted densities, below their largest value.
DECADES = 4
# Okabe and Ito's colours, told apart by the colour-blind; lines differ in dashes too, for print.
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
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


def words(axes, title="", x="", y=""):
    """Set the given texts, dollars as they are since names of columns are not formulas, and the sizes of all."""
    axes.set_title(title or axes.get_title(), fontsize=10, parse_math=False)
    axes.set_xlabel(x or axes.get_xlabel(), fontsize=9, parse_math=False)
    axes.set_ylabel(y or axes.get_ylabel(), fontsize=9, parse_math=False)
    axes.tick_params(labelsize=8, which="both")


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
    """One scale for all images, and its name; linear up to LARGEST_LINEAR, asinh beyond."""
    from matplotlib import colormaps
    from matplotlib.colors import AsinhNorm, Normalize

    low, high = float(min(map(np.min, images))), float(max(map(np.max, images)))
    norm, name = Normalize(max(low, 0), high) if high - low > 1e-9 else Normalize(0, 2), "density relative to uniform"
    if high > LARGEST_LINEAR:
        norm, name = AsinhNorm(1, 0, high), name + " (linear below 1, logarithmic above)"
    return {"norm": norm, "cmap": colormaps["viridis"].with_extremes(under="white")}, name + ", white: < 0" * (low < 0)


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
    """
    if type(image.norm).__name__ == "AsinhNorm":
        style = {"ticks": [0, *(m * 10**e for e in range(12) for m in (1, 2, 5))], "format": "%g", **style}
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=25 * len(axes), **style)
    bar.minorticks_off()
    words(bar.ax, x=name)
