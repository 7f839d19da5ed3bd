"""Points moved by a vector field that is constant on layers: Runge-Kutta of order four, its tangent, its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ..arguments import checked_whole
from ..errors import NumericalError

# The classical tableau: stage m starts from x + NODES[m] h k_(m-1); the step adds h sum_m WEIGHTS[m] k_m.
NODES = (0.0, 0.5, 0.5, 1.0)
WEIGHTS = (1 / 6, 1 / 3, 1 / 3, 1 / 6)


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
    """dx/ds = v_l(x) for s in [l/L, (l+1)/L], by `substeps` steps of the classical Runge-Kutta method a layer.

    Parameters
    ----------
    layers : int
    substeps : int

    Notes
    -----
    With weights p at the end of a step, the stages are run backwards: q_4 = h p / 6 and q_m = h b_m p +
    h a_(m+1) Dv(x_(m+1))^T q_(m+1); p becomes p + sum_m Dv(x_m)^T q_m, and the derivative of <p, x> with respect to
    v in the direction v' is sum_m <q_m, v'(x_m)>. Nothing is approximated.
    """

    def __init__(self, layers: int, substeps: int):
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
        stages : array (steps, 4, N, d), optional
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
                change, k = np.zeros_like(x), np.zeros_like(x)
                for m, (node, weight) in enumerate(zip(NODES, WEIGHTS, strict=True)):
                    at = x + node * h * k
                    if not np.all(np.isfinite(at)):
                        raise NumericalError(f"layer {layer}: points are not finite any more. Use a smaller control.")
                    if stages is not None:
                        stages[step, m] = at
                    k = v.value(at)
                    change += weight * h * k
                x = x + change
            if visit is not None:
                visit(layer, x)
        if not np.all(np.isfinite(x)):
            raise NumericalError("the final points are not finite. Use a smaller control.")
        return x

    def tangent(self, field, change_of_field, stages) -> np.ndarray:
        """The derivative of `push` at v in the direction v', array (N, d), for fixed initial points."""
        dx, h = np.zeros_like(stages[0, 0]), self.step_length
        for layer in range(self.layers):
            v, dv = field(layer), change_of_field(layer)
            for step in range(layer * self.substeps, (layer + 1) * self.substeps):
                total, k = np.zeros_like(dx), np.zeros_like(dx)
                for at, node, weight in zip(stages[step], NODES, WEIGHTS, strict=True):
                    k = v.tangent(at, dx + node * h * k) + dv.value(at)
                    total += weight * h * k
                dx = dx + total
        return dx

    def transpose(self, weights, field, stages, take: Callable) -> np.ndarray:
        """The transpose of `tangent`, and of `push` in the initial points.

        Parameters
        ----------
        weights : array (N, d)
            p at s = 1.
        field : callable
            layer -> Field.
        stages : array (steps, 4, N, d)
            From `push`.
        take : callable
            take(layer, points, momenta) for the layers from last to first, both (substeps, 4, N, d), such that
            <p, x'> = sum over layers and entries of <momenta, v'(points)>.

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
                total, carried = np.zeros_like(p), np.zeros_like(p)
                for m in reversed(range(len(NODES))):
                    q = WEIGHTS[m] * h * p + (NODES[m + 1] * h * carried if m + 1 < len(NODES) else 0)
                    momenta[step, m] = q
                    carried = v.transpose(stages[first + step, m], q)
                    total += carried
                p = p + total
            take(layer, stages[first : first + self.substeps], momenta)
        return p
