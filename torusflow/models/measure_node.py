"""Densities on the torus pushed by the flow of a control."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arguments import checked_whole
from ..errors import NumericalError
from ..hilbert import norm
from ..model import DerivativeBounds
from ..torus.density import DensitySpace
from ..transport.continuity import ContinuityEquation
from ..transport.flow_map import FlowMap
from .flow_bounds import bounded_exp, growth, layer_norms
from .grid_node import GridNODE


@dataclass(frozen=True, eq=False)
class MeasureNODE(GridNODE):
    """v -> rho_1, where d_s rho = -div(rho v_s) and rho_0 is given: the neural ODE on measures.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
        Of the velocity fields.
    initial : Density
        rho_0. The scheme pushes its modes |k_j| <= M_j only (see `ContinuityEquation.modes`).
    layers : int
        L, the depth: the control is constant on each of L layers.
    band : int or tuple of int, optional
        Largest |k_j| of the control; by default (n_j - 1) // 3.
    substeps : int or None
        Runge-Kutta steps per layer; None takes enough for every speed up to one side of the torus per unit time.
    stages : {"auto", "kept", "recomputed"}
        Whether a linearisation keeps the density at every stage and the velocity of every layer, or recomputes them,
        densities from checkpoints, in every sweep: less memory, a push more for each tangent and adjoint, the same
        results to the last bit. "auto" keeps them where they take at most a third of the memory that is free when the
        model is made.
    scheme : str
        The Runge-Kutta method, "rk3", "rk4" or "rk5" by its order.
    components : tuple of int, optional
        The axes along which mass is moved, all of them if not given.

    Attributes
    ----------
    keeps_stages : bool
        What was chosen.
    gradient_memory : int
        Bytes that what is kept, or the checkpoints and what is recomputed from them, take.
    space : VelocitySpace
        Of the control v.
    output_space : DensitySpace
        Of rho_1.
    equation : ContinuityEquation
        The discrete scheme.

    Raises
    ------
    InputError
        If the density lives on another torus, or layers, band or substeps cannot be used.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> v = model.space.zeros()
    >>> float(torus.mean(model(v)))
    1.0
    """

    _equation = ContinuityEquation
    _outputs = DensitySpace

    def __post_init__(self):
        super().__post_init__()
        self.metric.warn_if_rough(self.torus.dimension)

    def log_density(self, v, points) -> np.ndarray:
        """log rho_1 at points (N, d) by the flow map of v, array (N,); positive where the spectral scheme may not be.

        Raises
        ------
        NumericalError
            If the map folds, or rho_0 vanishes where a point comes from.
        """
        density = FlowMap(self, v).push_forward_density(self.initial, points)
        if np.any(density <= 0):
            raise NumericalError(
                f"the initial density vanishes where {np.count_nonzero(density <= 0)} of {len(density)} points come "
                f"from, so the logarithm of the density is not finite there."
            )
        return np.log(density)

    def sample(self, v, n: int, rng: np.random.Generator) -> np.ndarray:
        """n points of rho_1 in [0, 1)^d, array (n, d): points of rho_0 moved by the flow map of v."""
        return FlowMap(self, v)(self.initial.sample(checked_whole("n", n), rng)) % 1.0

    def reach(self, p) -> np.ndarray:
        """The kept modes of p without its mean: mass is conserved, and the scheme has no others."""
        kept = self.torus.truncate(p, self.equation.modes)
        return kept - self.torus.mean(kept)

    def derivative_bounds(self, v) -> DerivativeBounds:
        """How fast the derivative changes.

        Notes
        -----
        In L^2 |A(v) rho| <= 2 pi |M| max |v| |rho| <= c |v|_V |rho|, M the largest modes kept. A step is a polynomial
        of A with coefficients r_i <= theta^i / i!, so that rho_1, a polynomial of the A(v_l), has derivatives of no
        more than those of exp(theta c int |v|_V): |D^2 F| <= (theta c)^2 exp(theta c (|w|_1 + R)) |rho_0|, |w|_1 the
        mean of |w_l|_V. These are bounds for the worst field of the band, which is why certified radii are small.
        """
        theta, _ = growth(self.equation.scheme)
        fastest = 2 * math.pi * math.hypot(*self.equation.modes) * self.metric.embedding(self.space.band)[0]
        rate, norms = theta * fastest, layer_norms(self.space, self.space.element(v))
        size = norm(self.output_space, self.equation.evaluate(self._start))
        mean = sum(norms) / len(norms)
        return DerivativeBounds(lambda radius: rate**2 * bounded_exp(rate * (mean + radius)) * size)

    def _field_of(self, initial) -> np.ndarray:
        return initial.values
