"""What all models have in common that move points along a field, linear in its coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..hilbert import Euclidean, HilbertSpace
from ..memory import check_memory
from ..transport.particles import ParticleFlow


class ParticleLinearisation:
    """Points pushed by a control, with the derivative both ways (`torusflow.model.Linearisation`).

    Keeps the points at every Runge-Kutta stage, stages x steps x N x d numbers.

    Parameters
    ----------
    flow : ParticleFlow
    points : array (N, d)
        At s = 0.
    space : HilbertSpace
        Of the control, <v, w> = (1/L) sum_l <v_l, w_l>_V.
    control : array (L, ...)
    field : callable
        Coefficients of a layer -> Field.
    riesz : callable
        (points, momenta), both (n, d) -> the coefficients u with <u, v'>_V = sum <momenta, v'(points)> for all v'.
    """

    def __init__(self, flow: ParticleFlow, points, space: HilbertSpace, control, field: Callable, riesz: Callable):
        self._flow, self._space, self._riesz = flow, space, riesz
        self._make = field
        self._fields = [field(layer) for layer in control]
        self._output_space = Euclidean(points.shape)
        shape = (flow.steps, flow.scheme.stages, *points.shape)
        check_memory(math.prod(shape), "the points at every stage", "Use fewer layers, substeps or points.")
        self._stages = np.empty(shape)
        self.output = flow.push(points, self._fields.__getitem__, self._stages)

    def tangent(self, dw, dx=None) -> np.ndarray:
        """The change of the final points, array (N, d), where those at s = 0 move by dx."""
        changes = [self._make(layer) for layer in self._space.element(dw)]
        return self._flow.tangent(self._fields.__getitem__, changes.__getitem__, self._stages, dx)

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = sum p tangent(dw)."""
        return self.transpose(p)[0]

    def transpose(self, p) -> tuple[np.ndarray, np.ndarray]:
        """g and the p_0, array (N, d), with <g, dw> + sum p_0 dx = sum p tangent(dw, dx)."""
        p, gradient = self._output_space.element(p), self._space.zeros()

        def take(layer, points, momenta):
            d = points.shape[-1]
            gradient[layer] = self._flow.layers * self._riesz(points.reshape(-1, d), momenta.reshape(-1, d))

        start = self._flow.transpose(p, self._fields.__getitem__, self._stages, take)
        return gradient, start
