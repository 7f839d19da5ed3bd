"""Steps along a direction of descent: Armijo's rule, and Wolfe's conditions for methods that need the curvature."""

from __future__ import annotations

import math

from ..errors import NumericalError, UnstableError
from ..risk import Risk, RiskAt
from .method import StalledError, State

# Armijo's constants: sufficient decrease, shrinking of a refused step.
SUFFICIENT_DECREASE = 0.1
SHRINK = 0.5
# Growth of the next step after one taken at once.
GROW = 2.0
# Forty halvings: below that the change of the risk is lost in round-off.
MAXIMUM_TRIALS = 40
# A stable step that promises less than this part of the risk, after longer ones were unstable, leads nowhere.
STUCK = 1e-6
# What the status then says, and the command line looks for.
STABILITY = "the stability of the transport"
# Where the limit of stability lies between steps as close as this, relative to the longer, it is met.
EDGE = 0.25
# Wolfe's constants as usual for quasi-Newton methods: a Newton step is nearly always taken as it is.
WOLFE_DECREASE = 1e-4
WOLFE_CURVATURE = 0.9
# Growth of a step that is still far too short.
EXPAND = 4.0
# An interpolated step stays so far, relative to the bracket, from its ends.
MARGIN = 0.1
# Changes of the risk below this part of it are round-off; the slopes then say what the values cannot.
ROUND_OFF = 1e-13


def armijo(
    risk: Risk, state: State, direction, step: float, decrease: float = SUFFICIENT_DECREASE, reference=None
) -> tuple[RiskAt, float]:
    """The first t of step, step/2, step/4, ... with R(w + t p) <= R(w) + c t <grad R(w), p>, and the risk there [1]_.

    Where changes of the risk are lost in round-off the slopes decide, as in `wolfe`.

    Parameters
    ----------
    risk : Risk
    state : State
        Where the search starts.
    direction : array
        p, with <grad R(w), p> < 0.
    step : float
        The first t. A step the model refuses as unstable counts as too long.
    decrease : float
        c, at most 1/2.
    reference : float, optional
        In place of R(w), not below it, for searches that let the risk rise for a while.

    Raises
    ------
    StalledError
        If forty halvings do not lower the risk, or only steps that do not matter are stable.

    References
    ----------
    .. [1] L. Armijo, Minimization of functions having Lipschitz continuous first partial derivatives, Pacific J.
       Math. 16 (1966) 1-3, doi:10.2140/pjm.1966.16.1.
    """
    line = _Line(risk, state, direction)
    first = step
    for _ in range(MAXIMUM_TRIALS):
        trial = line.at(step)
        if trial is not None and line.lowers(trial, step, decrease, reference):
            return trial, step
        step *= SHRINK
    raise line.stalled(first, step)


def wolfe(risk: Risk, state: State, direction, step: float, decrease: float = WOLFE_DECREASE) -> tuple[RiskAt, float]:
    """A step with R(w + t p) <= R(w) + c t <g, p> and |<grad R(w + t p), p>| <= 0.9 |<g, p>|, g = grad R(w).

    Brackets the step and interpolates inside by parabolas. Where changes of the risk are lost in round-off the slopes
    decide instead of the values, as in the approximate conditions of [1]_; descent can so go on down to a gradient of
    the size of round-off. Where the limit of stability comes before such a step, one close to the limit is taken.

    Parameters
    ----------
    risk, state, direction, step
        As of `armijo`.
    decrease : float
        c.

    Raises
    ------
    StalledError
        If no step lowers the risk.

    References
    ----------
    .. [1] W. W. Hager, H. Zhang, A new conjugate gradient method with guaranteed descent and an efficient line search,
       SIAM J. Optim. 16 (2005) 170-192, doi:10.1137/030601880, equation (4.3).
    """
    line = _Line(risk, state, direction)
    low, low_value, low_slope, high, high_value = 0.0, state.value, line.slope, math.inf, math.inf
    first, best = step, None
    for _ in range(MAXIMUM_TRIALS):
        trial = line.at(step)
        slope = math.inf if trial is None or not line.lowers(trial, step, decrease) else line.slope_at(trial)
        if trial is not None and abs(slope) <= -WOLFE_CURVATURE * line.slope:
            return trial, step
        if trial is None or slope > 0:
            high, high_value = step, math.inf if trial is None else trial.value
        else:
            low, low_value, low_slope, best = step, trial.value, slope, trial
        step = _next(low, low_value, low_slope, high, high_value)
        refused = math.isinf(high_value) and math.isfinite(high)
        if math.isfinite(high) and high - low <= (EDGE if refused and best else ROUND_OFF) * high:
            break
        if step < SHRINK**MAXIMUM_TRIALS * first:
            break
    if best is not None:  # lower, only the curvature is missing: the edge of stability, or round-off
        return best, low
    raise line.stalled(first, step)


def _next(low, low_value, low_slope, high, high_value) -> float:
    """The minimum of the parabola through the low end, its slope and the high end, kept inside; or a longer step."""
    if math.isinf(high):
        return EXPAND * low
    width = high - low
    curvature = (high_value - low_value) / width - low_slope
    if not 0 < curvature < math.inf:
        return low + SHRINK * width
    return low + min(max(-low_slope * width / (2 * curvature), MARGIN * width), (1 - MARGIN) * width)


class Trials:
    """The risk at one control after another, tried from a state."""

    def __init__(self, risk: Risk, state: State):
        self._risk, self._state = risk, state
        self._unstable = None

    def at(self, control, promise: float) -> RiskAt | None:
        """The risk at a control; None if the model refuses it.

        Parameters
        ----------
        control : array
        promise : float
            By how much the risk should fall.

        Raises
        ------
        StalledError
            If longer steps were refused as unstable, and this one promises next to nothing.
        """
        trial = None
        try:
            trial = self._risk.at(control)
        except UnstableError as error:
            self._unstable = error
        except NumericalError:
            pass
        if self._unstable is not None and promise < STUCK * abs(self._state.value):
            raise StalledError(
                f"{STABILITY} stops the descent. Shortest step refused: {self._unstable}"
            ) from self._unstable
        return trial


class _Line:
    """The risk along w + t p."""

    def __init__(self, risk: Risk, state: State, direction):
        self._inner, self._state, self._direction = risk.space.inner, state, direction
        self._trials = Trials(risk, state)
        self.slope = self._inner(state.gradient, direction)
        if not self.slope < 0:
            raise StalledError(f"the slope {self.slope:.3g} along the direction is not negative")
        if math.isinf(self.slope):
            raise StalledError("the gradient of the risk is so large that its square overflows: rescale the loss")

    def at(self, step: float) -> RiskAt | None:
        """The risk after a step; None if the model refuses it."""
        return self._trials.at(self._state.control + step * self._direction, -step * self.slope)

    def slope_at(self, trial: RiskAt) -> float:
        return self._inner(trial.gradient, self._direction)

    def lowers(self, trial: RiskAt | None, step: float, decrease: float, reference=None) -> bool:
        """Whether the risk fell enough; by the slope at the end of the step where values cannot tell."""
        if trial is None:
            return False
        noise = ROUND_OFF * abs(self._state.value)
        if reference is not None:
            return trial.value <= reference + decrease * step * self.slope + noise
        if -step * self.slope > noise:
            return trial.value <= self._state.value + decrease * step * self.slope
        return trial.value <= self._state.value + noise and self.slope_at(trial) <= (2 * decrease - 1) * self.slope

    def stalled(self, first: float, last: float) -> StalledError:
        return StalledError(
            f"no step from {first:.3g} down to {last:.3g} lowers the risk {self._state.value:.6g} enough, with a "
            f"slope of {self.slope:.3g}: the descent has reached round-off, or the gradient is wrong"
        )
