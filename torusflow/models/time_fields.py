"""Fields that change with time, as fields of points and time: time is one more coordinate.

So a flow along them is one of the Runge-Kutta flows that there are (`torusflow.transport.particles`).
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..transport.particles import Field


@runtime_checkable
class FieldFamily(Protocol):
    """Fields by their coefficients, in which they need not be linear."""

    def field(self, coefficients) -> Any:
        """The field."""
        ...

    def change(self, coefficients, change) -> Any:
        """How its values change with the coefficients."""
        ...

    def gradient(self, coefficients, points, momenta) -> np.ndarray:
        """The gradient in V of sum_i p_i.v(x_i) with respect to the coefficients."""
        ...


class Linear:
    """Fields that are linear in their coefficients, as a `FieldFamily`."""

    def __init__(self, family):
        self.field, self._riesz = family.field, family.riesz

    def change(self, coefficients, change):
        return self.field(change)

    def gradient(self, coefficients, points, momenta):
        return self._riesz(points, momenta)


class Segment:
    """Coefficients on one layer, linear in s; time is the last coordinate of points, the same for all of them."""

    def __init__(self, v, layer: int):
        self._layers, self._layer = len(v) - 1, layer
        self._first, self._last = v[layer], v[layer + 1]

    def part(self, points) -> float:
        """How far in the layer they are, from 0 to 1."""
        return float(points[0, -1]) * self._layers - self._layer

    def at(self, points) -> np.ndarray:
        """The coefficients at the time of the points."""
        t = self.part(points)
        return (1 - t) * self._first + t * self._last


class TimeField:
    """(v_s(x), 1) at points (x, s), array (N, d + 1) (`torusflow.transport.particles.Field`).

    Time is one more coordinate, which does not move with the control.
    """

    def __init__(self, make, segment: Segment):
        self._make, self._segment = make, segment

    def value(self, points):
        return timed(self._field(points).value(without_time(points)), 1.0)

    def tangent(self, points, change):
        return timed(self._field(points).tangent(without_time(points), without_time(change)))

    def transpose(self, points, weight):
        return timed(self._field(points).transpose(without_time(points), without_time(weight)))

    def _field(self, points) -> Field:
        return self._make(self._segment.at(points))


class TimeChange:
    """How a `TimeField` changes with the coefficients: its values."""

    def __init__(self, change, segment: Segment, direction: Segment):
        self._change, self._segment, self._direction = change, segment, direction

    def value(self, points):
        change = self._change(self._segment.at(points), self._direction.at(points))
        return timed(change.value(without_time(points)))


def timed(points, time=0.0) -> np.ndarray:
    """Points with a last coordinate, array (N, d + 1)."""
    return np.column_stack([points, np.full(len(points), time)])


def without_time(points) -> np.ndarray:
    """Points without their last coordinate."""
    return np.ascontiguousarray(points[:, :-1])
