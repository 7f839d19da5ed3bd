"""The Gauss-Newton method: conjugate gradients on the linearised model, within a radius of trust."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ..arguments import checked_whole, is_number
from ..errors import InputError
from ..hilbert import HilbertSpace, norm
from ..losses.loss import HasCurvature
from ..model import check_ability
from ..risk import Risk
from .line_search import MAXIMUM_TRIALS, Trials
from .method import StalledError, State

# The part of the predicted fall of the risk that a step must achieve to be taken, not to shrink the radius, to grow it.
TAKEN, POOR, GOOD = 1e-4, 0.25, 0.75
SHRINK, GROW = 0.25, 2.0
# Changes of the risk below this part of it are round-off.
ROUND_OFF = 10 * np.finfo(float).eps
# The next relative residual is 0.9 times the square of the factor by which the gradient fell, but does not itself fall
# faster than as its square while it is above a tenth.
FORCING_FACTOR, FORCING_SAFEGUARD = 0.9, 0.1


@dataclass(frozen=True)
class GaussNewton:
    """w <- w + d, where d lowers <g, d> + (1/2) <d, (DF* l'' DF + penalty) d> with |d| <= radius, g = grad R(w).

    d is found by conjugate gradients [1]_ in the control space: each of their iterations applies the tangent and the
    adjoint of the model once, at about the cost of a risk and its gradient. They stop at the radius, or when the
    residual has fallen enough for superlinear convergence [2]_. The radius shrinks where the risk falls by much less
    than the quadratic model says, or the model refuses the step as unstable; the shorter step lies on the same path,
    so it costs one more run forward and nothing else.

    Parameters
    ----------
    radius : float
        The first radius of trust, in the norm of the control; may be infinite.
    forcing : float
        Largest relative residual at which conjugate gradients may stop, in (0, 1); those of the first iteration do.
    products : int
        Maximum number of iterations of conjugate gradients for a step; all their iterates are kept.

    Raises
    ------
    InputError
        If a number is out of range; in `descend`, if the model's linearisation has no tangent or the loss no
        curvature.

    Notes
    -----
    ``step`` in the history is |d|, ``time`` their sum.

    References
    ----------
    .. [1] T. Steihaug, The conjugate gradient method and trust regions in large scale optimization, SIAM J. Numer.
       Anal. 20 (1983) 626-637, doi:10.1137/0720042.
    .. [2] S. C. Eisenstat, H. F. Walker, Choosing the forcing terms in an inexact Newton method, SIAM J. Sci. Comput.
       17 (1996) 16-32, doi:10.1137/0917003, equation (2.6).

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.GaussNewton(), iterations=8)
    >>> run.value < 0.01 * risk(start)
    True
    """

    radius: float = 1.0
    forcing: float = 0.5
    products: int = 200
    remembers: ClassVar = {"forcing": "a number"}

    def __post_init__(self):
        for name, smallest, largest in (("radius", 1e-100, 1e100), ("forcing", 1e-300, 1 - 1e-12)):
            value = getattr(self, name)
            if not is_number(value) or not smallest <= value <= largest:
                below = " below 1" if name == "forcing" else ""
                raise InputError(f"GaussNewton: {name} must be a positive number{below}, got {value!r}.")
        checked_whole("GaussNewton: products", self.products)

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start."""
        point = risk.at(control)
        if not hasattr(point.linearisation, "tangent"):
            raise InputError(
                f"GaussNewton needs linearise(w).tangent, which a {type(risk.model).__name__} lacks. Use LBFGS."
            )
        instead = (
            "Use LBFGS, or a loss that is smooth and convex such as SquaredL2, KullbackLeibler or SquaredDistance."
        )
        check_ability(risk.loss, HasCurvature, "GaussNewton needs the second derivative of the loss,", instead)
        return State.at(point, 0.0, self.radius, memory={"forcing": np.array(self.forcing)})

    def update(self, risk: Risk, state: State) -> State:
        """One step of Gauss-Newton, shortened until the risk falls about as predicted."""
        forcing = float(state.memory["forcing"])
        radius, trials = state.next_step, Trials(risk, state)
        path = _Path(risk.space, _hessian(risk, state), state.gradient, radius, forcing, self.products)
        noise = ROUND_OFF * abs(state.value)
        for _ in range(MAXIMUM_TRIALS):
            step, predicted = path.within(radius)
            length = norm(risk.space, step)
            point = trials.at(state.control + step, predicted)
            gain = -math.inf if point is None else (state.value - point.value + noise) / (predicted + noise)
            if gain < POOR:
                radius = SHRINK * length
            elif gain > GOOD and length >= (1 - 1e-9) * radius:
                radius *= GROW
            if point is not None and gain > TAKEN:
                before, after = norm(risk.space, state.gradient), norm(risk.space, point.gradient)
                if predicted <= noise and after >= before:
                    break
                memory = {"forcing": np.array(self._next_forcing(forcing, after / before))}
                return State.at(point, length, radius, state.time + length, memory=memory)
            if predicted <= noise:
                break
        raise StalledError(
            f"no step within a radius of trust of {radius:.3g} lowers the risk {state.value:.6g} as its quadratic "
            f"model predicts: the descent has reached round-off, or the derivatives are wrong"
        )

    def _next_forcing(self, forcing: float, ratio: float) -> float:
        following, slow = FORCING_FACTOR * ratio**2, FORCING_FACTOR * forcing**2
        return min(max(following, slow if slow > FORCING_SAFEGUARD else 0.0), self.forcing)


def _hessian(risk: Risk, state: State) -> Callable:
    """d -> DF* l'' DF d + penalty d, at the state's control."""
    linearisation, loss = risk.model.linearise(state.control), cast(HasCurvature, risk.loss)

    def hessian(d):
        change = linearisation.tangent(d)
        product = linearisation.adjoint(loss.curvature(linearisation.output, change))
        return product + risk.penalty * d if risk.penalty else product

    return hessian


class _Path:
    """The iterates d_0 = 0, d_1, ... of conjugate gradients for H d = -g, joined by straight lines.

    Their norms increase and the quadratic model decreases along it, so the step for a radius is where the path leaves
    the ball; it ends with the first iterate outside.
    """

    def __init__(self, space: HilbertSpace, hessian, gradient, radius, tolerance, products):
        self._space = space
        self._points, self._drops = [space.zeros()], []  # drops: of the quadratic model, from one point to the next
        residual = -gradient
        squared = space.inner(residual, residual)
        if not squared > 0:
            raise StalledError("the gradient is zero")
        direction, goal = residual, tolerance**2 * squared
        while squared > goal and len(self._drops) < products and norm(space, self._points[-1]) < radius:
            product = hessian(direction)
            curvature = space.inner(direction, product)
            if not curvature > 0:  # a risk that is flat or concave is followed to twice the radius
                curvature = squared * norm(space, direction) / (2 * radius)
            if not curvature > 0:
                break
            t = squared / curvature
            self._points.append(self._points[-1] + t * direction)
            self._drops.append(t * squared / 2)
            residual = residual - t * product
            before, squared = squared, space.inner(residual, residual)
            direction = residual + squared / before * direction
        if not self._drops:
            raise StalledError("the loss has no curvature along the gradient, and the radius of trust is infinite")

    def within(self, radius: float) -> tuple[np.ndarray, float]:
        """The step for a radius at most the first, and by how much the quadratic model falls."""
        fallen = 0.0
        for start, end, drop in zip(self._points, self._points[1:], self._drops, strict=False):
            if norm(self._space, end) > radius:
                along = end - start
                a, b = self._space.inner(along, along), self._space.inner(start, along)
                gap = radius**2 - self._space.inner(start, start)
                part = gap / (b + math.sqrt(b**2 + a * gap))
                return start + part * along, fallen + (2 * part - part**2) * drop
            fallen += drop
        return end, fallen
