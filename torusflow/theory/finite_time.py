"""When the flow of the unsquared distance comes to its minimum: in finite time, where its gradient does not vanish."""

from __future__ import annotations

from ..arguments import check_kind
from ..errors import InputError, NumericalError
from ..losses.densities import L2
from ..porous_medium.tangent_flow import TangentFlow
from ..torus.density import Density

# Newton's method for the zero of the loss goes this part of its step, so that it stays before the minimum, and ends
# where the loss is this part of the first one.
DAMPING, SHARE = 0.9, 1e-4
MOST_STEPS, SHORTEST = 60, 1e-3


def time_to_minimum(flow: TangentFlow, rho0: Density, tolerance: float = 1e-8) -> float:
    """The time at which the tangent flow of the loss `L2` comes to its target.

    d L/dt = -|grad L|^2, and |grad L| does not vanish with L as long as modes that are left decay at rates above zero:
    so L = 0 is reached in finite time, with a finite slope. Beyond, the flow stands still; a descent with steps of
    finite length passes through the minimum and comes back. It is the flow of half the squared distance R in another
    time: the time asked for is the integral of sqrt(2 R) along that one [1]_.

    Parameters
    ----------
    flow : TangentFlow
        Of the loss `L2`.
    rho0 : Density
        At time 0.
    tolerance : float
        Of a time step, as `TangentFlow.solve` takes it.

    Returns
    -------
    float
        0 if the flow begins at the target.

    Raises
    ------
    InputError
        If the loss is another.
    NumericalError
        If the flow does not come to its target. Modes beyond the band, of which the density has none where every axis
        has 3 band + 1 points, stay; those with very small rates take very long.

    References
    ----------
    .. [1] J. Bolte, A. Daniilidis, O. Ley, L. Mazet, Characterizations of Lojasiewicz inequalities, Trans. Amer. Math.
       Soc. 362 (2010) 3319-3363, doi:10.1090/S0002-9947-09-05048-X, section 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> flow = tfl.TangentFlow(torus, tfl.SobolevMetric(3.0, 0.1), tfl.losses.L2(tfl.densities.uniform(torus)))
    >>> start = tfl.densities.from_function(torus, lambda x: 1 + 1e-3 * np.cos(2 * np.pi * x))
    >>> bool(abs(tfl.lojasiewicz.time_to_minimum(flow, start) / (1e-3 / 2**0.5 / 3.8143**2) - 1) < 1e-3)
    True
    """
    check_kind("flow", flow, TangentFlow, "tfl.TangentFlow(torus, metric, tfl.losses.L2(target))")
    if not isinstance(flow.loss, L2):
        raise InputError(
            f"time_to_minimum is about the loss L2, whose gradient does not vanish at the minimum; a "
            f"{type(flow.loss).__name__} takes for ever. Write TangentFlow(torus, metric, tfl.losses.L2(target))."
        )
    at = flow.solve(rho0, [0.0], tolerance)
    first, time, part = float(at.loss[0]), 0.0, DAMPING
    for _ in range(MOST_STEPS):
        loss, dissipation = float(at.loss[-1]), float(at.dissipation[-1])
        if loss <= SHARE * first:
            return time + (loss / dissipation if dissipation > 0 else 0.0)
        if not dissipation > 0:
            break
        step = part * loss / dissipation
        try:
            at, time = flow.solve(at.density[-1], [step], tolerance), time + step
        except NumericalError:  # beyond the minimum, or too stiff
            part /= 2
            if part < SHORTEST:
                break
    raise NumericalError(
        f"the flow does not come to its target: at time {time:.6g} the loss is {loss:.3g}, {first:.3g} at the start. "
        f"Modes of the density beyond the band {flow.band} stay, and those with small rates take long: use 3 band + 1 "
        f"points on every axis, so that there are none beyond, a rougher metric, or a start nearer to the target."
    )
