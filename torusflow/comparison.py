"""Runs beside the equations that they approach: the tangent flow, and the porous medium equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError, NumericalError
from .losses.densities import SquaredL2
from .models.measure_node import MeasureNODE
from .plotting import STYLES, plot_field
from .porous_medium.diffusion import PorousMedium
from .porous_medium.finite_volume import FiniteVolume
from .porous_medium.spectral import Spectral
from .porous_medium.tangent_flow import TangentFlow
from .storage import Reference, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TIMES = 40
# Of the target from the uniform density, below which it is the uniform one.
UNIFORM = 1e-12
COLOUR = "#009E73"


def porous_medium(run: Run, tolerance: float = 1e-7) -> Reference:
    """d rho/dt = div(rho^2 grad rho) from the run's initial density, at up to 40 of its training times.

    The limit of descent at v = 0 for the trivial kernel, the half squared L2 loss and the uniform target. By Fourier
    series where the initial density is positive and resolved, otherwise by finite volumes, which keep fronts.

    Parameters
    ----------
    run : Run
    tolerance : float
        Of a time step.

    Raises
    ------
    InputError
        If the run has another loss or target, or no density, or no training time has passed.
    """
    times, loss = _times(run), run.risk.loss
    torus = run.risk.model.torus
    uniform = isinstance(loss, SquaredL2) and torus.maximum(np.abs(loss.target.values - 1)) <= UNIFORM
    if not uniform:
        raise InputError(
            f"the porous medium equation is the limit for SquaredL2 and the uniform target; this run has "
            f"{type(loss).__name__} and {getattr(loss.target, 'name', 'another target')}. "
            f"Compare it with its tangent flow: --with tangent-flow."
        )
    initial = run.risk.model.initial.values
    try:
        density, solver = Spectral(torus).solve(initial, times, tolerance).density, "Fourier series"
    except (InputError, NumericalError):  # it vanishes somewhere, or is not resolved: fronts
        density = FiniteVolume(torus.shape, PorousMedium(3.0)).solve(initial, times, max(tolerance, 1e-6)).density
        solver = "finite volumes"
    return _reference("porous-medium", f"porous medium equation, {solver}", run, times, density)


def tangent_flow(run: Run, tolerance: float = 1e-7) -> Reference:
    """d rho/dt = div(rho K*(rho grad l')) with the kernel, loss and band of the run; as `porous_medium`."""
    times, model = _times(run), run.risk.model
    flow = TangentFlow(model.torus, model.metric, run.risk.loss, model.band)
    density = flow.solve(model.initial, times, tolerance).density
    return _reference("tangent-flow", f"tangent flow, s = {model.metric.smoothness:g}", run, times, density)


EQUATIONS = {"porous-medium": porous_medium, "tangent-flow": tangent_flow}


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

    torus = run.risk.model.torus
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
        plot_field(axes, run.risk.model.initial.values, run.coordinates, label="initial", **STYLES["initial"])
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
            image = plot_field(panels[name], field, run.coordinates, **style)
            figure.colorbar(image, ax=panels[name], location="bottom", shrink=0.9)
            title = {"run": f"run at time {reference.times[-1]:.3g}", "reference": reference.name}
            panels[name].set_title(title.get(name, "run − reference"))
    return figure


def describe_comparison(run: Run, reference: Reference) -> str:
    """The final risks and the distance of the final densities, in a sentence."""
    torus = run.risk.model.torus
    apart = torus.norm(run.output - reference.density[-1])
    moved = torus.norm(run.output - run.risk.model.initial.values)
    risk = run.history["risk"][-1]
    return (
        f"{reference.solver}: at training time {reference.times[-1]:.4g} its risk is {reference.risk[-1]:.4g}, the "
        f"run's {risk:.4g}; the densities are {apart:.3g} apart in L2, the run has moved {moved:.3g}."
    )


def _times(run: Run) -> list[float]:
    """From zero to the end of the run, at most MOST_TIMES of the training times."""
    if not isinstance(run.risk.model, MeasureNODE):
        raise InputError(f"only runs on densities are compared; this one trains a {type(run.risk.model).__name__}.")
    times = np.unique(run.history["time"])
    if len(times) < 2:
        raise InputError("no training time has passed in this run, so there is nothing to compare. Iterate first.")
    chosen = np.unique(np.linspace(0, len(times) - 1, MOST_TIMES).round().astype(int))
    return times[chosen].tolist()


def _reference(name, solver, run, times, density) -> Reference:
    return Reference(name, solver, np.array(times), density, np.array([run.risk.loss(rho) for rho in density]))


def _lowest(*fields) -> float:
    return min(float(field.min()) for field in fields)


def _highest(*fields) -> float:
    return max(float(field.max()) for field in fields)
