"""The overview of a run: what was fitted, how it moves, and the course of the descent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..models.sample_node import SampleNODE
from ..storage import Run
from ..torus.density import Density
from .densities import plot_densities
from .histories import plot_course
from .likelihoods import plot_likelihood
from .style import BLUE, DOTS_PER_INCH, VERMILION, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_run(run: Run) -> Figure:
    """Densities, samples or points: initial, target and fitted, how they move, and the course of the descent.

    Runs on densities: for d = 1 densities are lines, and so is the velocity in each layer. For d = 2 densities are
    images, and velocities are arrows over the speed, in the first and the last layer. For d = 3 densities are shown by
    their marginals on each pair of axes, velocities not. Without a target density in the loss, target and difference
    are left out.

    Runs of likelihoods (`SampleNODE`): the data, and as many samples, over the fitted density as in `plot_fit`; the
    grid as the flow deforms it, and its log-determinant for d < 3; the training risk, and the validation risk where the
    history has one.

    Models on points in the plane: inputs, targets and outputs, with the lines along which they flow; in other
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
    model = run.risk.model
    if isinstance(model, SampleNODE):
        return plot_likelihood(run)
    if isinstance(getattr(model, "initial", None), Density):
        return plot_densities(run)
    return _plot_points(run)


def _plot_points(run):
    from matplotlib.figure import Figure

    figure = Figure((12, 4.2), DOTS_PER_INCH, layout="constrained")
    panels = figure.subplot_mosaic([["points", "risk", "pl_ratio"]])
    axes, model = panels["points"], run.risk.model
    targets, output = getattr(run.risk.loss, "targets", None), run.output
    columns = hasattr(model, "X")  # one point a column, otherwise a row
    if output.ndim == 2 and output.shape[0 if columns else 1] == 2:
        start = next((getattr(model, name) for name in ("X", "x", "points") if hasattr(model, name)), None)
        sets = {"inputs": start, "targets": targets, "outputs": output}
        for (name, points), marker in zip(sets.items(), ("o", "s", "x"), strict=True):
            if points is not None and np.shape(points)[0 if columns else 1] == 2:
                fill = {"facecolors": "none", "edgecolors": VERMILION} if name == "targets" else {"color": BLUE}
                axes.scatter(*(points if columns else points.T), marker=marker, s=25, label=name, zorder=2, **fill)
        if run.trajectory is not None:
            axes.plot(run.trajectory[..., 0], run.trajectory[..., 1], color="0.7", linewidth=0.6, zorder=1)
        axes.set_aspect("equal")
        words(axes, "points", "first coordinate", "second coordinate")
    elif targets is not None:
        axes.scatter(np.ravel(targets), np.ravel(output), s=9, label="every number")
        axes.axline((first := float(targets.flat[0]), first), slope=1, color="0.5", linewidth=0.8, label="equal")
        words(axes, "outputs against targets", "target", "output")
    axes.legend(fontsize=8)
    plot_course(figure, panels, run)
    return figure
