"""Checks a person runs on their own problem: is the adjoint exact, the gradient the risk's, a likelihood sound?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .arguments import check_kind, checked_seed, checked_whole, is_number
from .differences import EPS, Line, derivative_of, suitable_step
from .errors import InputError
from .hilbert import norm
from .model import HasResolution, Model
from .models.log_density_node import LogDensityNODE, Resolution
from .models.sample_node import SampleNODE
from .risk import Risk, RiskAt
from .transport.flow_map import FlowMap

# A pass in words. The adjoint is exact up to rounding that grows with the number of operations.
ADJOINT_TOLERANCE = 1e-11
SLOPE_TOLERANCE = 0.05
DERIVATIVE_TOLERANCE = 1e-7
# Of the Taylor check: factors by which the suitable step is shortened for remainders, and a longer one for derivatives.
REMAINDERS, LADDER = 2.0 ** -np.arange(6), 4.0 ** -np.arange(11)
# A right gradient may be off by this part of the terms that cancel in it.
GRADIENT_ROUND_OFF = 1e-11
# Share of the random direction in the one tried, beside the gradient's.
RANDOM_PART = 0.1
# A likelihood is sound if the density has mass one to this, and steps half as long change it by this many nats: less
# than the standard error from ten thousand samples.
TOTAL_MASS_TOLERANCE = 1e-3
REFINEMENT_TOLERANCE = 5e-3
# Of a Taylor check: beyond them differences of risks are round-off or overflow.
SHORTEST_STEP, LONGEST_STEP = 1e-100, 1e100
# Points per axis of the grid for the mass; carried along the flow it is fine where the density is high.
GRID_OF_MASS = {1: 1024, 2: 128, 3: 24}


@dataclass(frozen=True)
class AdjointCheck:
    """Outcome of `adjoint`.

    Attributes
    ----------
    error : float
        Largest |<adjoint(p), dw> - <p, tangent(dw)>| relative to the sum of the absolute terms of either product; NaN
        where both vanish.
    passed, wrong : bool
        Neither where it cannot be told.

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LinearNODE([[1.0, 0.5], [0.0, 2.0]], layers=3)
    >>> print(tfl.checks.adjoint(model, model.space.zeros()))  # doctest: +ELLIPSIS
    adjoint identity: relative error ... exact to round-off
    """

    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance

    @property
    def wrong(self) -> bool:
        return self.error > self.tolerance

    def __str__(self):
        if self.passed or self.wrong:
            verdict = "WRONG: the adjoint is not that of the tangent" if self.wrong else "exact to round-off"
            return f"adjoint identity: relative error {self.error:.1e} (at most {self.tolerance:.0e}): {verdict}"
        return (
            "adjoint identity: cannot be told here, where the derivative of the model vanishes. Check at another "
            "control, such as model.space.random(np.random.default_rng(1))."
        )


@dataclass(frozen=True)
class TaylorCheck:
    """Outcome of `taylor`, of the worst direction dw, |dw| = 1.

    Attributes
    ----------
    steps, remainders : array (n_steps,)
        h and |R(w + h dw) - R(w) - h <grad R(w), dw>|.
    slope : float
        Of log remainder against log h; 2 for a correct gradient. NaN where remainders are round-off throughout.
    gradient_norm : float
        |grad R(w)|.
    error : float
        |<grad R, dw> - fourth-order difference|.
    resolution : float
        What of such an error round-off, and the length of the steps, can hide.
    passed, wrong : bool
        Neither where it cannot be told.

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LinearNODE([[1.0, 0.5], [0.0, 2.0]], layers=3)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance([[1.0, 0.0], [0.0, 1.0]]))
    >>> print(tfl.checks.taylor(risk, model.space.zeros()))  # doctest: +ELLIPSIS
    Taylor remainder: slope 2.0... the gradient is that of the risk
    """

    steps: np.ndarray
    remainders: np.ndarray
    slope: float
    gradient_norm: float
    error: float
    resolution: float

    @property
    def derivative_error(self) -> float:
        """The error in parts of |grad R|."""
        return self._relative(self.error)

    @property
    def passed(self) -> bool:
        seen = self._relative(self.error + self.resolution) <= DERIVATIVE_TOLERANCE
        return seen and (math.isnan(self.slope) or self.slope >= 2 - SLOPE_TOLERANCE)

    @property
    def wrong(self) -> bool:
        return self.error > DERIVATIVE_TOLERANCE * self.gradient_norm + self.resolution

    def _relative(self, error: float) -> float:
        return error / self.gradient_norm if self.gradient_norm > 0 else math.inf

    def __str__(self):
        slope = "round-off" if math.isnan(self.slope) else f"slope {self.slope:.3f} (2 expected)"
        if self.passed or self.wrong:
            verdict = (
                "WRONG: the gradient is not that of the risk" if self.wrong else "the gradient is that of the risk"
            )
            return (
                f"Taylor remainder: {slope}, directional derivative to {self.derivative_error:.1e} of the gradient: "
                f"{verdict}"
            )
        return (
            f"Taylor remainder: {slope}. Whether the gradient, of norm {self.gradient_norm:.1e}, is that of the risk "
            f"cannot be told here: differences of the risk show its derivative to {self.resolution:.1e}, and "
            f"{DERIVATIVE_TOLERANCE:.0e} of the gradient is asked for. Check at another control: at a random one if "
            f"this is near an optimum, at 0.9 times this one if it is at the limit of stability."
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

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.SampleNODE([[0.1], [0.4], [0.7]], tfl.SobolevMetric(), layers=2, band=4)
    >>> print(tfl.checks.likelihood(model, model.space.zeros()))  # doctest: +ELLIPSIS
    total mass 1 ...: the likelihood is sound
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


def likelihood(model: SampleNODE | LogDensityNODE, v) -> LikelihoodCheck | Resolution:
    """Whether the density that a trained control makes can be believed.

    Of a `SampleNODE`: integrate rho_1 = mean of rho_1(Phi(x)) det DPhi(x) over a grid, and score the samples with
    steps half as long. Training can drive a flow to where its time steps are no longer those of the differential
    equation: then the likelihood is one of the steps, or none. Of a `LogDensityNODE`: its `resolution`.

    Parameters
    ----------
    model : SampleNODE or LogDensityNODE
    v : array
        The trained control.

    Returns
    -------
    LikelihoodCheck or Resolution
        Print it for a verdict.

    Raises
    ------
    NumericalError
        If the map folds at a grid point or a sample.

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.SampleNODE([[0.1], [0.4], [0.7]], tfl.SobolevMetric(), layers=2, band=4)
    >>> tfl.checks.likelihood(model, model.space.zeros()).passed
    True
    """
    if isinstance(model, Model) and isinstance(model, HasResolution):  # dates have a resolution too
        return model.resolution(v)
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

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LinearNODE([[1.0, 0.5], [0.0, 2.0]], layers=3)
    >>> tfl.checks.adjoint(model, model.space.zeros()).passed
    True
    """
    directions = checked_whole("directions", directions)
    rng = np.random.default_rng(checked_seed(seed))
    if not is_number(tolerance) or not tolerance > 0:
        raise InputError(f"tolerance must be a number > 0, got {tolerance!r}.")
    check_kind("the first argument", model, Model, "checks.adjoint(model, model.space.random(rng))")
    linearisation = model.linearise(model.space.element(w))
    errors = []
    for _ in range(directions):
        dw, p = _rough(model.space.random(rng)), model.output_space.random(rng)
        pulled, pushed = linearisation.adjoint(p), linearisation.tangent(dw)
        gap = abs(model.space.inner(pulled, dw) - model.output_space.inner(p, pushed))
        terms = max(_terms(model.space, pulled, dw), _terms(model.output_space, p, pushed))
        errors.append(gap / terms if terms > 0 else math.nan)
    return AdjointCheck(max(errors, key=lambda error: -1.0 if math.isnan(error) else error), tolerance)


def _rough(u) -> np.ndarray:
    """u with all its coefficients that are not zero of modulus one, and the phases they have.

    Against a smooth direction only the lowest wavenumbers of a stiff metric would weigh anything: round-off in one of
    them would be more than all of the others.
    """
    size = np.abs(u)
    return u / np.where(size > 0, size, 1.0)


def _terms(space, u, w) -> float:
    """The sum of the absolute terms of <u, w>, to which its round-off is relative."""
    return space.inner(*(np.abs(x.real) + 1j * np.abs(x.imag) if np.iscomplexobj(x) else np.abs(x) for x in (u, w)))


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

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LinearNODE([[1.0, 0.5], [0.0, 2.0]], layers=3)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance([[1.0, 0.0], [0.0, 1.0]]))
    >>> tfl.checks.taylor(risk, model.space.zeros()).passed
    True
    """
    check_kind("the first argument", risk, Risk, "checks.taylor(tfl.Risk(model, loss), w)")
    if step is not None and (not is_number(step) or not SHORTEST_STEP <= float(step) <= LONGEST_STEP):
        raise InputError(f"step must be a number > 0 of moderate size, got {step!r}. Leave it out for a suitable one.")
    directions = checked_whole("directions", directions)
    rng = np.random.default_rng(checked_seed(seed))
    w = risk.space.element(w)
    point = risk.at(w)
    outcomes = [_along(point, risk.space.random(rng), None if step is None else float(step)) for _ in range(directions)]
    return max(outcomes, key=lambda outcome: (outcome.wrong, not outcome.passed, outcome.error))


def _along(point: RiskAt, dw, step: float | None) -> TaylorCheck:
    """The check in one direction, a random one tilted towards the gradient: there the risk changes most."""
    risk, gradient = point.risk, point.gradient
    scale = norm(risk.space, gradient)
    if scale > 0:
        dw = RANDOM_PART * dw + gradient / scale
        dw = dw / norm(risk.space, dw)
    line = Line(risk, point.control, dw)
    slope = risk.space.inner(gradient, dw)
    step = step or suitable_step(line, point.value, slope)
    longest = max(step, min(step / LADDER[6], line.size / 2))  # further out a model may overflow
    derivative, resolution = derivative_of(line, longest * LADDER)
    resolution += _round_off(point, dw)
    steps = step * REMAINDERS
    remainders = np.abs(np.array([line(h) for h in steps]) - point.value - steps * slope)
    above = remainders > 1e4 * EPS * abs(point.value) + 10 * steps * resolution
    fitted = np.polyfit(np.log(steps[above]), np.log(remainders[above]), 1)[0] if np.sum(above) > 2 else math.nan
    return TaylorCheck(steps, remainders, float(fitted), scale, abs(derivative - slope), resolution)


def _round_off(point: RiskAt, dw) -> float:
    """What a right gradient may be off by along dw: a part of |l'| |Dm dw| + penalty |w|, which cancel where it is
    small, and what the round-off of the output makes of l'."""
    risk, out = point.risk, point.risk.model.output_space
    cause = risk.loss.gradient(point.output)
    rounded = norm(out, risk.loss.gradient((1 + 100 * EPS) * point.output) - cause)
    cancelling = GRADIENT_ROUND_OFF * norm(out, cause)
    change = norm(out, point.linearisation.tangent(dw))
    return (cancelling + rounded) * change + GRADIENT_ROUND_OFF * risk.penalty * norm(risk.space, point.control)
