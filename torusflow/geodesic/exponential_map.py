"""The Riemannian exponential map of diffeomorphisms, its logarithm, and the distance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..arguments import check_kind, checked_tolerance
from ..backends import to_host
from ..display import OneLine
from ..errors import NumericalError, TorusflowError
from ..torus.grid import Torus
from ..torus.scattered import checked_points
from ..torus.sobolev import SobolevMetric
from ..transport.diffeomorphism import Diffeomorphism
from .derivative import Derivative, pulled_back
from .shooting import Path, shoot, undivided

# Newton's method for the logarithm: iterations, halvings of a step, and how far its linear systems are solved.
NEWTON_ITERATIONS, HALVINGS = 40, 10
LINEAR_TOLERANCE, KRYLOV_DIMENSION = 0.03, 40
# By what share of its displacement a map may differ from every geodesic that the grid can carry.
LARGEST_MISFIT = 1e-3


@dataclass(frozen=True, eq=False)
class Exponential(OneLine):
    """phi(x) = x(1), dx/dt = u_t(x), x(0) = x, along the geodesic u_t from u_0: what `exponential` gives.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    velocity : array (d, *n)
        u_0.
    tolerance : float

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((24,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.05 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> phi = tfl.geodesic.exponential(torus, metric, u0)
    >>> phi(np.array([[0.0]])).shape
    (1, 1)
    """

    torus: Torus
    metric: SobolevMetric
    velocity: np.ndarray
    tolerance: float = 1e-10

    def __call__(self, points) -> np.ndarray:
        """phi(x), array (N, d), not wrapped, at points (N, d)."""
        x = checked_points(points, self.torus.dimension)
        path = Path(self.torus, self.metric, self.velocity, self.tolerance, x)
        return next(path.follow((1.0,)))[1]


def exponential(torus: Torus, metric: SobolevMetric, u0, tolerance: float = 1e-10) -> Exponential:
    """phi = exp(u_0): the diffeomorphism at time 1 of the geodesic from the identity with initial velocity u_0.

    Points are moved with the geodesic, not interpolated. exp(t u_0) is the diffeomorphism at time t, and with u_1 the
    velocity at time 1 exp(-u_1) is the inverse.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    u0 : array (d, *n)
    tolerance : float
        Error of a time step, relative to |u_0|_V for velocities, in sides of the torus for points.

    Returns
    -------
    Exponential
        A function of points (N, d).

    Raises
    ------
    InputError, NumericalError
        As `shoot`; the latter when points are given.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((32,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.1 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> phi = tfl.geodesic.exponential(torus, metric, u0)
    >>> bool(np.allclose(tfl.geodesic.logarithm(torus, metric, phi), u0, atol=1e-8))
    True
    """
    Path(torus, metric, u0, tolerance)  # to refuse now what cannot be shot
    return Exponential(torus, metric, np.array(to_host(u0), float), tolerance)


def logarithm(torus: Torus, metric: SobolevMetric, phi: Callable, tolerance: float = 1e-10) -> np.ndarray:
    """u_0 with exp(u_0) = phi, array (d, *n): the initial velocity of the geodesic from the identity to phi.

    Newton's method for P D phi_u^(-1) (phi - phi_u) = 0 on the grid, phi_u = exp(u), P onto the modes of velocities.
    Where there are several geodesics it finds the one that continues the first step, u = phi - id; far from the
    identity it need not be the shortest.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    phi : callable
        From points (N, d) to points, not wrapped: a `Diffeomorphism(torus, displacement)`, an `exponential`, a
        `FlowMap`, or a function.
    tolerance : float
        Root mean square of P D phi_u^(-1) (phi - phi_u), in sides of the torus; between 1e-12 and 1e-3.

    Raises
    ------
    InputError
        If phi is not a diffeomorphism on this grid.
    NumericalError
        If Newton's method does not converge, or phi is finer than the grid.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((24,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.05 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> phi = tfl.geodesic.exponential(torus, metric, u0)
    >>> bool(np.allclose(tfl.geodesic.logarithm(torus, metric, phi), u0, atol=1e-6))
    True
    """
    tolerance, equation = checked_tolerance(tolerance, 1e-12, 1e-3), undivided(torus, metric)
    goal = Diffeomorphism.sampled(torus, phi).displacement

    def reached(u):
        # On the way to a resolved geodesic there may be others.
        return Diffeomorphism.sampled(
            torus, lambda x: next(Path(torus, metric, u, tolerance / 10, x, largest_tail=math.inf).follow((1.0,)))[1]
        )

    at, u, gap = Diffeomorphism(torus, np.zeros_like(goal)), np.zeros_like(goal), goal
    for _ in range(NEWTON_ITERATIONS):
        missed = torus.norm(pulled_back(at, gap, equation.modes))
        if missed <= tolerance:
            break
        direction, refusal = _solve(Derivative(equation, metric, u), at, gap), ""
        for halvings in range(HALVINGS):
            trial = u + direction / 2**halvings
            try:
                at = reached(trial)
            except TorusflowError as error:
                refusal = f" The last geodesic tried was refused: {error}"
                continue
            gap = goal - at.displacement
            if torus.norm(pulled_back(at, gap, equation.modes)) < missed:
                break
        else:
            raise _not_found(missed, refusal)
        u = trial
    else:
        raise _not_found(missed)
    if torus.norm(gap) > max(LARGEST_MISFIT * torus.norm(goal), 10 * tolerance):
        raise NumericalError(
            f"the map is finer than the grid {torus.shape}: no geodesic there comes closer to it than "
            f"{torus.norm(gap):.1e}. Use a finer grid."
        )
    try:
        shoot(torus, metric, u)
    except TorusflowError as error:
        raise NumericalError(f"the geodesic to this map cannot be shot: {error}") from None
    return torus.asarray(u)


def lifted_distance(
    torus: Torus, metric: SobolevMetric, phi: Callable, psi: Callable, tolerance: float = 1e-10
) -> float:
    """d(phi, psi) = |log(phi o psi^(-1))|_V between maps of R^d that commute with whole turns, not wrapped.

    The length of the geodesic; d(phi o eta, psi o eta) is the same. x + 0.9 and x - 0.1, one map of the torus, are 1
    apart. Parameters and errors are those of `distance`.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((24,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.05 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> phi = tfl.geodesic.exponential(torus, metric, u0)
    >>> round(tfl.geodesic.lifted_distance(torus, metric, phi, lambda x: x), 6)
    0.160975
    """
    undivided(torus, metric)  # to refuse what has no geodesics before anything is sampled
    return _length(torus, metric, _quotient(torus, phi, psi), tolerance)


def distance(torus: Torus, metric: SobolevMetric, phi: Callable, psi: Callable, tolerance: float = 1e-10) -> float:
    """The least of d(phi + k, psi) over whole turns k: the distance between maps of the torus, right-invariant.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    phi, psi : callable
        As `logarithm` takes them.
    tolerance : float
        Of the logarithm.

    Returns
    -------
    float
        That of the shortest geodesic which `logarithm` finds, for the turns that bring the mean displacement nearest to
        zero and those next to them. Some of these are not tried: along a geodesic no point goes further than c times
        its length, where |u(x)| <= c |u|_V.

    Raises
    ------
    InputError, NumericalError
        As `logarithm`, and if psi cannot be inverted.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((24,)), tfl.SobolevMetric(2.0, 0.3)
    >>> u0 = 0.05 * np.sin(2 * np.pi * torus.points[0])[None]
    >>> phi = tfl.geodesic.exponential(torus, metric, u0)
    >>> round(tfl.geodesic.distance(torus, metric, phi, lambda x: x), 6)
    0.160975
    """
    equation = undivided(torus, metric)  # to refuse what has no geodesics before anything is sampled
    quotient = _quotient(torus, phi, psi)
    displacement = Diffeomorphism.sampled(torus, quotient).displacement.reshape(torus.dimension, -1).T
    fastest, nearest = metric.embedding(equation.modes)[0], -np.round(displacement.mean(axis=0))

    def shortest(turns):
        return float(np.sqrt(((displacement + turns) ** 2).sum(axis=1).max())) / fastest

    least, refusal = math.inf, None
    for turns in sorted(
        (nearest + step for step in itertools.product((-1, 0, 1), repeat=torus.dimension)), key=shortest
    ):
        if shortest(turns) >= least:
            break
        try:
            least = min(least, _length(torus, metric, lambda x, turns=turns: quotient(x) + turns, tolerance))
        except NumericalError as error:
            refusal = refusal or error
    if least == math.inf:
        raise cast(NumericalError, refusal)
    return least


def displacement_norm(torus: Torus, metric: SobolevMetric, phi: Callable) -> float:
    """|phi - id|_V, the norm in H^s of the displacement of a map that is not wrapped.

    No distance, since it changes when both maps are composed with a third; near the identity it is the distance from
    it, to first order.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    phi : callable
        As `logarithm` takes it.

    Raises
    ------
    InputError
        If phi is not a diffeomorphism on this grid.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus, metric = tfl.Torus((32,)), tfl.SobolevMetric(2.0, 0.1)
    >>> shift = tfl.Diffeomorphism(torus, np.full((1, 32), 0.3))
    >>> round(tfl.geodesic.displacement_norm(torus, metric, shift), 12)
    0.3
    """
    check_kind("metric", metric, SobolevMetric, "tfl.SobolevMetric(3.0, 0.1)")
    displacement = Diffeomorphism.sampled(torus, phi).displacement
    xi = torus.asarray(displacement)
    return math.sqrt(torus.inner(xi, metric.roughen(torus, xi)))


def _quotient(torus: Torus, phi: Callable, psi: Callable) -> Callable:
    """phi o psi^(-1)."""
    _, inverse = Diffeomorphism.sampled(torus, phi), Diffeomorphism.sampled(torus, psi).inverse
    return lambda x: phi(inverse(x))


def _length(torus: Torus, metric: SobolevMetric, phi: Callable, tolerance: float) -> float:
    """|log phi|_V."""
    u0 = logarithm(torus, metric, phi, tolerance)
    return math.sqrt(torus.inner(u0, metric.roughen(torus, u0)))


def _not_found(missed: float, refusal: str = "") -> NumericalError:
    return NumericalError(
        f"no geodesic to this map was found: Newton's method stops at a distance of {missed:.1e}. Use a finer grid "
        f"or a larger tolerance, or go there in several geodesics.{refusal}"
    )


def _solve(derivative: Derivative, at: Diffeomorphism, gap) -> np.ndarray:
    """du_0 such that the displacement changes by the gap, nearly.

    Pulled back to the start by D phi^(-1), the derivative is the integral of Ad K Ad* along the geodesic up to smoother
    terms, so close to symmetric and positive in V. GMRES works there.

    Parameters
    ----------
    derivative : Derivative
        At u_0.
    at : Diffeomorphism
        exp(u_0).
    gap : array (d, *n)
    """
    from scipy.sparse.linalg import LinearOperator, gmres

    equation = derivative.equation
    torus, kept, root = equation.torus, equation.kept, np.sqrt(equation.symbol)

    def weighed(displacement):
        return to_host(torus.filter(pulled_back(at, displacement, equation.modes), root)).ravel()

    def velocity(v):
        return to_host(torus.filter(v.reshape(gap.shape), kept / root))

    operator = LinearOperator(
        (gap.size, gap.size),
        lambda v: weighed(derivative(velocity(v))),
        dtype=float,  # pyright: ignore[reportCallIssue]  # read by __new__, not by the __init__ that stands there
    )
    limits: dict[str, Any] = {"rtol": LINEAR_TOLERANCE, "atol": 0.0, "restart": KRYLOV_DIMENSION, "maxiter": 1}
    return velocity(gmres(operator, weighed(gap), **limits)[0])
