"""Points on the torus moved by the flow of a control."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..arguments import checked_choice, checked_rows, copy_with, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean
from ..model import DerivativeBounds
from ..torus.band import torus_of_band
from ..torus.control import VelocitySpace
from ..torus.scattered import BandField, momentum_coefficients
from ..torus.sobolev import SobolevMetric
from ..transport.particles import ParticleFlow
from ..transport.runge_kutta import find_scheme, scheme_field
from .flow_bounds import FieldConstants, flow_lipschitz, layer_norms
from .particle_linearisation import ParticleLinearisation


@dataclass(frozen=True, eq=False)
class TorusNODE(OneLine):
    """v -> x(1), dx/ds = v_s(x), for points on T^d: the neural ODE of `MeasureNODE`, seen by particles.

    The control space is that of a `MeasureNODE` with the same metric, layers and band: the same coefficients move a
    density and a cloud of points. Fields are evaluated at the points to 1e-12 by non-uniform Fourier transforms.

    Parameters
    ----------
    points : array (N, d)
        x(0), d = 1, 2 or 3, in sides of the torus.
    metric : SobolevMetric
    layers : int
        L.
    band : int or tuple of int
        Largest |k_j| of the control.
    substeps : int
        Runge-Kutta steps per layer.
    threads : int, optional
        For the transforms; all processors if not given.
    scheme : str
        The Runge-Kutta method, "rk3", "rk4" or "rk5" by its order.

    Attributes
    ----------
    space : VelocitySpace
    output_space : Euclidean
        (N, d). Positions are not wrapped into [0, 1), so that they depend smoothly on the control.

    Raises
    ------
    InputError
        If the points are not a matrix of finite numbers, or a number is out of range.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.array([[0.9], [0.1]])
    >>> model = tfl.TorusNODE(x, tfl.SobolevMetric(3.0, 0.1), layers=2, band=4)
    >>> bool(np.allclose(model(model.space.zeros()), x))
    True
    """

    points: np.ndarray
    metric: SobolevMetric
    layers: int = 10
    band: int | tuple[int, ...] = 16
    substeps: int = 4
    threads: int | None = None
    scheme: str = scheme_field()
    space: VelocitySpace = field(init=False, repr=False)
    output_space: Euclidean = field(init=False, repr=False)
    flow: ParticleFlow = field(init=False, repr=False)

    def __post_init__(self):
        points = checked_rows(self.points)
        if points.shape[1] > 3:
            raise InputError(f"TorusNODE: the torus has 1, 2 or 3 axes, so points are (N, 1..3), got {points.shape}.")
        if not isinstance(self.metric, SobolevMetric):
            raise InputError(
                f"TorusNODE: metric must be a SobolevMetric, such as tfl.SobolevMetric(3.0, 0.1), got {self.metric!r}."
            )
        flow = ParticleFlow(self.layers, self.substeps, find_scheme(self.scheme))
        torus = torus_of_band("TorusNODE", self.band, points.shape[1], self.threads)
        space = VelocitySpace(torus, self.metric, flow.layers, self.band)
        settle(
            self,
            points=points,
            band=space.band,
            space=space,
            output_space=Euclidean(points.shape),
            flow=flow,
        )

    def __call__(self, v) -> np.ndarray:
        """x(1), array (N, d)."""
        fields = [self._field(layer) for layer in self.space.element(v)]
        return self.flow.push(self.points, fields.__getitem__)

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in."""
        return self.points

    def rows(self, output) -> np.ndarray:
        """An output, which has one point per row."""
        return output

    def trajectory(self, v) -> np.ndarray:
        """The points at s = 0, 1/L, ..., 1, array (layers + 1, N, d)."""
        fields, kept = [self._field(layer) for layer in self.space.element(v)], [self.points]
        self.flow.push(self.points, fields.__getitem__, visit=lambda layer, x: kept.append(x))
        return np.stack(kept)

    def describe(self) -> dict[str, str]:
        """Points, control and scheme in words."""
        n, d = self.points.shape
        return {
            "points": f"{n} on a torus of dimension {d}",
            "control": str(self.space),
            "scheme": f"{self.scheme}, {self.substeps} steps per layer, {self.space.torus.threads} threads",
        }

    def part(self, rows) -> TorusNODE:
        """The same model at some of the points."""
        points = self.points[checked_choice(rows, len(self.points))]
        return copy_with(self, points=points, output_space=Euclidean(points.shape))

    def starting(self, points) -> TorusNODE:
        """The same network from other points (N, d)."""
        points = checked_rows(points, self.points.shape[1])
        return copy_with(self, points=points, output_space=Euclidean(points.shape))

    def restarted(self, output) -> TorusNODE:
        """The first layer of this model, of length one, from points (N, d) reached."""
        return replace(self, points=output, layers=1)

    def linearise(self, v) -> ParticleLinearisation:
        """The flow with tangent and adjoint; keeps the points at every stage."""
        v = self.space.element(v).copy()
        return ParticleLinearisation(self.flow, self.points, self.space, v, self._field, self._riesz)

    def derivative_bounds(self, v) -> DerivativeBounds:
        """How fast the derivative changes (`torusflow.models.flow_bounds.flow_lipschitz`)."""
        constants = FieldConstants(*self.metric.embedding(self.space.band))
        norms = layer_norms(self.space, self.space.element(v))
        return DerivativeBounds(flow_lipschitz(self.flow, constants, len(self.points), norms))

    def _field(self, coefficients) -> BandField:
        return BandField(self.space, coefficients)

    def _riesz(self, points, momenta) -> np.ndarray:
        return self.space.riesz(momentum_coefficients(self.space, points, momenta))
