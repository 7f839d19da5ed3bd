"""The derivative of the exponential map."""

from __future__ import annotations

import math

import numpy as np

from ..backends import to_host
from ..torus.control import VelocitySpace
from ..torus.grid import TWO_PI
from ..torus.scattered import BandField
from ..torus.sobolev import SobolevMetric
from ..transport.diffeomorphism import Diffeomorphism
from ..transport.runge_kutta import RK4, Pair
from .epdiff import EPDiff

# Largest Courant number of the steps, which need not be accurate.
LONGEST_STEP = 1.2


class Derivative:
    """du_0 -> d exp(u_0) du_0 on the grid, by Runge-Kutta steps of order four.

    Parameters
    ----------
    equation : EPDiff
    metric : SobolevMetric
    u0 : array (d, *n)
    least_steps : int
        More are taken where the velocity asks for them.

    Attributes
    ----------
    stages : list of lists
        Of every step and stage: the fields there, where the points of the grid have come, array (N, d), and D u there.
    displacements : list of array (d, *n)
        After every step.
    """

    def __init__(self, equation: EPDiff, metric: SobolevMetric, u0, least_steps: int = 4):
        torus = self.torus = equation.torus
        self.equation, self._space = equation, VelocitySpace(torus, metric, 1, equation.modes)
        speed = sum(TWO_PI * mode * np.abs(u) for mode, u in zip(equation.modes, u0, strict=True))
        self.steps = least_steps + math.ceil(torus.maximum(speed) / LONGEST_STEP)
        self.stages = []
        x = np.stack([to_host(axis).ravel() for axis in torus.points], axis=1)
        state = Pair(equation.kept * torus.transform(u0), x)

        def rate(m, at):
            fields = equation.fields(at.first)
            slope, jacobian = self._field(fields).jet(at.second)
            self.stages[-1].append((fields, at.second, jacobian))
            return Pair(equation.rate(fields), slope)

        self.displacements = []
        for _ in range(self.steps):
            self.stages.append([])
            state = state + RK4.change(rate, state, 1 / self.steps)
            self.displacements.append((state.second - x).T.reshape(u0.shape))

    def __call__(self, change) -> np.ndarray:
        """The change of the displacement, array (d, *n)."""
        torus = self.torus
        state = Pair(self.equation.kept * torus.transform(change), np.zeros((torus.size, torus.dimension)))

        def rate(stage, d_at):
            fields, here, jacobian = stage
            d_fields = self.equation.fields(d_at.first)
            slope = np.einsum("nij,nj->ni", jacobian, d_at.second) + self._field(d_fields).value(here)
            return Pair(self.equation.tangent(fields, d_fields), slope)

        for stages in self.stages:
            state = RK4.change(lambda m, d_at, at=stages: rate(at[m], d_at), state, 1 / self.steps, onto=state)
        return state.second.T.reshape(change.shape)

    def _field(self, fields) -> BandField:
        return BandField(self._space, self._space.coefficients(fields.velocity))


def pulled_back(at: Diffeomorphism, displacement, modes) -> np.ndarray:
    """P D phi^(-1) xi, array (d, *n): the velocity at the start that moves the map by xi at the end."""
    flat = displacement.reshape(len(displacement), -1)
    field = np.linalg.solve(at.jacobians, flat.T[..., None])[..., 0].T
    return at.torus.truncate(field.reshape(displacement.shape), modes)
