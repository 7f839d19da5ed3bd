"""Points moved by a field constant on layers together with the logarithm of the volume they carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import NumericalError
from .particles import NODES, WEIGHTS


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
    """Where a stage of a step stands: its points, the Jacobian of the field there, the derivative K of the slope k.

    x_m = x + a_m h k_(m-1), V_m = Dv(x_m), K_m = V_m (1 + a_m h K_(m-1)): D(step) = 1 + h sum_m b_m K_m.
    """

    points: np.ndarray
    jacobian: np.ndarray
    before: np.ndarray  # 1 + a_m h K_(m-1)


def advance(points, field: SmoothField, h: float) -> tuple[np.ndarray, np.ndarray, list[Stage]]:
    """One classical Runge-Kutta step: x + h sum b_m k_m, its derivative D in x, arrays (N, d) and (N, d, d), stages.

    Raises
    ------
    NumericalError
        If a point leaves the range of numbers.
    """
    identity = np.eye(points.shape[1])
    k, slope = np.zeros_like(points), np.zeros((*points.shape, points.shape[1]))
    change, derivative, stages = 0.0, np.broadcast_to(identity, slope.shape), []
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        at, before = points + node * h * k, identity + node * h * slope
        if not np.all(np.isfinite(at)):
            raise NumericalError("points are not finite any more. Use a smaller control.")
        k, jacobian = field.jet(at)
        slope = jacobian @ before
        stages.append(Stage(at, jacobian, before))
        change = change + weight * h * k
        derivative = derivative + weight * h * slope
    return points + change, derivative, stages


def advance_tangent(dx, stages: Sequence[Stage], field: SmoothField, change_of_field: SmoothField, h: float):
    """The derivatives of x and D of `advance` for changes of the points and of the field, arrays (N, d), (N, d, d)."""
    dk, d_slope, change, d_derivative = np.zeros_like(dx), np.zeros_like(stages[0].jacobian), 0.0, 0.0
    for stage, node, weight in zip(stages, NODES, WEIGHTS, strict=True):
        second = field.second_derivative(stage.points)
        value, change_of_jacobian = change_of_field.jet(stage.points)
        dx_m = dx + node * h * dk
        d_jacobian = np.einsum("nijl,nl->nij", second, dx_m) + change_of_jacobian
        dk = np.einsum("nij,nj->ni", stage.jacobian, dx_m) + value
        d_slope = d_jacobian @ stage.before + node * h * stage.jacobian @ d_slope
        change = change + weight * h * dk
        d_derivative = d_derivative + weight * h * d_slope
    return dx + change, d_derivative


def advance_transpose(p, derivative_bar, stages: Sequence[Stage], field: SmoothField, h: float, take: Callable):
    """The transpose of `advance_tangent`: weights on x and D at the end become weights on x at the start, (N, d).

    Parameters
    ----------
    p : array (N, d)
    derivative_bar : array (N, d, d)
    stages, field, h
        Of the step.
    take : callable
        take(points, q, Q) for every stage, such that the weights' product with the change for a change v' of the field
        is the sum of <q, v'(points)> + <Q, Dv'(points)>.
    """
    start, x_bar, slope_bar, later = np.array(p), 0.0, 0.0, None
    for m in reversed(range(len(stages))):
        stage = stages[m]
        q = WEIGHTS[m] * h * p + (NODES[m + 1] * h * x_bar if later else 0.0)
        slope_bar = WEIGHTS[m] * h * derivative_bar + (
            NODES[m + 1] * h * np.swapaxes(later.jacobian, 1, 2) @ slope_bar if later else 0.0
        )
        jacobian_bar = slope_bar @ np.swapaxes(stage.before, 1, 2)
        second = field.second_derivative(stage.points)
        x_bar = np.einsum("nij,ni->nj", stage.jacobian, q) + np.einsum("nijl,nij->nl", second, jacobian_bar)
        take(stage.points, q, jacobian_bar)
        start += x_bar
        later = stage
    return start
