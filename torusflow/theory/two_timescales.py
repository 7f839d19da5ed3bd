"""Two-layer networks whose outer layer is fast: the distribution of their neurons, and the diffusion it tends to."""

from __future__ import annotations

import numpy as np

from ..arguments import check_kind, checked_times, checked_whole, real_array
from ..errors import InputError
from ..losses.variable_projection import VariableProjection
from ..porous_medium.diffusion import LogarithmicDiffusion, UltraFast
from ..porous_medium.finite_volume import FiniteVolume

__all__ = ["histogram", "limit"]

# f of the outer weights -> the descent of the integral of f(g/rho) rho in the metric W2.
LIMITS = {"biased": UltraFast, "unbiased": UltraFast, "entropic": LogarithmicDiffusion}


def histogram(places, cells: int) -> np.ndarray:
    """Cell means of the density of neurons on the circle [0, 1), array (cells,), of mean one.

    Between two neighbours the 1/M of the mass is spread evenly, so that the means are smooth in the places and as exact
    as these, not to 1/M of the mass as counts are.

    Parameters
    ----------
    places : array (M,)
        In sides of the circle; whole turns do not count.
    cells : int

    Raises
    ------
    InputError
        If the places are not a row of at least two finite numbers.

    Examples
    --------
    >>> histogram([0.0, 0.25, 0.5, 0.75], 2)
    array([1., 1.])
    """
    places, cells = real_array(places, "the places"), checked_whole("cells", cells)
    if places.ndim != 1 or len(places) < 2 or not np.all(np.isfinite(places)):
        raise InputError(f"the places of neurons are a row of at least two numbers, got an array {places.shape}.")
    sorted_places, count = np.sort(places - np.floor(places)), len(places)
    around = np.concatenate([sorted_places[-1:] - 1, sorted_places, sorted_places[:1] + 1])
    below = np.interp(np.arange(cells + 1) / cells, around, np.arange(-1, count + 1) / count)
    return cells * np.diff(below)


def limit(loss: VariableProjection, teacher, initial, times, tolerance: float = 1e-6) -> np.ndarray:
    """The densities of neurons at training times as the ridge vanishes, cell means (times, cells).

    Parameters
    ----------
    loss : VariableProjection
        Whose regulariser says which diffusion it is and whose ridge what the time is.
    teacher, initial : array (cells,)
        Cell means > 0 of the densities of the teacher's neurons and of ours at time zero, on the circle of length one.
    times : sequence of float
        Of `GradientFlow` on `CircleNeurons`.
    tolerance : float
        Of a time step.

    Raises
    ------
    InputError
        If the densities are not positive, not on the same cells or not of one mass, or the times do not increase.

    Notes
    -----
    With the outer weights u = g/rho neurons of density rho predict what the teacher with density g does. As lambda
    vanishes these are the best ones, and the loss becomes lambda times the integral of f(g/rho) rho. Each neuron moves
    by dtheta/dt = -M dL/dtheta_m, since the inner product is a mean over neurons; so with tau = lambda t

        d rho/dtau = div(rho grad (f(r) - r f'(r))) = -div(g grad f'(r)),   r = g/rho,

    which is `UltraFast` for f = u^2/2 and for (u - 1)^2/2, and `LogarithmicDiffusion` for f = u log u - u + 1. On a
    circle of length L in place of one the same takes L^2 times as long.

    References
    ----------
    .. [1] R. Barboni, G. Peyre, F.-X. Vialard, Ultra-fast feature learning for the training of two-layer neural
       networks in the two-timescale regime, arXiv:2504.18208.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> weight = 1 + 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    >>> loss = tfl.losses.VariableProjection(np.ones(4), ridge=0.1)
    >>> tfl.two_timescales.limit(loss, weight, np.ones(16), [0.0, 1.0]).shape
    (2, 16)
    """
    check_kind("loss", loss, VariableProjection, "tfl.losses.VariableProjection(targets, ridge=1e-4)")
    teacher, initial = real_array(teacher, "the teacher's density"), real_array(initial, "the initial density")
    with np.errstate(over="ignore", invalid="ignore"):  # it is refused
        mass, ours = teacher.sum(), initial.sum()
    if teacher.shape != initial.shape or not abs(mass - ours) <= 1e-6 * abs(mass):
        raise InputError(
            f"teacher and initial density must be of one mass on the same cells, got arrays {teacher.shape} and "
            f"{initial.shape} of sums {mass:.6g} and {ours:.6g}. Divide each by its mean."
        )
    solver = FiniteVolume(teacher.shape, LIMITS[loss.regulariser](teacher))
    return solver.solve(initial, loss.ridge * np.array(checked_times(times)), tolerance).density
