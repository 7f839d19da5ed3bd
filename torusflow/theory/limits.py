"""Runs beside the equations that they approach: the tangent flow, and the porous medium equation."""

from __future__ import annotations

import numpy as np

from ..backends import to_host
from ..errors import InputError, NumericalError
from ..losses.densities import SquaredL2
from ..models.measure_node import MeasureNODE
from ..porous_medium.diffusion import PorousMedium
from ..porous_medium.finite_volume import FiniteVolume
from ..porous_medium.fourier_series import Spectral
from ..porous_medium.tangent_flow import TangentFlow
from ..storage import Reference, Run

MOST_TIMES = 40
# Of the target from the uniform density, below which it is the uniform one.
UNIFORM = 1e-12


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
    model, times, loss = _model(run), _times(run), run.risk.loss
    torus = model.torus
    uniform = isinstance(loss, SquaredL2) and torus.maximum(np.abs(loss.target.values - 1)) <= UNIFORM
    if not uniform:
        raise InputError(
            f"the porous medium equation is the limit for SquaredL2 and the uniform target; this run has "
            f"{type(loss).__name__} and {getattr(getattr(loss, 'target', None), 'name', 'another target')}. "
            f"Compare it with its tangent flow: --with tangent-flow."
        )
    initial = model.initial
    try:
        density, solver = Spectral(torus).solve(initial, times, tolerance).density, "Fourier series"
    except (InputError, NumericalError):  # it vanishes somewhere, or is not resolved: fronts
        initial = np.asarray(initial)
        density = FiniteVolume(torus.shape, PorousMedium(3.0)).solve(initial, times, max(tolerance, 1e-6)).density
        solver = "finite volumes"
    return _reference("porous-medium", f"porous medium equation, {solver}", run, times, density)


def tangent_flow(run: Run, tolerance: float = 1e-7) -> Reference:
    """d rho/dt = div(rho K*(rho grad l')) with the kernel, loss and band of the run; as `porous_medium`."""
    model, times = _model(run), _times(run)
    flow = TangentFlow(model.torus, model.metric, run.risk.loss, model.band)
    density = flow.solve(model.initial, times, tolerance).density
    return _reference("tangent-flow", f"tangent flow, s = {model.metric.smoothness:g}", run, times, density)


EQUATIONS = {"porous-medium": porous_medium, "tangent-flow": tangent_flow}


def _model(run: Run) -> MeasureNODE:
    if not isinstance(run.risk.model, MeasureNODE):
        raise InputError(f"only runs on densities are compared; this one trains a {type(run.risk.model).__name__}.")
    return run.risk.model


def _times(run: Run) -> list[float]:
    """From zero to the end of the run, at most MOST_TIMES of the training times."""
    times = np.unique(run.history["time"])
    if len(times) < 2:
        raise InputError("no training time has passed in this run, so there is nothing to compare. Iterate first.")
    chosen = np.unique(np.linspace(0, len(times) - 1, MOST_TIMES).round().astype(int))
    return times[chosen].tolist()


def _reference(name, solver, run, times, density) -> Reference:
    loss = np.array([run.risk.loss(rho) for rho in density])
    return Reference(name, solver, np.array(times), to_host(density), loss)
