"""The overview of a run: what was fitted, how it moves, and the course of the descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..losses.loss import Predicting
from ..losses.points import GeodesicDistance
from ..model import HasDensity, Layered, OnPoints
from ..storage import Run
from ..torus.density import FunctionSpace
from .densities import plot_densities
from .histories import plot_course, with_recorded
from .likelihoods import plot_likelihood
from .style import BLUE, GREY, VERMILION, canvas, legend, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_run(run: Run, figure: Figure | None = None) -> Figure:
    """Densities, samples or points: initial, target and fitted, how they move, and the course of the descent.

    Above stands what was reached: a score on rows held out, or a relative error; below, why the descent has stopped.

    Runs on densities: for d = 1 densities are lines, and so is the velocity in each layer. For d = 2 densities are
    images on one logarithmic scale of colours, with lines around 50 and 98 % of their mass, and velocities are arrows
    over the speed, in the first and the last layer. For d = 3 densities are shown by their means over each axis, which
    hide none of the mass; their difference, which would cancel in means, by slices through the point where it is
    largest; velocities are not shown. Without a target density in the loss, target and difference are left out, and
    the initial density where it is uniform and would be an empty image. Of log-densities the density exp(u)/Z is drawn.

    Runs of likelihoods (`SampleNODE`): the data, and as many samples, over the fitted density as in `plot_fit`; the
    grid as the flow deforms it, and its log-determinant for d < 3; the training risk, and the validation risk where the
    history has one.

    Models on points in the plane (`torusflow.model.OnPoints`): inputs, targets and outputs, with the lines along which
    they flow; in other dimensions, and for other models, outputs against targets.

    What a `Recorder` has recorded has a panel of its own.

    Parameters
    ----------
    run : Run
        From ``tfl.load``.
    figure : Figure or SubFigure, optional
        To draw into; a new one if not given.

    Returns
    -------
    Figure
        Not known to pyplot; `save` writes it, a notebook shows it. Its panels are labelled, see ``Axes.get_label``.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> store = tfl.RunFile('plane.h5', overwrite=True)
    >>> found = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 5, store=store)
    >>> figure = tfl.plotting.plot_run(tfl.load('plane.h5'))
    """
    model = run.risk.model
    if isinstance(model, HasDensity) and isinstance(model, OnPoints):
        return plot_likelihood(run, figure)
    if isinstance(model.output_space, FunctionSpace) and isinstance(model, Layered):
        return plot_densities(run, figure)
    return _plot_outputs(run, figure)


def _plot_outputs(run, figure):
    rows: Any = with_recorded([["points", "risk", "pl_ratio"]], run)
    figure = canvas(figure, 3.6 * len(rows[0]), 4.2)
    panels = figure.subplot_mosaic(rows)
    axes, model = panels["points"], run.risk.model
    loss = run.risk.loss
    targets, output = getattr(loss, "targets", None), run.output
    output = loss.predictions(output) if isinstance(loss, Predicting) else output
    if isinstance(loss, GeodesicDistance):  # of the copies of a target the nearest, across the seam or not
        targets = output - loss.gradient(output)
    points = {}
    if isinstance(model, OnPoints):
        sets = {"inputs": model.inputs, "outputs": model.rows(output)}
        sets |= {} if targets is None else {"targets": model.rows(targets)}
        points = {name: rows for name, rows in sets.items() if np.ndim(rows) == 2 and np.shape(rows)[1] == 2}
    if "outputs" in points:
        for name, marker, colour in (("inputs", "o", GREY), ("targets", "s", VERMILION), ("outputs", "x", BLUE)):
            if name in points:
                fill = {"facecolors": "none", "edgecolors": colour} if name == "targets" else {"color": colour}
                axes.scatter(*points[name].T, marker=marker, s=25, label=name, zorder=2, **fill)
        if run.trajectory is not None and run.trajectory.shape[2:] == (2,):
            axes.plot(run.trajectory[..., 0], run.trajectory[..., 1], color="0.7", linewidth=0.6, zorder=1)
        axes.set_aspect("equal")
        words(axes, "points", "first coordinate", "second coordinate")
    elif targets is not None:
        axes.scatter(np.ravel(targets), np.ravel(output), s=9, label="every number")
        axes.axline((first := float(targets.flat[0]), first), slope=1, color="0.5", linewidth=0.8, label="equal")
        words(axes, "outputs against targets", "target", "output")
    if axes.get_legend_handles_labels()[0]:
        legend(axes)
    plot_course(figure, panels, run)
    return figure
