"""Points moved by a field constant on layers together with the logarithm of the volume they carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import NumericalError
from .runge_kutta import Pair, Tableau


class SmoothField(Protocol):
    """A vector field with two derivatives."""

    def jet(self, points) -> tuple[np.ndarray, np.ndarray]:
        """v and Dv at points (N, d)."""
        ...

    def second_derivative(self, points) -> np.ndarray:
        """D^2 v."""
        ...


@dataclass(frozen=True)
class Stage:
    """What a stage of a step keeps: its points, the Jacobian of the field there, the derivative K of the slope k.

    x_m = x + h sum_j a_mj k_j, V_m = Dv(x_m), K_m = V_m (1 + h sum_j a_mj K_j): D(step) = 1 + h sum_m b_m K_m.
    """

    points: np.ndarray
    jacobian: np.ndarray
    before: np.ndarray  # 1 + h sum_j a_mj K_j


def advance(scheme: Tableau, points, field: SmoothField, h: float) -> tuple[np.ndarray, np.ndarray, list[Stage]]:
    """One Runge-Kutta step: x + h sum b_m k_m, its derivative D in x, arrays (N, d) and (N, d, d), and its stages.

    Raises
    ------
    NumericalError
        If a point leaves the range of numbers.
    """
    d, stages = points.shape[1], []
    identity = np.broadcast_to(np.eye(d), (len(points), d, d))

    def rate(m, at):
        if not np.all(np.isfinite(at.first)):
            raise NumericalError("points are not finite any more. Use a smaller control.")
        k, jacobian = field.jet(at.first)
        stages.append(Stage(at.first, jacobian, at.second))
        return Pair(k, jacobian @ at.second)

    change, derivative = scheme.change(rate, Pair(points, identity), h, onto=Pair(0.0, identity))
    return points + change, derivative, stages


def advance_tangent(
    scheme: Tableau, dx, stages: Sequence[Stage], field: SmoothField, change_of_field: SmoothField, h: float
):
    """The derivatives of x and D of `advance` for changes of the points and of the field, arrays (N, d), (N, d, d)."""
    d_slopes = []

    def rate(m, dx_m):
        points, jacobian, before = stages[m].points, stages[m].jacobian, stages[m].before
        value, change_of_jacobian = change_of_field.jet(points)
        d_jacobian = np.einsum("nijl,nl->nij", field.second_derivative(points), dx_m) + change_of_jacobian
        d_slope = d_jacobian @ before
        for j, a in scheme.rows[m]:
            d_slope = d_slope + a * h * jacobian @ d_slopes[j]
        d_slopes.append(d_slope)
        return np.einsum("nij,nj->ni", jacobian, dx_m) + value

    return dx + scheme.change(rate, dx, h), scheme.total(d_slopes, h)


def advance_transpose(
    scheme: Tableau, p, derivative_bar, stages: Sequence[Stage], field: SmoothField, h: float, take: Callable
):
    """The transpose of `advance_tangent`: weights on x and D at the end become weights on x at the start, (N, d).

    Parameters
    ----------
    scheme, stages, field, h
        Of the step.
    p : array (N, d)
    derivative_bar : array (N, d, d)
    take : callable
        take(points, q, Q) for every stage, such that the weights' product with the change for a change v' of the field
        is the sum of <q, v'(points)> + <Q, Dv'(points)>.
    """
    slope_bars = {}

    def pull(m, q):
        points, jacobian, before = stages[m].points, stages[m].jacobian, stages[m].before
        slope_bar = scheme.weights[m] * h * derivative_bar
        for i, a in scheme.columns[m]:
            slope_bar = slope_bar + a * h * np.swapaxes(stages[i].jacobian, 1, 2) @ slope_bars[i]
        slope_bars[m] = slope_bar
        jacobian_bar = slope_bar @ np.swapaxes(before, 1, 2)
        second = field.second_derivative(points)
        take(points, q, jacobian_bar)
        return np.einsum("nij,ni->nj", jacobian, q) + np.einsum("nijl,nij->nl", second, jacobian_bar)

    return scheme.transposed(pull, p, h, onto=p)
