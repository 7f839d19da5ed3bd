"""Constants that theory gives for a model, and the certificates of convergence they amount to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..arguments import check_function, checked_columns, is_number, is_positive, real_array
from ..errors import InputError
from ..models.kernels import KernelField

# Radii at which a certificate is looked for; constants are exponentials of the radius, so beyond 20 none can hold.
RADII = np.geomspace(1e-4, 20, 400)
# Rounding of a few sums when a run is held against its certificate.
CHECK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Bounds:
    """2 lower(R) (L - L*) <= |grad L|^2 <= 2 upper(R) (L - L*) at distance at most R from w = 0.

    Attributes
    ----------
    lower, upper : callable
        Radius -> constant.
    """

    lower: Callable[[float], float]
    upper: Callable[[float], float]


def linear_node_bounds(X) -> Bounds:
    """smin(X)^2 exp(-2R) and smax(X)^2 exp(2R) for `LinearNODE` and the half squared distance.

    R bounds the integral of |W_s| in the operator norm, which is at most the distance from zero. The lower bound is
    that of the continuous equation: on layers the gradient is averaged, and the bound is met as their number grows.

    Parameters
    ----------
    X : array (d, N)
        Of rank d, or the lower constant is zero.

    Notes
    -----
    The gradient at time s is U(1, s)^T (F - Y) X^T U(s, 0)^T, and the singular values of U lie between exp(-R) and
    exp(R) by Gronwall's inequality; the two factors together span one unit of time.
    """
    X = checked_columns(X)
    values = np.linalg.svd(X, compute_uv=False).tolist()
    least = values[-1] if len(values) == len(X) else 0.0
    return Bounds(lambda r: least * least * _exp(-2 * r), lambda r: values[0] * values[0] * _exp(2 * r))


def rkhs_node_bounds(family) -> Bounds:
    """Constants of an `RKHSNODE` whose points start at the centres of its `KernelField`, half squared distance.

    lower(R) = (s^2 / Lambda) exp(-2 l R), upper(R) = N exp(2 l R), with s = lambda - k' R N the least singular value of
    the kernel between moved points and centres, lambda and Lambda the extreme eigenvalues of the kernel matrix, k' the
    steepest slope of the kernel, and l its Lipschitz constant, |v(x) - v(y)| <= l |v| |x - y|. Lower is zero once the
    points may have moved so far that s could vanish.

    Parameters
    ----------
    family : KernelField

    Notes
    -----
    Points move by at most R since |v(x)| <= |v|. The gradient at time s is the projection of sum_i k(., x_i(s)) q_i to
    the span of the centres, with q = Dx(1)/Dx(s)^T (F - Y), whose norm lies within exp(-l R) and exp(l R) times that
    of F - Y. The matrix between points and centres changes entry by entry by at most k' R, hence by k' R N in
    operator norm. As for linear networks, the lower bound is that of the continuous equation.
    """
    if not isinstance(family, KernelField):
        raise InputError(f"rkhs_node_bounds takes the KernelField of an RKHSNODE, got a {type(family).__name__}.")
    values, count = np.linalg.eigvalsh(family.gram), len(family.gram)
    slope, lipschitz = family.kernel.steepest_slope, family.kernel.lipschitz

    def lower(radius):
        singular = max(values[0] - slope * radius * count, 0.0)
        return singular**2 / values[-1] * _exp(-2 * lipschitz * radius)

    return Bounds(lower, lambda radius: count * _exp(2 * lipschitz * radius))


@dataclass(frozen=True)
class Certificate:
    """Gradient descent converges linearly without leaving a ball, if 8 M(R) L_0 / m(R)^2 <= R^2.

    Attributes
    ----------
    holds : bool
        Whether there is such a radius.
    radius : float
        The one with the best rate; where none holds, the one that comes closest.
    lower, upper : float
        m and M there.
    margin : float
        R^2 m^2 / (8 M L_0); at least one where the certificate holds.
    initial_loss : float
        L_0.

    Notes
    -----
    Let 2 m L <= |grad L|^2 <= 2 M L on the ball, and let each step of length eta lower the loss by at least eta/2
    |grad L|^2, as it does for eta <= 1/beta where grad L is beta-Lipschitz. Then L_(k+1) <= (1 - m eta) L_k while the
    iterates stay in the ball, and they do: the path is at most sum_k eta |grad L_k| <= eta sqrt(2 M L_0) sum_k
    (1 - m eta)^(k/2) <= sqrt(8 M L_0)/m <= R, since 1 - sqrt(1 - x) >= x/2.
    """

    holds: bool
    radius: float
    lower: float
    upper: float
    margin: float
    initial_loss: float

    def rate(self, step: float, iterations) -> np.ndarray:
        """L_0 (1 - m step)^k, the guaranteed loss after k iterations; nothing is guaranteed for steps beyond 1/m."""
        if not is_positive(step) or self.lower * step > 1:
            longest = f" and at most 1/m = {1 / self.lower:.3g}" if self.lower > 0 else ""
            raise InputError(f"the step of a certified descent must be positive{longest}, got {step!r}.")
        iterations = real_array(iterations, "iterations")
        if not np.all((iterations >= 0) & np.isfinite(iterations)):
            raise InputError("iterations must be finite numbers >= 0.")
        return self.initial_loss * (1 - self.lower * step) ** iterations

    def check(self, history: dict, step: float) -> Verdict:
        """Hold a run of gradient descent with a fixed step against the certificate.

        Parameters
        ----------
        history : dict
            Of a `Result`, for its ``risk`` and ``distance``.
        step : float
        """
        if not isinstance(history, Mapping) or not {"risk", "distance"} <= set(history):
            raise InputError("check takes the history of a Result, which has the columns 'risk' and 'distance'.")
        risks, distances = real_array(history["risk"], "risk"), real_array(history["distance"], "distance")
        if risks.shape != distances.shape or risks.ndim != 1 or not risks.size:
            raise InputError(f"risk and distance must be columns of one length, got {risks.shape}, {distances.shape}.")
        outside = np.flatnonzero(~(distances <= self.radius * (1 + CHECK_TOLERANCE)))
        guaranteed = self.rate(step, np.arange(len(risks))) * (1 + CHECK_TOLERANCE)
        slow = np.flatnonzero(~(risks <= guaranteed + CHECK_TOLERANCE**2 * self.initial_loss))
        return Verdict(
            self.holds,
            int(outside[0]) if len(outside) else None,
            int(slow[0]) if len(slow) else None,
            float(distances.max()),
            self.radius,
        )

    def __str__(self):
        if not self.holds:
            return (
                f"no certificate: 8 M L_0 / m^2 <= R^2 fails at every radius; closest is R = {self.radius:.3g}, "
                f"where the left side is {1 / self.margin if self.margin else math.inf:.3g} times the right"
            )
        return (
            f"certified: iterates stay within {self.radius:.3g} of the start and the loss falls by the factor "
            f"1 - {self.lower:.3g} step an iteration (m = {self.lower:.3g}, M = {self.upper:.3g}, "
            f"margin {self.margin:.3g})"
        )


@dataclass(frozen=True)
class Verdict:
    """Outcome of `Certificate.check`.

    Attributes
    ----------
    left, exceeded : int or None
        The first iterate outside the ball, and the first above the guaranteed loss.
    farthest : float
        Largest distance from the start.
    """

    certified: bool
    left: int | None
    exceeded: int | None
    farthest: float
    radius: float

    @property
    def passed(self) -> bool:
        return self.certified and self.left is None and self.exceeded is None

    def __str__(self):
        if not self.certified:
            return "there was no certificate to hold the run against"
        if self.passed:
            return f"as certified: at most {self.farthest:.3g} from the start, within {self.radius:.3g}, rate kept"
        parts = []
        if self.left is not None:
            parts.append(f"iterate {self.left} left the ball of radius {self.radius:.3g}")
        if self.exceeded is not None:
            parts.append(f"iterate {self.exceeded} exceeded the guaranteed loss")
        return "NOT as certified: " + " and ".join(parts)


def certificate(initial_loss: float, bounds: Bounds, radii=RADII) -> Certificate:
    """The radius R with 8 M(R) L_0 / m(R)^2 <= R^2 and the largest m(R).

    Parameters
    ----------
    initial_loss : float
        L_0, the loss at the start above its infimum.
    bounds : Bounds
        On balls about the start.
    radii : array
        Where to look.

    Returns
    -------
    Certificate
        Also where none holds: it says so.
    """
    if not is_number(initial_loss) or initial_loss < 0:
        raise InputError(f"certificate: the initial loss must be a number >= 0, got {initial_loss!r}.")
    if not isinstance(bounds, Bounds):
        raise InputError(f"certificate: the bounds must be Bounds(lower, upper), got a {type(bounds).__name__}.")
    radii = real_array(radii, "certificate: the radii")
    if radii.ndim != 1 or not radii.size or not np.all((radii >= 0) & np.isfinite(radii)):
        raise InputError(f"certificate: the radii must be numbers >= 0, one at least, got an array {radii.shape}.")
    check_function("certificate: bounds.lower", bounds.lower)
    check_function("certificate: bounds.upper", bounds.upper)
    lower = real_array([bounds.lower(r) for r in radii], "certificate: the lower bounds")
    upper = real_array([bounds.upper(r) for r in radii], "certificate: the upper bounds")
    one_each = lower.shape == radii.shape == upper.shape
    if not one_each or not np.all(lower >= 0) or not np.all(upper >= lower):
        raise InputError("certificate: bounds must satisfy 0 <= lower(R) <= upper(R) at every radius.")
    with np.errstate(over="ignore"):  # an infinite bound on the rate certifies nothing
        margins = radii**2 * lower**2 / np.maximum(8 * upper * initial_loss, np.finfo(float).tiny)
    holding = np.flatnonzero(margins >= 1)
    best = holding[np.argmax(lower[holding])] if len(holding) else int(np.argmax(margins))
    return Certificate(
        bool(len(holding)),
        float(radii[best]),
        float(lower[best]),
        float(upper[best]),
        float(margins[best]),
        float(initial_loss),
    )


def _exp(exponent: float) -> float:
    """Infinite where it is larger than any number."""
    try:
        return math.exp(exponent)
    except OverflowError:
        return math.inf
