"""A run and the solution of the equation that it approaches, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..models.measure_node import MeasureNODE
from ..storage import Reference, Run
from .fields import plot_field
from .style import STYLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOUR = "#009E73"


def plot_comparison(run: Run, reference: Reference) -> Figure:
    """Risks on one axis of training time, and the densities at its end: the run's, the reference's, their difference.

    For d = 1 the densities are lines; for d = 2 images; for d = 3 images of the means over the last axis.

    Parameters
    ----------
    run : Run
    reference : Reference

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure

    model = cast(MeasureNODE, run.risk.model)
    torus = model.torus
    final, last = run.output, reference.density[-1]
    names = ["densities"] if torus.dimension == 1 else ["run", "reference", "difference"]
    figure = Figure((4.2 * (1 + len(names)), 4), layout="constrained")
    panels = figure.subplot_mosaic([["risk", *names]])
    axes = panels["risk"]
    axes.plot(run.history["time"], run.history["risk"], label="run", color=STYLES["risk"]["color"])
    axes.plot(reference.times, reference.risk, "o--", markersize=3, color=COLOUR, label=reference.solver)
    if np.min(reference.risk) > 0 and np.min(run.history["risk"]) > 0:
        axes.set_yscale("log")
    axes.set(xlabel="training time", ylabel="risk", title="risk")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    if torus.dimension == 1:
        axes = panels["densities"]
        plot_field(axes, model.initial.values, run.coordinates, label="initial", **STYLES["initial"])
        plot_field(axes, final, run.coordinates, label="run", **STYLES["fitted"])
        plot_field(axes, last, run.coordinates, label=reference.name, color=COLOUR, linestyle="--")
        axes.set(title=f"densities at time {reference.times[-1]:.3g}", ylabel="density relative to uniform")
        axes.legend(fontsize=8)
    else:
        fields = {"run": final, "reference": last, "difference": final - last}
        if torus.dimension == 3:
            fields = {name: field.mean(axis=2) for name, field in fields.items()}
        low, high = (extreme(fields["run"], fields["reference"]) for extreme in (_lowest, _highest))
        largest = max(_highest(np.abs(fields["difference"])), 1e-12)
        for name, field in fields.items():
            style = {"cmap": "viridis", "vmin": low, "vmax": max(high, low + 1e-9)}
            if name == "difference":
                style = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
            image: Any = plot_field(panels[name], field, run.coordinates, **style)
            figure.colorbar(image, ax=panels[name], location="bottom", shrink=0.9)
            title = {"run": f"run at time {reference.times[-1]:.3g}", "reference": reference.name}
            panels[name].set_title(title.get(name, "run − reference"))
    return figure


def _lowest(*fields) -> float:
    return min(float(field.min()) for field in fields)


def _highest(*fields) -> float:
    return max(float(field.max()) for field in fields)
