"""Points moved by a vector field that is constant on layers: Runge-Kutta steps, their tangent, their transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ..arguments import checked_whole
from ..errors import NumericalError
from .runge_kutta import RK4, Tableau


class Field(Protocol):
    """A vector field v on R^d or the torus, as a particle sees it."""

    def value(self, points) -> np.ndarray:
        """v(x), array (N, d), at points (N, d)."""
        ...

    def tangent(self, points, change) -> np.ndarray:
        """Dv(x) x', array (N, d)."""
        ...

    def transpose(self, points, weight) -> np.ndarray:
        """Dv(x)^T p, array (N, d)."""
        ...


class ParticleFlow:
    """dx/ds = v_l(x) for s in [l/L, (l+1)/L], by `substeps` Runge-Kutta steps per layer.

    Parameters
    ----------
    layers : int
    substeps : int
    scheme : Tableau

    Notes
    -----
    With weights p at the end of a step, its stages are run backwards (`Tableau.transposed`): with the q_m there, the
    derivative of <p, x> with respect to v in the direction v' is sum_m <q_m, v'(x_m)>. Nothing is approximated.
    """

    def __init__(self, layers: int, substeps: int, scheme: Tableau = RK4):
        self.scheme = scheme
        self.layers, self.substeps = checked_whole("layers", layers), checked_whole("substeps", substeps)
        self.steps = checked_whole("layers x substeps", self.layers * self.substeps)
        self.step_length = 1 / self.steps

    def push(self, points, field: Callable[[int], Field], stages=None, visit=None) -> np.ndarray:
        """x(1) from x(0).

        Parameters
        ----------
        points : array (N, d)
        field : callable
            layer -> Field.
        stages : array (steps, scheme.stages, N, d), optional
            Filled with the points at every stage, which `tangent` and `transpose` need.
        visit : callable, optional
            visit(layer, points) after each layer.

        Returns
        -------
        array (N, d)

        Raises
        ------
        NumericalError
            If a point leaves the range of numbers, with the layer where it did.
        """
        x, h = np.array(points, float), self.step_length
        for layer in range(self.layers):
            v = field(layer)
            for step in range(layer * self.substeps, (layer + 1) * self.substeps):
                kept = None if stages is None else stages[step]
                x = x + self.scheme.change(_rate(v, layer, kept), x, h)
            if visit is not None:
                visit(layer, x)
        if not np.all(np.isfinite(x)):
            raise NumericalError("the final points are not finite. Use a smaller control.")
        return x

    def tangent(self, field, change_of_field, stages, start=None) -> np.ndarray:
        """The derivative of `push` at v in the direction v', array (N, d), where initial points move by `start`."""
        dx, h = np.zeros_like(stages[0, 0]) if start is None else np.array(start, float), self.step_length
        for layer in range(self.layers):
            v, dv = field(layer), change_of_field(layer)
            for step in range(layer * self.substeps, (layer + 1) * self.substeps):
                dx = dx + self.scheme.change(_rate_of_change(v, dv, stages[step]), dx, h)
        return dx

    def transpose(self, weights, field, stages, take: Callable) -> np.ndarray:
        """The transpose of `tangent`, and of `push` in the initial points.

        Parameters
        ----------
        weights : array (N, d)
            p at s = 1.
        field : callable
            layer -> Field.
        stages : array (steps, scheme.stages, N, d)
            From `push`.
        take : callable
            take(layer, points, momenta) for the layers from last to first, both (substeps, scheme.stages, N, d), with
            <p, x'> = the sum over layers and entries of <momenta, v'(points)>.

        Returns
        -------
        array (N, d)
            p at s = 0.
        """
        p, h = np.array(weights, float), self.step_length
        momenta = np.empty((self.substeps, *stages.shape[1:]))
        for layer in reversed(range(self.layers)):
            v, first = field(layer), layer * self.substeps
            for step in reversed(range(self.substeps)):
                p = p + self.scheme.transposed(_pull(v, stages[first + step], momenta[step]), p, h)
            take(layer, stages[first : first + self.substeps], momenta)
        return p


def _rate(v: Field, layer: int, kept) -> Callable:
    """v at the stages of a step, whose points are kept unless that is None."""

    def rate(m, at):
        if not np.all(np.isfinite(at)):
            raise NumericalError(f"layer {layer}: points are not finite any more. Use a smaller control.")
        if kept is not None:
            kept[m] = at
        return v.value(at)

    return rate


def _rate_of_change(v: Field, dv: Field, stages) -> Callable:
    return lambda m, change: v.tangent(stages[m], change) + dv.value(stages[m])


def _pull(v: Field, stages, momenta) -> Callable:
    """Dv^T q at the stages of a step, filling the momenta with q."""

    def pull(m, q):
        momenta[m] = q
        return v.transpose(stages[m], q)

    return pull
