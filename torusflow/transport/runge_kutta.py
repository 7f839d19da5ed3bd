"""Explicit Runge-Kutta methods as data, one step of any of them, its tangent and its transpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Tableau:
    """k_m = rate(y + h sum_(j<m) a_mj k_j), and a step of length h goes from y to y + h sum_m b_m k_m.

    The coefficients are fractions, so that what follows from them is exact. There are no nodes c_m: no rate here
    depends on time within a step. A state y is an array, a `Pair` of them, or whatever can be added and multiplied by
    numbers.

    Parameters
    ----------
    name : str
        Under which models ask for it.
    order : int
    A : tuple of tuple of Fraction
        Row m has the m numbers a_mj, j < m.
    b : tuple of Fraction

    Attributes
    ----------
    stages : int
    weights : tuple of float
        b_m.
    rows, columns : tuple of tuple of (int, float)
        (j, a_mj) for each m, and (m, a_mj) for each j, where a_mj is not zero.
    polynomial : tuple of Fraction
        r_0, r_1, ... of the stability polynomial R(z) = sum_i r_i z^i: for a linear rate A y a step is R(h A) y.
    degree : int
        Of the stability polynomial, at most the number of stages.
    horner : tuple of float
        c_1, c_2, ... with R(h A) y = y_degree for y_0 = y, y_m = y + c_m h A y_(m-1).
    stability_limit : float
        The largest number with |R(i t)| <= 1 for all t between zero and it: a Courant number up to it is stable. Zero
        for a method that amplifies slow waves, which densities cannot use.
    """

    name: str
    order: int
    A: tuple[tuple[Fraction, ...], ...]
    b: tuple[Fraction, ...]

    @classmethod
    def of(cls, name: str, order: int, *rows: str) -> Tableau:
        """The tableau of the rows of A from the second on, and b, as texts: "1/2", "0 1/2", ..."""
        *A, b = (tuple(map(Fraction, row.split())) for row in rows)
        return cls(name, order, ((), *A), b)

    # -- what follows from the numbers -------------------------------------------------------------------------

    @property
    def stages(self) -> int:
        return len(self.b)

    @cached_property
    def weights(self) -> tuple[float, ...]:
        return tuple(map(float, self.b))

    @cached_property
    def rows(self) -> tuple[tuple[tuple[int, float], ...], ...]:
        return tuple(tuple((j, float(a)) for j, a in enumerate(row) if a) for row in self.A)

    @cached_property
    def columns(self) -> tuple[tuple[tuple[int, float], ...], ...]:
        below = [dict(row) for row in self.rows]
        return tuple(tuple((m, row[j]) for m, row in enumerate(below) if j in row) for j in range(self.stages))

    @cached_property
    def polynomial(self) -> tuple[Fraction, ...]:
        powers, coefficients = [Fraction(1)] * self.stages, [Fraction(1)]
        while any(powers):  # A^(i-1) 1, and r_i = b A^(i-1) 1
            coefficients.append(_product(self.b, powers))
            powers = [_product(row, powers[: len(row)]) for row in self.A]
        return tuple(coefficients)

    @property
    def degree(self) -> int:
        return len(self.polynomial) - 1

    @cached_property
    def horner(self) -> tuple[float, ...]:
        r = self.polynomial
        return tuple(float(r[i] / r[i - 1]) for i in reversed(range(1, len(r))))

    @cached_property
    def stability_limit(self) -> float:
        # |R(i t)|^2 - 1 = sum_n g_n t^(2 n), exactly: near zero it is a difference of nearly equal numbers.
        r, g = self.polynomial, {}
        for i, j in np.ndindex(len(r), len(r)):
            if (i - j) % 2 == 0:
                g[(i + j) // 2] = g.get((i + j) // 2, 0) + (-1) ** (abs(i - j) // 2) * r[i] * r[j]
        g[0] -= 1
        first = min(n for n, coefficient in g.items() if coefficient)
        if g[first] > 0:
            return 0.0
        falling = [float(g[n] / g[max(g)]) for n in range(max(g), first - 1, -1)]
        return math.sqrt(min(root.real for root in np.roots(falling) if root.real > 0 and not root.imag))

    def unstable(self, courant: float) -> str:
        """Words for a Courant number beyond the limit."""
        return (
            f"the Courant number {courant:.4g} exceeds {self.stability_limit:.4g}, up to which Runge-Kutta of order "
            f"{self.order} ({self.name}) is stable,"
        )

    # -- steps -------------------------------------------------------------------------------------------------

    def change(self, rate: Callable, state, h: float, onto: Any = 0.0) -> Any:
        """h sum_m b_m k_m, what a step adds to the state.

        With the derivative of the rate at the m-th stage, and a change of the state, it is the derivative of a step.

        Parameters
        ----------
        rate : callable
            (m, y_m) -> k_m, m = 0, 1, ...
        state
            y.
        h : float
        onto : optional
            What the sum begins with.
        """
        slopes = []
        for m, row in enumerate(self.rows):
            slopes.append(rate(m, combined(state, row, h, slopes)))
        return self.total(slopes, h, onto)

    def total(self, slopes, h: float, onto: Any = 0.0) -> Any:
        """h sum_m b_m k_m for given k_m."""
        return combined(onto, enumerate(self.weights), h, slopes)

    def transposed(self, pull: Callable, weight, h: float, onto: Any = 0.0) -> Any:
        """The transpose of `change`: what a step adds to a weight on its end, to make it one on its start.

        With q_m = h (b_m p + sum_(i>m) a_im J_i^T q_i) it is sum_m J_m^T q_m, J_m the derivative of the rate there; a
        rate that changes by k'_m changes <p, y> by sum_m <q_m, k'_m>.

        Parameters
        ----------
        pull : callable
            (m, q_m) -> J_m^T q_m, for the last m first.
        weight
            p.
        h : float
        onto : optional
            What the sum begins with.
        """
        pulled = {}
        for m in reversed(range(self.stages)):
            q = combined(self.weights[m] * h * weight, self.columns[m], h, pulled)
            pulled[m] = pull(m, q)
            onto = onto + pulled[m]
        return onto


class Pair(NamedTuple):
    """Two arrays that move together."""

    first: Any  # an array, or the zero that a sum begins with
    second: Any

    def __add__(self, other):
        return Pair(self.first + other.first, self.second + other.second)

    def __radd__(self, zero: float):
        return Pair(zero + self.first, zero + self.second)

    def __rmul__(self, factor: float):
        return Pair(factor * self.first, factor * self.second)


def combined(start, terms: Iterable[tuple[int, float]], h: float, slopes):
    """start + h sum a k_j over the (j, a) given."""
    for j, a in terms:
        start = start + a * h * slopes[j]
    return start


def _product(a, b) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


# Kutta's methods of order three and four, and the one of order five of Dormand and Prince, J. Comput. Appl. Math. 6
# (1980) 19-26, doi:10.1016/0771-050X(80)90013-3. Others of order five, Fehlberg's and Cash and Karp's, amplify
# slow waves.
RK4 = Tableau.of("rk4", 4, "1/2", "0 1/2", "0 0 1", "1/6 1/3 1/3 1/6")
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Tableau.of("rk3", 3, "1/2", "-1 2", "1/6 2/3 1/6"),
        RK4,
        Tableau.of(
            "rk5",
            5,
            "1/5",
            "3/40 9/40",
            "44/45 -56/15 32/9",
            "19372/6561 -25360/2187 64448/6561 -212/729",
            "9017/3168 -355/33 46732/5247 49/176 -5103/18656",
            "35/384 0 500/1113 125/192 -2187/6784 11/84",
        ),
    )
}


# Euler's step, by which a residual network is a flow of points; it amplifies every wave, so densities do without.
POINT_SCHEMES = {"euler": Tableau.of("euler", 1, "1")} | SCHEMES


def scheme_field():
    """The field of a model that names its method; run files hold it where it is not the default one."""
    return field(default=RK4.name, metadata={"stored": "unless default"})


def find_scheme(name, schemes: dict[str, Tableau] = SCHEMES) -> Tableau:
    """The method of this name, or an InputError with the names there are."""
    if not isinstance(name, str) or name not in schemes:
        raise InputError(f"scheme must be one of {', '.join(map(repr, schemes))}, got {name!r}.")
    return schemes[name]
