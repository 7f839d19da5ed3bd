"""Certificates: that descent from a start converges linearly, known before it is run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..arguments import is_positive, real_array
from ..display import OneLine
from ..errors import InputError
from ..hilbert import norm
from ..losses.densities import SquaredL2
from ..losses.points import GeodesicDistance, SquaredDistance
from ..model import Confined
from ..risk import Risk, RiskAt
from .bounds import Bounds
from .bounds import bounds as bounds_about

# Radii at which a certificate is looked for, in parts of the least that could do.
RADII = 1 + np.geomspace(1e-6, 99, 200)
# Rounding of a few sums where an inequality decides, and where a run is held against its certificate.
ROUND_OFF = 1e-9
# Risks of one start, and steps and the differences of training times, are the same to this part.
SAME = 1e-6
# How the status begins of runs that did not come to an end of their own.
BROKEN_OFF = ("diverged", "failed")
# Longer ones no method takes; kernels of saturated perceptrons are that small.
LONGEST_STEP = 1e100
# By what part outputs of flows of many steps may be off.
OUTPUT_ROUND_OFF = 1e-12


@dataclass(frozen=True)
class Certificate(OneLine):
    """Gradient descent converges linearly without leaving a ball about its start, if 8 (L_0 - L*) < m(R) R^2.

    Attributes
    ----------
    holds : bool
        Whether there is such a radius.
    lower, upper : float
        m and M: 2 m (L - L*) <= |grad L|^2 <= 2 M (L - L*) in the ball.
    radius : float
        R, the least there is, which has the best rate; where none holds, the one that comes closest.
    largest_step : float
        1/beta, beta = M + kappa sqrt(2 (L_0 - L*)): the longest step that is certified. Zero where nothing is.
    margin : float
        m R^2 / (8 (L_0 - L*)); above one where the certificate holds.
    gap : float
        L_0 - L*.
    least : float
        L*, below which the risk cannot fall, and to which it converges where the certificate holds.
    round_off : float
        By how much the root of L - L* may be off.

    Notes
    -----
    Let L = |F(w) - y|^2/2 and r the part of F - y that controls can change, so that L - L* = |r|^2/2. In the ball
    m |r|^2 <= |grad L|^2 = |DF* r|^2 <= M |r|^2, and DF changes by at most kappa per unit of the control.

    Descent. Let g = grad L(w) and w_t = w - t g. As long as L(w_t) <= L(w), the second derivative of L(w_t) is
    |DF g|^2 + <r, D^2F[g, g]> <= (M + kappa |r_0|) |g|^2 = beta |g|^2, so that L(w_t) <= L(w) - (t/2) |g|^2 for
    t <= 1/beta, and L does not come back to L(w) before. With |g|^2 >= 2 m (L - L*), a step eta multiplies L - L* by at
    most 1 - m eta.

    The ball. The root of L - L* falls over a step by at least (eta/2) |g|^2 / (2 sqrt(L - L*)) >= eta |g| sqrt(m/8).
    So the whole path is no longer than sqrt(8 (L_0 - L*)/m) < R, and the same holds for a part of a step: no iterate
    leaves the ball, nor does what lies between two. (The condition 8 M (L_0 - L*)/m^2 <= R^2, from bounding every
    |g| by the rate alone, asks for more since m <= M.)

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> certificate = tfl.lojasiewicz.certificate(risk, model.space.zeros())
    >>> certificate.holds, certificate.margin > 1
    (True, True)
    """

    holds: bool
    lower: float
    upper: float
    radius: float
    largest_step: float
    margin: float
    gap: float
    least: float
    round_off: float

    def rate(self, step: float, iterations) -> np.ndarray:
        """L* + (L_0 - L*) (1 - m step)^k, the guaranteed risk after k iterations with steps of one length.

        Raises
        ------
        InputError
            If there is no certificate, or the step is longer than ``largest_step``.
        """
        self._refuse_step(step)
        iterations = real_array(iterations, "iterations")
        if not np.all((iterations >= 0) & np.isfinite(iterations)):
            raise InputError("iterations must be finite numbers >= 0.")
        return self.least + self.gap * (1 - self.lower * step) ** iterations

    def check(self, run) -> Verdict:
        """Hold a run of gradient descent against the certificate, with whatever steps it took, up to the largest.

        Parameters
        ----------
        run : Result or Run
            As `descend` or `load` gives it, with every iterate from the start.

        Raises
        ------
        InputError
            If there is no certificate, the run has no iteration, a step was longer than ``largest_step``, iterates
            are missing, it began elsewhere, or its substeps changed.
        """
        risks, distances, steps = self._columns(run)
        for step in steps[1:].tolist():
            self._refuse_step(step)
        falling = np.cumprod(1 - self.lower * np.append(0.0, steps[1:]))
        guaranteed = np.sqrt(self.gap * falling) * (1 + ROUND_OFF) + self.round_off
        # What rounding makes of outputs, the gradient carries into the control, step by step.
        rounded = np.sqrt(2 * self.upper) * self.round_off * np.cumsum(np.append(0.0, steps[1:]))
        outside = np.flatnonzero(~(distances <= self.radius * (1 + ROUND_OFF) + rounded))
        slow = np.flatnonzero(~(np.sqrt(np.maximum(risks - self.least, 0.0)) <= guaranteed))
        return Verdict(
            int(outside[0]) if len(outside) else None,
            int(slow[0]) if len(slow) else None,
            run.status if str(run.status).startswith(BROKEN_OFF) else "",
            float(distances.max()),
            self.radius,
            self.largest_step,
        )

    def _columns(self, run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Risks, distances and steps of a whole run."""
        history, names = getattr(run, "history", None), ("risk", "distance", "step", "time")
        if not isinstance(history, Mapping) or not set(names) <= set(history) or not hasattr(run, "status"):
            raise InputError(
                f"check takes a run, as tfl.descend or tfl.load gives it, with its history; got a {type(run).__name__}."
            )
        risks, distances, steps, times = (real_array(history[name], name) for name in names)
        if not risks.shape == distances.shape == steps.shape == times.shape or risks.ndim != 1 or not risks.size:
            raise InputError("check: the columns of the run's history must be of one length.")
        missing = np.any(np.abs(np.diff(times) - steps[1:]) > SAME * np.abs(steps[1:]))
        if distances[0] != 0 or times[0] != 0 or missing:
            raise InputError(
                "check: iterates of this run are missing, and a certificate is about every one from the start. Give "
                "the run with its whole history."
            )
        root, expected = math.sqrt(max(risks[0] - self.least, 0.0)), math.sqrt(self.gap)
        if not abs(root - expected) <= SAME * expected + self.round_off:
            raise InputError(
                f"check: the run starts with the risk {risks[0]:.6g}, and the certificate is about a start with "
                f"{self.least + self.gap:.6g}. Make it for the risk and the start of the run."
            )
        if "substeps" in history and np.ptp(history["substeps"]) > 0:
            raise InputError(
                "check: the substeps changed during this run, and the certificate is about the model it began with. "
                "Run it without refine, with as many substeps as it ended with."
            )
        if len(risks) < 2 and not str(run.status).startswith((*BROKEN_OFF, "converged")):
            raise InputError("check: the run has no iteration to hold against the certificate. Iterate first.")
        return risks, distances, steps

    def _refuse_step(self, step) -> None:
        if not self.holds:
            raise InputError(f"there is nothing to hold a run against: {self}.")
        if not is_positive(step) or step > self.largest_step * (1 + ROUND_OFF):
            raise InputError(
                f"a certified step must be positive and at most {self.largest_step:.6g}, beyond which the risk need "
                f"not fall, got {step!r}. Take tfl.GradientDescent(certificate.largest_step)."
            )

    def __str__(self):
        if self.holds:
            return (
                f"certified: for steps up to {self.largest_step:.3g} iterates stay within {self.radius:.3g} of the "
                f"start and the risk falls towards {self.least:.3g} by the factor 1 - {self.lower:.3g} step an "
                f"iteration (m = {self.lower:.3g}, M = {self.upper:.3g}, margin {self.margin:.3g})"
            )
        if self.radius == 0:
            return "no certificate: m = 0, the tangent kernel at the start is singular or nearly so"
        if self.lower == 0:
            return (
                f"no certificate: in the smallest ball that could do, R = {self.radius:.3g}, m = 0; the risk at the "
                f"start is too large for how fast the derivative may change"
            )
        return (
            f"no certificate: 8 (L_0 - L*) < m R^2 holds at no radius; at the closest, R = {self.radius:.3g}, the left "
            f"side is {1 / self.margin:.3g} times the right"
        )


@dataclass(frozen=True)
class Verdict:
    """Outcome of `Certificate.check`.

    Attributes
    ----------
    left, exceeded : int or None
        The first iterate outside the ball, and the first above the guaranteed risk.
    broke_off : str
        The status of a run that diverged or failed, otherwise empty.
    farthest : float
        Largest distance from the start.
    radius, largest_step : float
        Of the certificate.
    passed : bool

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> certificate = tfl.lojasiewicz.certificate(risk, model.space.zeros())
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(certificate.largest_step), 5)
    >>> certificate.check(run).passed
    True
    """

    left: int | None
    exceeded: int | None
    broke_off: str
    farthest: float
    radius: float
    largest_step: float

    @property
    def passed(self) -> bool:
        return self.left is None and self.exceeded is None and not self.broke_off

    def __str__(self):
        if self.passed:
            return f"as certified: at most {self.farthest:.3g} from the start, within {self.radius:.3g}, rate kept"
        parts = []
        if self.left is not None:
            parts.append(f"iterate {self.left} left the ball of radius {self.radius:.3g}")
        if self.exceeded is not None:
            parts.append(f"iterate {self.exceeded} exceeded the guaranteed risk")
        if self.broke_off:
            parts.append(f"the run {self.broke_off} (certified are steps up to {self.largest_step:.3g})")
        return "NOT as certified: " + " and ".join(parts)


def certificate(risk: Risk, start, bounds: Bounds | None = None) -> Certificate:
    """What gradient descent from a start is certain to do.

    Parameters
    ----------
    risk : Risk
        With half a squared distance as its loss, and no penalty.
    start : array
        A control.
    bounds : Bounds, optional
        Of the model of the risk; by default those about the start. Those about another control serve too, in balls that
        are larger by the distance to it.

    Returns
    -------
    Certificate
        Also where none holds: it says so.

    Raises
    ------
    InputError
        If the risk is another, the bounds are those of another model, or none are known.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=8)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> certificate = tfl.lojasiewicz.certificate(risk, model.space.zeros())
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(certificate.largest_step), iterations=10)
    >>> certificate.holds, certificate.check(run).passed
    (True, True)
    """
    if not isinstance(risk, Risk):
        raise InputError(f"certificate takes a risk, a start and bounds, got a {type(risk).__name__} first.")
    point = risk.at(risk.space.element(start))
    residual, least, round_off = _residual(point)
    bounds = bounds_about(risk.model, start) if bounds is None else bounds
    if not isinstance(bounds, Bounds) or bounds.model is not risk.model:
        whose = f"those of another {type(bounds.model).__name__}" if isinstance(bounds, Bounds) else repr(bounds)
        raise InputError(
            f"certificate: the bounds must be those of the model of the risk itself, with its points and layers, got "
            f"{whose}. Leave them out, or take tfl.lojasiewicz.bounds(risk.model, start)."
        )
    gap, away = residual**2 / 2, norm(risk.space, point.control - bounds.centre)
    holds, radius, margin, (lower, upper, lipschitz) = _ball(bounds, away, gap)
    smoothness = upper + (lipschitz * residual if residual > 0 else 0.0)
    step = min(1 / smoothness, LONGEST_STEP) if holds else 0.0
    return Certificate(holds, lower, upper, radius, step, margin, gap, least, round_off)


def _ball(bounds: Bounds, away: float, gap: float) -> tuple[bool, float, float, tuple[float, float, float]]:
    """Whether a ball has 8 gap < m R^2; the smallest or closest one, m R^2 / (8 gap), and its constants.

    Parameters
    ----------
    away : float
        From the centre of the bounds to that of the balls.
    """
    constants = _constants(bounds, away)
    least = constants[0]
    if least == 0 or gap == 0:
        return least > 0, 0.0, math.inf if least > 0 else 0.0, constants
    closest = False, 0.0, -1.0, constants
    for radius in (math.sqrt(8 * gap / least) * RADII).tolist():  # m(R) is at most m(0)
        constants = _constants(bounds, away + radius)
        margin = constants[0] * radius**2 / (8 * gap)
        if margin > 1 + ROUND_OFF:
            return True, radius, margin, constants
        if margin > closest[2]:
            closest = False, radius, margin, constants
        if constants[0] == 0:
            break
    return closest


def _residual(point: RiskAt) -> tuple[float, float, float]:
    """|r|, L* and the round-off of |r|/sqrt 2; or an InputError where the loss is no squared distance."""
    risk, space = point.risk, point.risk.model.output_space
    if not isinstance(risk.loss, SquaredDistance | GeodesicDistance | SquaredL2) or risk.penalty:
        raise InputError(
            f"certificates are about half a squared distance, SquaredDistance or SquaredL2, without a penalty; this "
            f"risk has a {type(risk.loss).__name__} and the penalty {risk.penalty:g}."
        )
    if isinstance(risk.loss, GeodesicDistance) and point.value >= 1 / 8:
        raise InputError(
            f"certificates for a GeodesicDistance need a risk below 1/8 at the start, so that no point comes to where "
            f"it is half a side from its target; it is {point.value:.3g}. Start closer, or use a SquaredDistance."
        )
    away = risk.loss.gradient(point.output)
    changeable = risk.model.reach(away) if isinstance(risk.model, Confined) else away
    residual, fixed = norm(space, changeable), norm(space, away - changeable)
    rounded = OUTPUT_ROUND_OFF * (norm(space, point.output) + norm(space, point.output - away))
    least = fixed**2 / 2 if fixed > rounded else 0.0
    return residual, least, rounded + math.sqrt(fixed * rounded)  # what rounding of outputs makes of a fixed distance


def _constants(bounds: Bounds, radius: float) -> tuple[float, float, float]:
    """m, M and kappa."""
    numbers = [getattr(bounds, name)(radius) for name in ("lower", "upper", "lipschitz")]
    lower, upper, lipschitz = real_array(numbers, "certificate: what bounds give").ravel()[:3].tolist()
    if not (0 <= lower <= upper and lipschitz >= 0):
        raise InputError("certificate: bounds must satisfy 0 <= lower(R) <= upper(R) and 0 <= lipschitz(R) everywhere.")
    return lower, upper, lipschitz
