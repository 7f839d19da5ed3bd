"""Checks a person runs on their own problem: is the adjoint exact, the gradient the risk's, a likelihood sound?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .arguments import check_kind, checked_seed, checked_whole, is_number
from .errors import InputError
from .hilbert import norm
from .model import Model
from .models.sample_node import SampleNODE
from .risk import Risk
from .transport.flow_map import FlowMap

# A pass in words. The adjoint is exact up to rounding that grows with the number of operations.
ADJOINT_TOLERANCE = 1e-11
SLOPE_TOLERANCE = 0.05
DERIVATIVE_TOLERANCE = 1e-7
# A likelihood is sound if the density has mass one to this, and steps half as long change it by so many nats: less than
# the standard error from ten thousand samples.
TOTAL_MASS_TOLERANCE = 1e-3
REFINEMENT_TOLERANCE = 5e-3
# Of a Taylor check: beyond them differences of risks are round-off or overflow.
SHORTEST_STEP, LONGEST_STEP = 1e-100, 1e100
# Points an axis of the grid for the mass; carried along the flow it is fine where the density is high.
GRID_OF_MASS = {1: 1024, 2: 128, 3: 24}


@dataclass(frozen=True)
class AdjointCheck:
    """Outcome of `adjoint`.

    Attributes
    ----------
    error : float
        Largest |<adjoint(p), dw> - <p, tangent(dw)>| / (|adjoint(p)| |dw|).
    passed : bool
    """

    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance

    def __str__(self):
        verdict = "exact to round-off" if self.passed else "WRONG: the adjoint is not that of the tangent"
        return f"adjoint identity: relative error {self.error:.1e} (at most {self.tolerance:.0e}): {verdict}"


@dataclass(frozen=True)
class TaylorCheck:
    """Outcome of `taylor`.

    Attributes
    ----------
    steps, remainders : array (n_steps,)
        h and |R(w + h dw) - R(w) - h <grad R(w), dw>|, of the worst direction.
    slope : float
        Of log remainder against log h; 2 for a correct gradient. NaN where remainders are round-off throughout.
    derivative_error : float
        |<grad R, dw> - fourth-order difference| / |grad R| for |dw| = 1, of the worst direction.
    passed : bool
    """

    steps: np.ndarray
    remainders: np.ndarray
    slope: float
    derivative_error: float

    @property
    def passed(self) -> bool:
        straight = math.isnan(self.slope) or abs(self.slope - 2) <= SLOPE_TOLERANCE
        return straight and self.derivative_error <= DERIVATIVE_TOLERANCE

    def __str__(self):
        verdict = "the gradient is that of the risk" if self.passed else "WRONG: the gradient is not that of the risk"
        return (
            f"Taylor remainder: slope {self.slope:.3f} (2 expected), directional derivative to "
            f"{self.derivative_error:.1e} of the gradient: {verdict}"
        )


@dataclass(frozen=True)
class LikelihoodCheck:
    """Outcome of `likelihood`.

    Attributes
    ----------
    mass : float
        Integral of rho_1, over the image of a grid under the flow run forwards: one, unless rho_1 is not what the flow
        makes of rho_0.
    change : float
        Of the mean log-density of the samples, in nats, when every step is halved.
    passed : bool
    """

    mass: float
    change: float

    @property
    def passed(self) -> bool:
        return abs(self.mass - 1) <= TOTAL_MASS_TOLERANCE and abs(self.change) <= REFINEMENT_TOLERANCE

    def __str__(self):
        verdict = "the likelihood is sound" if self.passed else "WRONG: the steps are too long for this flow"
        return (
            f"total mass 1 {self.mass - 1:+.1e} on a grid carried along the flow, steps half as long change the "
            f"log-likelihood by {self.change:+.1e} nats: {verdict}"
        )


def likelihood(model: SampleNODE, v) -> LikelihoodCheck:
    """Integrate rho_1 = mean of rho_1(Phi(x)) det DPhi(x) over a grid, and score the samples with steps half as long.

    Training can drive a flow to where its time steps are no longer those of the differential equation: then the
    likelihood is one of the steps, or none.

    Parameters
    ----------
    model : SampleNODE
    v : array
        The trained control.

    Returns
    -------
    LikelihoodCheck
        Print it for a verdict.

    Raises
    ------
    NumericalError
        If the map folds at a grid point or a sample.
    """
    check_kind("the first argument", model, SampleNODE, "checks.likelihood(risk.model, result.control)")
    d = model.points.shape[1]
    axis = np.arange(GRID_OF_MASS[d]) / GRID_OF_MASS[d]
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
    flow = FlowMap(model, v)
    mass = float(np.mean(np.exp(model.log_density(v, flow(grid)) + flow.log_determinant(grid))))
    refined = replace(model, substeps=2 * model.substeps)
    return LikelihoodCheck(mass, float(np.mean(refined(v)) - np.mean(model(v))))


def adjoint(model: Model, w, directions: int = 3, seed: int = 0, tolerance: float = ADJOINT_TOLERANCE) -> AdjointCheck:
    """Compare <adjoint(p), dw> with <p, tangent(dw)> for random p and dw.

    Parameters
    ----------
    model : Model
    w : array
        The control to check at; choose one far from zero.
    directions : int
        Random pairs tried.
    seed : int
    tolerance : float
        Relative error that still passes.

    Returns
    -------
    AdjointCheck
        Print it for a verdict.
    """
    directions = checked_whole("directions", directions)
    rng = np.random.default_rng(checked_seed(seed))
    if not is_number(tolerance) or not tolerance > 0:
        raise InputError(f"tolerance must be a number > 0, got {tolerance!r}.")
    check_kind("the first argument", model, Model, "checks.adjoint(model, model.space.random(rng))")
    linearisation = model.linearise(model.space.element(w))
    worst = 0.0
    for _ in range(directions):
        dw, p = model.space.random(rng), model.output_space.random(rng)
        pulled = linearisation.adjoint(p)
        gap = model.space.inner(pulled, dw) - model.output_space.inner(p, linearisation.tangent(dw))
        worst = max(worst, abs(gap) / (norm(model.space, pulled) * norm(model.space, dw)))
    return AdjointCheck(worst, tolerance)


def taylor(risk: Risk, w, directions: int = 3, seed: int = 0, step: float | None = None) -> TaylorCheck:
    """Fit the slope of R(w + h dw) - R(w) - h <grad R(w), dw> in h for random dw.

    Parameters
    ----------
    risk : Risk
    w : array
        The control to check at.
    directions : int
        Random directions tried; the worst is returned.
    seed : int
    step : float, optional
        Largest h; the steps are h, h/2, ..., h/32. By default the one for which the remainder is well above round-off
        and the risk still nearly quadratic.

    Returns
    -------
    TaylorCheck
        Print it for a verdict.
    """
    check_kind("the first argument", risk, Risk, "checks.taylor(tfl.Risk(model, loss), w)")
    if step is not None and (not is_number(step) or not SHORTEST_STEP <= float(step) <= LONGEST_STEP):
        raise InputError(f"step must be a number > 0 of moderate size, got {step!r}. Leave it out for a suitable one.")
    directions = checked_whole("directions", directions)
    rng = np.random.default_rng(checked_seed(seed))
    w = risk.space.element(w)
    value, gradient = risk.value_and_gradient(w)
    worst = None
    for _ in range(directions):
        dw = risk.space.random(rng)
        slope_at_w = risk.space.inner(gradient, dw)
        largest = float(step or 0) or _suitable_step(risk, w, dw, value, slope_at_w)
        steps = largest / 2.0 ** np.arange(6)
        remainders = np.array([abs(risk(w + h * dw) - value - h * slope_at_w) for h in steps])
        outcome = TaylorCheck(
            steps,
            remainders,
            _slope(steps, remainders, value),
            _derivative_error(risk, w, dw, slope_at_w, norm(risk.space, gradient), largest),
        )
        if worst is None or _badness(outcome) > _badness(worst):
            worst = outcome
    return worst


def _badness(outcome: TaylorCheck) -> float:
    slope = 0.0 if math.isnan(outcome.slope) else abs(outcome.slope - 2) / SLOPE_TOLERANCE
    return max(slope, outcome.derivative_error / DERIVATIVE_TOLERANCE)


def _suitable_step(risk, w, dw, value, slope) -> float:
    """The h whose third-order part is a hundredth of the remainder, seen from a trial at 1e-3 of the control's size."""
    h = 1e-3 * max(norm(risk.space, w), 1e-1)
    plus, minus = (risk(w + sign * h * dw) - value - sign * h * slope for sign in (1, -1))
    second, third = abs(plus + minus) / 2, abs(plus - minus) / 2
    return h * min(max(0.01 * second / third if third > 0 else 10.0, 1e-2), 10.0)


def _slope(steps, remainders, value) -> float:
    above = remainders > 1e3 * np.finfo(float).eps * abs(value)
    if np.count_nonzero(above) < 3:
        return math.nan
    return float(np.polyfit(np.log(steps[above]), np.log(remainders[above]), 1)[0])


def _derivative_error(risk, w, dw, slope, scale, largest) -> float:
    """Against the fourth-order difference (8 (R(h) - R(-h)) - (R(2h) - R(-2h)))/(12 h), the best of a few h."""
    if scale == 0:
        return 0.0
    errors = []
    for h in (largest, largest / 4, largest / 16):
        near = risk(w + h * dw) - risk(w - h * dw)
        far = risk(w + 2 * h * dw) - risk(w - 2 * h * dw)
        errors.append(abs((8 * near - far) / (12 * h) - slope) / scale)
    return min(errors)
