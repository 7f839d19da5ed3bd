"""Logarithms of densities on the torus, carried by the flow of a control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import settle
from ..errors import InputError
from ..torus.densities import uniform
from ..torus.density import Density, LogDensitySpace
from ..torus.grid import Torus
from ..torus.log_density import NormalisedDensity, log_masses
from ..torus.scattered import checked_points
from ..transport.log_continuity import LogContinuityEquation
from .grid_node import GridNODE

# A density is resolved if the means of exp(u) over grids four times and twice as fine differ by less, in nats.
LARGEST_CHANGE = 1e-3


class Resolution(NamedTuple):
    """Outcome of `LogDensityNODE.resolution`.

    Attributes
    ----------
    tail : float
        Share of the variance of u over the torus in the outer third of the modes.
    change : float
        log Z on four times the grid less that on twice the grid: by this many nats training, which takes the latter,
        has overestimated the density. Of a conditional density, the largest change over the conditions.
    log_mass : float
        log Z, of exp(u) before it is normalised: zero but for what the scheme truncates, so a measure of how much
        exp(u)/Z and the density that the flow map of the same control makes may differ; likewise the largest.
    """

    tail: float
    change: float
    log_mass: float

    @property
    def passed(self) -> bool:
        """Whether the grid is fine enough."""
        return abs(self.change) < LARGEST_CHANGE

    def __str__(self):
        verdict = "its mass is one" if self.passed else "WRONG: use a finer grid or a larger penalty"
        return (
            f"log Z of the density exp(u)/Z changes by {self.change:+.1e} nats from a grid twice to one four times as "
            f"fine: {verdict}. Share of the variance of u in the outer third of its modes {self.tail:.1e}; log Z "
            f"{self.log_mass:+.2g}, zero where the flow itself is resolved"
        )


@dataclass(frozen=True, eq=False)
class LogDensityNODE(GridNODE):
    """v -> u_1, where d_s u = -v.grad u - div v and u_0 = log rho_0: the logarithm of a density that a control moves.

    This is `MeasureNODE`'s continuity equation for the logarithm, by the same scheme: what comes out is the density
    exp(u_1)/Z, which is positive and of mass one whatever the grid resolves. With the loss `NormalisedLikelihood`
    training is maximum likelihood, and a gradient takes the same time for any number of samples. `log_density` and
    `sample` are those of exp(u_1)/Z. The flow map of v (`torusflow.FlowMap`) makes a density of rho_0 that differs
    from it by what the grid does not resolve (`resolution`).

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
        Of the velocity fields.
    initial : Density, optional
        rho_0, positive; uniform if not given. The scheme carries the modes |k_j| <= M_j of its logarithm only.
    layers, band, substeps, stages, scheme
        As those of `MeasureNODE`.
    components : tuple of int, optional
        The axes along which the control moves, all of them if not given. Where they are some, the others are
        conditions: the density is the conditional one of these axes, p(y | x), of mass one for each x.

    Attributes
    ----------
    given : tuple of int
        The axes of the conditions.
    keeps_stages, gradient_memory, space, equation
        As those of `MeasureNODE`.
    output_space : LogDensitySpace
        Of u_1, which is not normalised.

    Raises
    ------
    InputError
        If the density lives on another torus or vanishes somewhere, or layers, band or substeps cannot be used.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3.0, 0.1), layers=2)
    >>> float(abs(model(model.space.zeros())).max())
    0.0
    """

    initial: Density | None = None

    _equation = LogContinuityEquation
    _outputs = LogDensitySpace

    def __post_init__(self):
        if self.initial is None and isinstance(self.torus, Torus):
            settle(self, initial=uniform(self.torus))
        super().__post_init__()
        settle(self, output_space=LogDensitySpace(self.torus, self.given))

    @property
    def given(self) -> tuple[int, ...]:
        """The axes of the conditions."""
        return tuple(axis for axis in range(self.torus.dimension) if axis not in self.space.components)

    def density(self, v) -> NormalisedDensity:
        """exp(u_1)/Z, to be evaluated and sampled many times."""
        return NormalisedDensity(self.torus, self(v), self.given)

    def log_density(self, v, points) -> np.ndarray:
        """u_1(x) - log Z at points (N, d), array (N,); between grid points u_1 is its Fourier series."""
        points = checked_points(points, self.torus.dimension)
        return self.density(v).log_density(points)

    def sample(self, v, n: int, rng: np.random.Generator, conditions=None) -> np.ndarray:
        """n independent points of exp(u_1)/Z in [0, 1)^d, array (n, d), with conditions (n, number of given axes).

        The conditions are uniform if not given; see `NormalisedDensity.sample`.
        """
        return self.density(v).sample(n, rng, conditions)

    def resolution(self, v) -> Resolution:
        """Whether the grid resolves the density: the tail of u_1, and Z on grids twice and four times as fine."""
        u = self(v)
        two, four = (log_masses(self.torus, u, times, self.given) for times in (2, 4))
        change = four[tuple(slice(None, None, 2 if n > 1 else 1) for n in four.shape)] - two
        return Resolution(self.tail(u), _largest(change), _largest(four))

    def _field_of(self, initial) -> np.ndarray:
        lowest = self.torus.minimum(initial.values)
        if not lowest > 0:
            raise InputError(
                "LogDensityNODE: the initial density vanishes somewhere, and its logarithm is carried. Use a positive "
                "one: leave it out for the uniform one, or add a floor."
            )
        return np.log(initial.values)


def _largest(values) -> float:
    """That of largest modulus."""
    return float(values.flat[np.argmax(np.abs(values))])
