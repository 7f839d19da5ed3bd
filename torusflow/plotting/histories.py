"""The course of a descent."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from ..descent.recorder import of_recorders
from .headlines import headline
from .style import GREY, SMALL, STYLES, TITLE, legend, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = {  # panel: columns of the history, title, label
    "risk": (("risk", "gradient_norm"), "descent", ""),
    "pl_ratio": (("pl_ratio",), "Polyak-Łojasiewicz ratio", "|grad|² / 2 (risk − least)"),
    "control_norm": (("control_norm",), "norm of the control", ""),
}

# More lines than this need no names.
LONGEST_LEGEND = 10
# A risk that is zero may be computed as so much less, relative to the largest value.
ROUND_OFF = 1e-12


def plot_history(axes: Axes, history: dict, names=("risk", "gradient_norm")) -> None:
    """Columns of a history over the iterations, where they are finite.

    The scale is logarithmic, without what is zero, if they span more than a decade and none is negative by more than
    round-off.

    Parameters
    ----------
    axes : Axes
    history : dict of str to array (iterations + 1,)
    names : tuple of str

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> store = tfl.RunFile('plane.h5', overwrite=True)
    >>> found = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 5, store=store)
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> tfl.plotting.plot_history(axes, found.history)
    """
    from matplotlib.ticker import MaxNLocator

    values = np.array([history[name] for name in names], float)
    for name, column in zip(names, values, strict=True):
        at = np.flatnonzero(np.isfinite(column))
        style = {"marker": "o" if len(at) < 12 else "", "markersize": 3, **STYLES.get(name, {})}
        axes.plot(at, column[at], label=name.replace("_", " "), **style)
    positive = values[values > 0]
    if positive.size and positive.max() > 10 * positive.min() and not np.any(values < -ROUND_OFF * positive.max()):
        axes.set_yscale("log", nonpositive="mask")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    if 1 < len(names) <= LONGEST_LEGEND:
        legend(axes)
    words(axes, x="iteration", y=names[0].replace("_", " ") if len(names) == 1 else "")


def with_recorded(rows: list[list[str]], run) -> list[list[str]]:
    """Panels by rows, with one more beside them where recorders have made columns of the history."""
    return [[*row, "recorded"] for row in rows] if _recorded(run) else rows


def _recorded(run) -> tuple[str, ...]:
    return tuple(of_recorders(run.history, run.risk, run.output))


def plot_course(figure: Figure, panels: dict[str, Axes], run, curves: dict | None = None) -> None:
    """The curves of a run's descent where there are panels for them, what it has reached, and its status below."""
    own = {"recorded": (_recorded(run), "recorded", "")}
    for name, (columns, title, label) in (CURVES | own | (curves or {})).items():
        if name in panels:
            plot_history(panels[name], run.history, columns)
            words(panels[name], title, y=label)
    width = int(13 * figure.bbox.width / figure.dpi)
    status = "\n".join(textwrap.wrap(run.status, width, max_lines=2, placeholder=" ..."))
    figure.suptitle(headline(run), fontsize=TITLE + 1, parse_math=False)
    figure.supxlabel(status, fontsize=SMALL, color=GREY, parse_math=False)
