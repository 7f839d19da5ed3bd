"""A run and the solution of the equation that it approaches, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from ..backends import to_host
from ..descent.repetition import SECONDS, check_seconds, repeat
from ..models.measure_node import MeasureNODE
from ..storage import Reference, Run
from .fields import plot_field
from .planes import draw_difference, draw_planes, images_of, means, pairs_of
from .style import BLUE, GREY, STYLES, TITLE, VERMILION, canvas, density_colours, legend, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the whole training time: two times are one if they differ by less.
SAME_TIME = 1e-9


class Moment(NamedTuple):
    """Densities at a training time, and how far they are apart relative to the reference's norm."""

    time: float
    run: np.ndarray
    reference: np.ndarray
    gap: float


def plot_comparison(run: Run, reference: Reference, figure: Figure | None = None, seconds: float = SECONDS) -> Figure:
    """Risks on one axis of training time, and the densities at the time at which they differ most.

    At the end both may have reached the target, and nothing would be seen. Run files keep no densities on the way, so
    the descent is repeated from v = 0; where that takes too long, or goes another way, the densities are those at the
    end. The title says which.

    For d = 1 the densities are lines, and their difference has axes of its own; for d = 2 they are images. For d = 3
    densities are means over each axis, which show all of the mass, and the difference, which would cancel in means, is
    seen in slices through the point where it is largest. Differences have their own scale, white at zero.

    Parameters
    ----------
    run : Run
    reference : Reference
    figure : Figure or SubFigure, optional
        To draw into; a new one if not given.
    seconds : float, optional
        A descent that took longer is not repeated.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If `seconds` is no number of seconds.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> start = tfl.densities.from_function(torus, lambda x: 1 + 0.5 * np.cos(2 * np.pi * x), normalise=True)
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), start, layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    >>> store = tfl.RunFile('run.h5', overwrite=True)
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.005), 10, store=store)
    >>> found = tfl.TangentFlow(torus, model.metric, risk.loss).solve(start, [0.0, 0.025, 0.05])
    >>> reference = tfl.Reference('tangent flow', 'TangentFlow', found.times, found.density, found.loss)
    >>> figure = tfl.plotting.plot_comparison(tfl.load('run.h5'), reference)
    """
    check_seconds(seconds)
    torus = cast(MeasureNODE, run.risk.model).torus
    pairs = pairs_of(torus.dimension)
    names = ["run", "difference"] if torus.dimension == 1 else ["run", "reference", "difference"]
    figure = canvas(figure, 2.8 * (1 + len(names)), 1.2 + 2.8 * len(pairs))
    panels = figure.subplot_mosaic([["risk", *(f"{name} {pair}" for name in names)] for pair in pairs])
    moment, title = _informative(run, reference, seconds)
    _draw_risks(panels["risk"], run, reference, moment.time)
    if torus.dimension == 1:
        _draw_lines(panels, run, reference.name, moment)
    else:
        _draw_images(figure, panels, run.coordinates, reference.name, moment)
    figure.suptitle(title, fontsize=TITLE + 1, parse_math=False)
    return figure


def _informative(run: Run, reference: Reference, seconds: float) -> tuple[Moment, str]:
    """Where the densities differ most, and a title; the end, where that cannot be found."""
    torus, times = cast(MeasureNODE, run.risk.model).torus, run.history["time"]

    def moment(i: int, density) -> Moment:
        gap = torus.norm(density - reference.density[i]) / torus.norm(reference.density[i])
        return Moment(float(reference.times[i]), density, reference.density[i], gap)

    def see(iteration: int, state) -> None:
        nonlocal largest
        if iteration in place:
            largest = max(largest, moment(place[iteration], to_host(state.output)), key=lambda found: found.gap)

    at_times = np.abs(times - reference.times[:, None]) <= SAME_TIME * times[-1]
    place = {int(np.flatnonzero(row)[-1]): i for i, row in enumerate(at_times) if row.any()}
    end = largest = moment(-1, run.output)
    if run.history["seconds"][-1] <= seconds and repeat(run, run.risk.space.zeros(), see):
        at = f"most at training time {largest.time:.3g}, by {100 * largest.gap:.2g} %"
        return largest, f"run and {reference.name} differ {at}"
    return end, f"run and {reference.name} differ by {100 * end.gap:.2g} % at the end, training time {end.time:.3g}"


def _draw_risks(axes, run, reference, time) -> None:
    axes.plot(run.history["time"], run.history["risk"], label="run", color=BLUE)
    axes.plot(reference.times, reference.risk, "o--", markersize=3, color=VERMILION, label=reference.name)
    axes.axvline(time, color=GREY, linestyle=":")
    if np.min(reference.risk) > 0 and np.min(run.history["risk"]) > 0:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    legend(axes)
    words(axes, "risk", "time (dotted: shown)", "risk")


def _draw_lines(panels, run, name, moment) -> None:
    axes, below = panels["run (0,)"], panels["difference (0,)"]
    plot_field(axes, run.risk.model.initial.values, run.coordinates, label="initial", **STYLES["initial"])
    plot_field(axes, moment.run, run.coordinates, label="run", **STYLES["fitted"])
    plot_field(axes, moment.reference, run.coordinates, label=name, color=VERMILION, linestyle="--")
    legend(axes)
    words(axes, f"densities at time {moment.time:.3g}", y="density relative to uniform")
    plot_field(below, moment.run - moment.reference, run.coordinates, color=BLUE)
    below.axhline(0, color="black", linewidth=0.6)
    words(below, f"run − {name}\nat time {moment.time:.3g}", y="difference")


def _draw_images(figure, panels, coordinates, name, moment) -> None:
    """For each pair of axes densities on one scale of colours and their difference on another."""
    time = f"\nat time {moment.time:.3g}"
    planes = {key: means(getattr(moment, key), coordinates) for key in ("run", "reference")}
    style, label = density_colours(images_of(planes))
    titles = {"run": f"run{time}", "reference": f"{name}{time}"}
    draw_planes(figure, panels, planes, titles, coordinates, style, name=label)
    draw_difference(figure, panels, moment.run - moment.reference, f"run − {name}{time}", coordinates)
