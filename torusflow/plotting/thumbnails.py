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
from .regions import plot_density
from .style import STYLES, canvas, density_colours, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = 12  # of a small deformed grid


def thumbnail(thing) -> Figure:
    """A small picture of a density, a map, a run or the result of a descent, as notebooks show it beside its line.

    A density with its regions of highest density, the grid as a map deforms it, the course of a descent, and for runs
    on densities what was fitted, of three coordinates the mean over the last. It is drawn in a fraction of a second.

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
    on_grid = isinstance(thing, Run) and isinstance(thing.risk.model.output_space, FunctionSpace)
    figure = canvas(None, 7.5 if on_grid else 4, 3)
    panels = figure.subplots(1, 2 if on_grid else 1, squeeze=False)[0]
    if on_grid:
        values = fitted_values(thing)
        values = values.mean(axis=2) if values.ndim == 3 else values
        style = density_colours([values])[0] if values.ndim == 2 else STYLES["fitted"]
        plot_field(panels[0], values, thing.coordinates, **style)
        words(panels[0], "fitted density")
    plot_history(panels[-1], thing.history)
    words(panels[-1], "descent")
    return figure
