"""Densities on the torus pushed along a geodesic of diffeomorphisms: the control is its initial velocity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..arguments import checked_whole, settle
from ..display import OneLine
from ..errors import InputError
from ..geodesic.epdiff import EPDiff
from ..torus.control import VelocitySpace
from ..torus.density import Density, DensitySpace
from ..torus.grid import Torus
from ..torus.placement import Placement
from ..torus.sobolev import SobolevMetric
from ..transport.runge_kutta import find_scheme, scheme_field


@dataclass(frozen=True, eq=False)
class GeodesicNODE(OneLine):
    """u_0 -> rho_1, where d_t rho = -div(rho u_t), rho_0 is given and u_t is the geodesic from u_0: shooting [1]_.

    The velocity follows EPDiff (`torusflow.geodesic.shoot`), so one field u_0 says all, and |u_0|_V^2 is the energy of
    the whole path: a `Risk` with a penalty matches densities along a geodesic. Of all controls of a `MeasureNODE` with
    the same output such a path has, locally, the least norm.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
        Smoothness at least 1.
    initial : Density
        rho_0.
    band : int or tuple of int, optional
        Largest |k_j| of u_0; by default (n_j - 1) // 3, which u_t has in any case.
    steps : int
        Runge-Kutta steps over [0, 1], which move velocity and density together.
    scheme : str
        The Runge-Kutta method, "rk3", "rk4" or "rk5" by its order.

    Attributes
    ----------
    space : VelocitySpace
        Of u_0, as a control of one layer.
    output_space : DensitySpace
        Of rho_1.
    equation : EPDiff
        The discrete scheme; tangent and adjoint are exact for it.

    Raises
    ------
    InputError
        If the density lives on another torus, the metric is too rough, or band or steps cannot be used.

    References
    ----------
    .. [1] M. I. Miller, A. Trouve, L. Younes, Geodesic shooting for computational anatomy, J. Math. Imaging Vis. 24
       (2006) 209-228, doi:10.1007/s10851-005-3624-0.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.GeodesicNODE(torus, tfl.SobolevMetric(3.0, 0.2), tfl.densities.von_mises(torus), steps=4)
    >>> model(model.space.zeros()).shape
    (16, 16)
    """

    torus: Torus
    metric: SobolevMetric
    initial: Density
    band: int | tuple[int, ...] | None = None
    steps: int = 20
    scheme: str = scheme_field()
    layers: ClassVar[int] = 1
    space: VelocitySpace = field(init=False, repr=False)
    output_space: DensitySpace = field(init=False, repr=False)
    equation: EPDiff = field(init=False, repr=False)
    _start: np.ndarray = field(init=False, repr=False)
    _placement: Placement = field(init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.torus, Torus) or not isinstance(self.metric, SobolevMetric):
            raise InputError("GeodesicNODE(torus, metric, initial, ...) takes a Torus and a SobolevMetric first.")
        if not isinstance(self.initial, Density) or self.initial.torus != self.torus:
            raise InputError(
                f"the initial density must be a Density on {self.torus!r}. Use tfl.densities.uniform(torus) or "
                f"tfl.densities.from_array(torus, values)."
            )
        space = VelocitySpace(self.torus, self.metric, self.layers, self.band)
        self.metric.warn_if_rough(self.torus.dimension)
        equation = EPDiff(self.torus, self.metric, densities=1, scheme=find_scheme(self.scheme))
        settle(
            self,
            steps=checked_whole("steps", self.steps),
            space=space,
            output_space=DensitySpace(self.torus),
            equation=equation,
            band=space.band,
            _start=equation.project(self.initial.values),
            _placement=Placement(space),
        )

    def __reduce__(self):
        return GeodesicNODE, (self.torus, self.metric, self.initial, self.band, self.steps, self.scheme)

    def __call__(self, u0) -> np.ndarray:
        """rho_1, array (*n).

        Raises
        ------
        InputError
            If u0 is not a control of this model.
        UnstableError
            If the velocity is too fast for a step; names the time and the steps it needs.
        NumericalError
            If the geodesic becomes finer than the grid, or its energy drifts; names the time.
        """
        return self.trajectory(u0)[-1]

    def linearise(self, u0) -> GeodesicLinearisation:
        """The push with its tangent and exact adjoint; keeps velocity and density after every step."""
        return GeodesicLinearisation(self, self._push(u0))

    def trajectory(self, u0) -> np.ndarray:
        """rho_0 and rho_1, array (2, *n)."""
        states = self._push(u0)
        return self.torus.inverse(states[[0, -1], -1])

    def describe(self) -> dict[str, str]:
        """Initial density, torus, control and scheme in words."""
        return {
            "initial": self.initial.name,
            "torus": str(self.torus),
            "control": f"initial velocity of a geodesic, {self.space}",
            "scheme": f"{self.scheme}, {self.steps} steps",
        }

    def velocity(self, u0) -> np.ndarray:
        """u at times 0, 1/steps, ..., 1, array (steps + 1, d, *n)."""
        return self.torus.inverse(self._push(u0)[:, :-1])

    def _push(self, u0) -> np.ndarray:
        return self.equation.push(self._state(u0, self._start), self.steps)

    def _state(self, u0, density_hat) -> np.ndarray:
        state = self.torus.zeros((self.torus.dimension + 1, *self.torus.spectral_shape), complex)
        state[:-1] = self._placement.spectrum(self.space.element(u0)[0])
        state[-1] = density_hat
        return state


class GeodesicLinearisation:
    """A push along a geodesic, its derivative in u_0 and the transpose of that (`torusflow.model.Linearisation`).

    Attributes
    ----------
    output : array (*n)
        rho_1.
    """

    def __init__(self, model: GeodesicNODE, states):
        self.output = model.torus.inverse(states[-1, -1])
        self._model, self._states = model, states

    def tangent(self, du0) -> np.ndarray:
        """The change of rho_1 for the change du0 of the initial velocity, array (*n)."""
        model = self._model
        return model.torus.inverse(model.equation.push_tangent(self._states, model._state(du0, 0.0))[-1])

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, du0>_V = mean(p tangent(du0)) for all du0, complex array.

        Parameters
        ----------
        p : array (*n)
            Usually the first variation of a loss.
        """
        model = self._model
        weight = model._state(model.space.zeros(), model.equation.project(model.output_space.element(p)))
        return model._placement.layer(model.equation.push_transpose(self._states, weight)[:-1])[None]
