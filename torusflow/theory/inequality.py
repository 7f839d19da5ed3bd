"""The inequality m(|v|) (L - L*)^a <= |grad L| <= M(|v|) (L - L*)^b, as far as it is seen on balls and along runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import checked_seed, checked_whole, is_number, is_positive, real_array
from ..errors import InputError, NumericalError
from ..hilbert import HilbertSpace, norm
from ..risk import Risk
from .exponents import ExponentFit, fit_both

# Of a search for the worst control on a sphere: the first step in parts of its radius, when it is given up, and of the
# difference that makes the second derivative.
FIRST_STEP, LAST_STEP, DIFFERENCE = 0.3, 1e-3, 1e-4
# Controls of one norm, and steps of a search.
MOST = 10_000
LARGEST_EXPONENT = 100
COLUMNS = ("control_norm", "risk", "gradient_norm")


@dataclass(frozen=True, eq=False)
class Inequality:
    """m(R) (L - L*)^a <= |grad L| <= M(R) (L - L*)^b at all controls that were looked at with |v| <= R.

    It proves nothing: between these controls there may be worse ones.

    Attributes
    ----------
    exponents : tuple of two floats
        a and b.
    fits : tuple of two ExponentFit, or None
        Of a and b, with their intervals; None where exponents were given.
    norms, gaps, gradient_norms : array (n,)
        |v|, L - L* and |grad L|.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.0, 0.1), tfl.densities.uniform(torus), layers=1, band=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> found = tfl.lojasiewicz.inequality(risk, radii=(0.05,), controls=2, exponents=(0.5, 0.5), search=0)
    >>> found.norms.shape == found.gaps.shape
    True
    """

    exponents: tuple[float, float]
    fits: tuple[ExponentFit, ExponentFit] | None
    norms: np.ndarray
    gaps: np.ndarray
    gradient_norms: np.ndarray

    def lower(self, radius: float) -> float:
        """m(R): falls with the radius."""
        return float(np.min(self._quotients(self.exponents[0], radius)))

    def upper(self, radius: float) -> float:
        """M(R): rises with the radius."""
        return float(np.max(self._quotients(self.exponents[1], radius)))

    def _quotients(self, exponent, radius) -> np.ndarray:
        within = self.norms <= (radius if is_number(radius) else -1.0)
        if not within.any():
            raise InputError(
                f"the radius must be a number from {self.norms.min():.6g}, the least norm looked at, got {radius!r}."
            )
        # Zero at a saddle; infinite near the minimum, with an exponent that cannot hold.
        with np.errstate(over="ignore", divide="ignore"):
            return np.exp(np.log(self.gradient_norms[within]) - exponent * np.log(self.gaps[within]))

    def __str__(self):
        farthest = float(self.norms.max())
        a, b = (f"{e:.3f}" for e in self.exponents)
        if self.fits is not None:
            a, b = (f"({fit.exponent:.3f} +- {fit.half_width:.3f})" for fit in self.fits)
        return (
            f"{self.lower(farthest):.3g} (L - L*)^{a} <= |grad L| <= {self.upper(farthest):.3g} (L - L*)^{b} at "
            f"{len(self.norms)} controls with |v| <= {farthest:.3g}"
        )


class _Look(NamedTuple):
    """What was seen at a control: |v|, L - L*, |grad L|."""

    norm: float
    gap: float
    gradient_norm: float


def inequality(
    risk: Risk,
    radii: Iterable[float] = (0.05, 0.1, 0.2),
    controls: int = 10,
    runs: Iterable = (),
    exponents: tuple[float, float] | None = None,
    search: int = 10,
    seed: int = 0,
) -> Inequality:
    """m(|v|), M(|v|) and both exponents, from random controls, iterates of runs, and the worst that descent finds.

    Parameters
    ----------
    risk : Risk
    radii : sequence of float
        Norms of random controls; empty to look at runs alone.
    controls : int
        How many of each norm.
    runs : sequence of Result or Run
        Of this risk, as `descend` or `load` gives them; all iterates are looked at.
    exponents : tuple of two floats, optional
        a below and b above, such as those of theory; by default they are fitted to the lower and upper edge of all
        controls looked at before the search.
    search : int
        Steps on every sphere from the worst random control to worse ones, below and above; each takes two to three
        gradients. 0 for none.
    seed : int

    Returns
    -------
    Inequality

    Raises
    ------
    InputError
        If an argument makes no sense, or fewer than five different risks above the least were seen.
    UnstableError
        If a control of such a norm moves too far for the model's time steps; it says what to do.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.eye(2)))
    >>> found = tfl.lojasiewicz.inequality(risk, radii=(0.1, 0.2, 0.4), controls=5)
    >>> bool(abs(found.exponents[0] - 0.5) < 0.1 and found.lower(0.4) <= found.lower(0.1))
    True
    """
    if not isinstance(risk, Risk):
        raise InputError(f"inequality takes a Risk first, got a {type(risk).__name__}.")
    radii, exponents = _checked_radii(radii), _checked_exponents(exponents)
    controls = checked_whole("controls", controls, most=MOST)
    search = checked_whole("search", search, least=0, most=MOST)
    rng = np.random.default_rng(checked_seed(seed))
    spheres = [[_Point(risk, _random(risk.space, rng, radius)) for _ in range(controls)] for radius in radii]
    looks = [*_of_runs(risk, runs), *(point.look for sphere in spheres for point in sphere)]
    looks, fits = [look for look in looks if look.gap > 0], None
    if exponents is None:
        _, gaps, slopes = _columns(looks)
        fits = fit_both(gaps[slopes > 0], slopes[slopes > 0])
        exponents = fits[0].exponent, fits[1].exponent
    elif not looks:
        raise InputError("inequality: nothing to look at. Give radii, or runs with iterates above the least risk.")
    for sphere in spheres:
        for sign, exponent in zip((1, -1), exponents, strict=True):
            looks += _worst(sphere, exponent, sign, search)
    return Inequality(exponents, fits, *_columns(looks))


class _Point:
    """A control, and what is to be seen there."""

    def __init__(self, risk: Risk, control):
        self.risk, self.control = risk, control
        value, self.gradient = risk.value_and_gradient(control)
        size, slope = norm(risk.space, control), norm(risk.space, self.gradient)
        self.look = _Look(size, risk.above_least(value), slope)

    @property
    def usable(self) -> bool:
        """Whether a search can start there: above the least risk, and no saddle."""
        return self.look.gap > 0 and self.look.gradient_norm > 0

    def quotient(self, exponent: float) -> float:
        """log (|grad L| / (L - L*)^exponent)."""
        return math.log(self.look.gradient_norm) - exponent * math.log(self.look.gap)

    def direction(self, exponent: float) -> np.ndarray:
        """The gradient of `quotient` along the sphere, H g/|g|^2 - exponent g/(L - L*), of norm one."""
        space, size, slope = self.risk.space, self.look.norm, self.look.gradient_norm
        step = DIFFERENCE * size / slope * self.gradient
        above, below = (self.risk.value_and_gradient(self.control + sign * step)[1] for sign in (1, -1))
        change = (above - below) / (2 * DIFFERENCE * size * slope) - exponent / self.look.gap * self.gradient
        change = change - space.inner(change, self.control) / size**2 * self.control
        length = norm(space, change)
        return change / length if length > 0 else change


def _random(space: HilbertSpace, rng: np.random.Generator, radius: float) -> np.ndarray:
    """A control of this norm, from as smooth as the space makes them to one with all coefficients of modulus one."""
    u = space.random(rng)
    size = np.abs(u)
    u = u * np.where(size > 0, size, 1.0) ** -rng.random()
    return u * (radius / norm(space, u))


def _worst(sphere: list[_Point], exponent: float, sign: int, steps: int) -> Iterator[_Look]:
    """From the control on a sphere with the least (sign 1) or largest (-1) quotient downhill to worse ones."""
    usable = [point for point in sphere if point.usable]
    if not usable or not steps:
        return
    at = min(usable, key=lambda point: sign * point.quotient(exponent))
    direction, length = None, FIRST_STEP
    for _ in range(steps):
        try:
            direction = at.direction(exponent) if direction is None else direction
            trial = at.control - sign * length * at.look.norm * direction
            there = _Point(at.risk, trial * (at.look.norm / norm(at.risk.space, trial)))
            better = there.usable and sign * there.quotient(exponent) < sign * at.quotient(exponent)
        except NumericalError:  # too far for the time steps
            better = False
        if better:
            yield there.look
            at, direction, length = there, None, 2 * length
        elif length < LAST_STEP:
            return
        else:
            length /= 4


def _of_runs(risk: Risk, runs) -> Iterator[_Look]:
    """The iterates of runs."""
    if not isinstance(runs, Iterable):
        raise InputError(f"inequality: runs must be a list of runs, such as [result], got a {type(runs).__name__}.")
    for run in runs:
        history = getattr(run, "history", None)
        if not isinstance(history, Mapping) or not set(COLUMNS) <= set(history):
            raise InputError(
                f"inequality: runs come from tfl.descend or tfl.load, with a history; got a {type(run).__name__}."
            )
        sizes, risks, slopes = (real_array(history[name], name).tolist() for name in COLUMNS)
        rows = map(_Look, sizes, map(risk.above_least, risks), slopes)
        yield from (look for look in rows if all(map(math.isfinite, look)))


def _columns(looks: list[_Look]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    norms, gaps, slopes = np.reshape(looks, (-1, 3)).T
    return norms, gaps, slopes


def _checked_radii(radii) -> tuple[float, ...]:
    radii = tuple(radii) if isinstance(radii, Iterable) and not isinstance(radii, str) else None
    if radii is None or not all(map(is_positive, radii)):
        raise InputError(f"inequality: radii must be numbers > 0, such as (0.05, 0.1, 0.2), got {radii!r}.")
    return tuple(map(float, radii))


def _checked_exponents(exponents) -> tuple[float, float] | None:
    if exponents is None:
        return None
    pair = isinstance(exponents, tuple | list) and len(exponents) == 2 and all(map(is_number, exponents))
    if not pair or not all(0 <= exponent <= LARGEST_EXPONENT for exponent in exponents):
        raise InputError(
            f"inequality: exponents must be two numbers from 0 to {LARGEST_EXPONENT}, the one below and the one above, "
            f"such as (0.75, 0.5), got {exponents!r}."
        )
    return float(exponents[0]), float(exponents[1])
