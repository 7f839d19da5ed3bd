"""How fast the derivative of a flow of points changes with its control: constants of certificates."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from ..hilbert import HilbertSpace, norm
from ..transport.particles import ParticleFlow
from ..transport.runge_kutta import Tableau


class FieldConstants(NamedTuple):
    """|v(x)| <= value |v|_V, |Dv(x)| <= slope |v|_V and |D^2 v(x)| <= bend |v|_V at every x, in operator norms."""

    value: float
    slope: float
    bend: float


def layer_norms(space: HilbertSpace, w) -> list[float]:
    """|w_l|_V for every layer of an element of L^2([0, 1], V)."""
    norms = []
    for layer in range(len(w)):
        alone = space.zeros()
        alone[layer] = w[layer]
        norms.append(norm(space, alone) * math.sqrt(len(w)))
    return norms


def flow_lipschitz(
    flow: ParticleFlow, constants: FieldConstants, count: int, norms: list[float]
) -> Callable[[float], float]:
    """Radius -> kappa with |DF(u) - DF(u')| <= kappa |u - u'| for the final points F of a flow.

    Parameters
    ----------
    flow : ParticleFlow
    constants : FieldConstants
    count : int
        Points.
    norms : list of float
        |w_l|_V of the control in the middle.

    Notes
    -----
    Let c_0, c_1, c_2 be the constants, mu_l = |u_l|_V and delta_l = |dw_l|_V with (1/L) sum delta_l^2 <= 1, and take
    one point. Along u + t dw its first and second derivatives e and q obey, for the differential equation,

        e' <= c_1 mu e + c_0 delta,    q' <= c_1 mu q + c_2 mu e^2 + 2 c_1 delta e.                         (1)

    With E_s = exp(c_1 int_0^s mu) the first gives e <= c_0 E_s D_s, D_s = int_0^s delta <= 1, and the second

        q <= c_0 E (c_1 + c_0 (c_2/c_1) (E - 1)),    E = exp(c_1 (|w|_1 + R)) >= E_1,                       (2)

    |w|_1 = (1/L) sum |w_l|. That is the second derivative of the map from controls to a point; |D^2 F| of n points is
    at most sqrt n times as much, and bounds how fast DF changes.

    A Runge-Kutta step with moduli |a_mj|, |b_m|, row sums of both at most sigma >= 1, and alpha = h c_1 mu obeys
    instead: e_m <= G (e + sigma h c_0 delta) at stages and e+ <= exp(theta alpha) e + sigma G h c_0 delta after it,
    with G = sum_(i <= stages) (sigma alpha)^i, and theta such that |b| |A|^(i-1) 1 <= theta^i / i!, one for the
    classical method. The same for q. So E has the exponent theta c_1 (|w|_1 + R), and (2) becomes

        q <= c_0 E ((sigma G)^3 (1 + h) c_1 + (sigma G)^5 c_0 (c_2/c_1) (E - 1)),                            (3)

    where 1 + h comes from 2 sum_i eps_i (eps_1 + ... + eps_i) <= 1 + h for eps = h delta. In G stands the largest
    alpha, that of a layer which alone moves: h c_1 (max |w_l| + sqrt L R).
    """
    c0, c1, c2 = constants
    theta, sigma = growth(flow.scheme)
    h, mean, largest = flow.step_length, sum(norms) / len(norms), max(norms)

    def lipschitz(radius):
        alpha = sigma * h * c1 * (largest + math.sqrt(flow.layers) * radius)
        excess = sigma * sum(alpha**i for i in range(flow.scheme.stages + 1))
        grown = bounded_exp(theta * c1 * (mean + radius))
        bend = excess**5 * c0 * c2 / c1 * (grown - 1) if grown > 1 else 0.0
        return math.sqrt(count) * c0 * grown * (excess**3 * (1 + h) * c1 + bend)

    return lipschitz


def growth(scheme: Tableau) -> tuple[float, float]:
    """The least theta with |b| |A|^(i-1) 1 <= theta^i / i! for all i, at least one; and the largest sum of a row."""
    rows = [[abs(a) for a in row] for row in scheme.A]
    weights = [abs(b) for b in scheme.b]
    powers, theta, i = [Fraction(1)] * scheme.stages, 1.0, 1
    while any(powers):
        coefficient = sum((b * p for b, p in zip(weights, powers, strict=True)), Fraction(0))
        theta = max(theta, float(coefficient * math.factorial(i)) ** (1 / i))
        powers = [sum((a * p for a, p in zip(row, powers, strict=False)), Fraction(0)) for row in rows]
        i += 1
    return theta, max(1.0, *(float(sum(row)) for row in [*rows, weights]))


def bounded_exp(exponent: float) -> float:
    """exp, infinite where it is larger than any number."""
    try:
        return math.exp(exponent)
    except OverflowError:
        return math.inf
