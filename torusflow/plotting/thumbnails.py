"""Small pictures, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..storage import Run
from ..torus.density import Density, FunctionSpace
from ..transport.flow_map import FlowMap
from .densities import fitted_values
from .fields import plot_field
from .histories import plot_history
from .maps import plot_grid
from .planes import means
from .regions import plot_density
from .style import STYLES, canvas, density_colours, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = 12  # of a small deformed grid


def thumbnail(thing) -> Figure:
    """A small picture of a density, a map, a run or the result of a descent, as notebooks show it beside its line.

    A density with its regions of highest density, the grid as a map deforms it, the course of a descent, and for runs
    on densities what was fitted, of three coordinates the means over each. It is drawn in a fraction of a second.

    Parameters
    ----------
    thing : Density, FlowMap, Run or Result

    Examples
    --------
    >>> import torusflow as tfl
    >>> figure = tfl.plotting.thumbnail(tfl.densities.von_mises(tfl.Torus((16, 16))))
    """
    if isinstance(thing, Density):
        figure = canvas(None, *((4, 2.8), (3, 3.6), (8, 3.8))[thing.torus.dimension - 1])
        return plot_density(thing, figure=figure)
    if isinstance(thing, FlowMap):
        figure = canvas(None, 3.2, 3.4)
        plot_grid(figure.subplots(), thing, lines=LINES)
        return figure
    planes = {}
    if isinstance(thing, Run) and isinstance(thing.risk.model.output_space, FunctionSpace):
        planes = means(fitted_values(thing), thing.coordinates)
    figure = canvas(None, 4 + (3.5, 2.5)[len(planes) > 1] * len(planes), 3)
    panels = figure.subplots(1, len(planes) + 1, squeeze=False)[0]
    for axes, (pair, (image, third)) in zip(panels, planes.items(), strict=False):
        style = STYLES["fitted"] if image.ndim == 1 else density_colours([plane.image for plane in planes.values()])[0]
        plot_field(axes, image, thing.coordinates, pair, **style)
        words(axes, "\n".join(filter(None, ("fitted density", third))))
    plot_history(panels[-1], thing.history)
    words(panels[-1], "descent")
    return figure
