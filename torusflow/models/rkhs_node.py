"""Neural ordinary differential equations on R^d whose fields lie in a Hilbert space of fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..arguments import checked_choice, checked_rows, copy_with, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean
from ..model import DerivativeBounds
from ..transport.particles import ParticleFlow
from ..transport.runge_kutta import POINT_SCHEMES, find_scheme, scheme_field
from .features import Features, RandomFourierFeatures
from .flow_bounds import flow_lipschitz, layer_norms
from .kernel_field import KernelField
from .kernel_span import KernelSpan
from .particle_linearisation import ParticleLinearisation


@dataclass(frozen=True, eq=False)
class RKHSNODE(OneLine):
    """v -> x(1), dx/ds = v_s(x), v constant on L layers and linear in its coefficients.

    Parameters
    ----------
    x : array (N, d)
        x(0), one point per row.
    family : Features, RandomFourierFeatures, KernelField or KernelSpan
        v = W phi(x), or v = sum_j k(x, c_j) a_j with the inner product of the kernel's Hilbert space; of that as a
        whole with a `KernelSpan` from `torusflow.whole_space`.
    layers : int
        L.
    substeps : int
        Runge-Kutta steps per layer.
    scheme : str
        The Runge-Kutta method, "euler", "rk3", "rk4" or "rk5" by its order. Euler's with one step per layer is the
        residual network x_(l+1) = x_l + v_l(x_l)/L.

    Attributes
    ----------
    space : Euclidean
        <v, w> = (1/L) sum_l <v_l, w_l>_V.
    output_space : Euclidean
        (N, d).

    Raises
    ------
    InputError
        If the points are not a matrix of finite numbers, or the family does not fit them.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.random.default_rng(0).standard_normal((20, 2))
    >>> model = tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 100), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(-x))
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), iterations=40)
    >>> run.value < 0.5 * risk(model.space.zeros())
    True
    """

    x: np.ndarray
    family: Features | RandomFourierFeatures | KernelField | KernelSpan
    layers: int = 10
    substeps: int = 1
    scheme: str = scheme_field()
    space: Euclidean = field(init=False, repr=False)
    output_space: Euclidean = field(init=False, repr=False)
    flow: ParticleFlow = field(init=False, repr=False)

    def __post_init__(self):
        x = checked_rows(self.x)
        if not isinstance(self.family, Features | RandomFourierFeatures | KernelField | KernelSpan):
            raise InputError(
                f"RKHSNODE moves points by Features, RandomFourierFeatures, a KernelField or a KernelSpan, "
                f"got a {type(self.family).__name__}."
            )
        flow = ParticleFlow(self.layers, self.substeps, find_scheme(self.scheme, POINT_SCHEMES))
        settle(
            self,
            x=x,
            space=self.family.space(flow.layers, x.shape[1]),
            output_space=Euclidean(x.shape),
            flow=flow,
        )

    def __call__(self, v) -> np.ndarray:
        """x(1), array (N, d)."""
        fields = self._fields(v)
        return self.flow.push(self.x, fields.__getitem__)

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in."""
        return self.x

    def rows(self, output) -> np.ndarray:
        """An output, which has one point per row."""
        return output

    def trajectory(self, v) -> np.ndarray:
        """The points at s = 0, 1/L, ..., 1, array (layers + 1, N, d)."""
        points = [self.x]
        self.flow.push(self.x, self._fields(v).__getitem__, visit=lambda layer, x: points.append(x))
        return np.stack(points)

    def part(self, rows) -> RKHSNODE:
        """The same model at some of the points."""
        x = self.x[checked_choice(rows, len(self.x))]
        return copy_with(self, x=x, output_space=Euclidean(x.shape))

    def starting(self, points) -> RKHSNODE:
        """The same network from other points (N, d)."""
        x = checked_rows(points, self.x.shape[1])
        return copy_with(self, x=x, output_space=Euclidean(x.shape))

    def restarted(self, output) -> RKHSNODE:
        """The first layer of this model, of length one, from points (N, d) reached."""
        return replace(self, x=output, layers=1)

    def linearise(self, v) -> ParticleLinearisation:
        """The flow with tangent and adjoint; keeps the points at every stage."""
        v = self.space.element(v).copy()
        return ParticleLinearisation(self.flow, self.x, self.space, v, self.family.field, self.family.riesz)

    def derivative_bounds(self, v) -> DerivativeBounds:
        """How fast the derivative changes (`torusflow.models.flow_bounds.flow_lipschitz`).

        Raises
        ------
        InputError
            If the fields are those of `Features`, of which nothing is known.
        """
        norms = layer_norms(self.space, self.space.element(v))
        return DerivativeBounds(flow_lipschitz(self.flow, self.family.constants(), len(self.x), norms))

    def _fields(self, v) -> list:
        return [self.family.field(layer) for layer in self.space.element(v)]
