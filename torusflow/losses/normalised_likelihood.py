"""The likelihood of samples under a density whose logarithm is given up to a constant."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..arguments import real_array, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..torus.density import LogDensitySpace
from ..torus.grid import Torus
from ..torus.log_density import Finer, along, expectation, exponential
from ..torus.scattered import weighted_samples
from .cloud_mmd import checked_cloud

# The integral of exp(u) is a mean over a grid this many times as fine as that of u: training finds peaks between the
# points of the grid of u itself.
TIMES = 2


@dataclass(frozen=True, eq=False)
class NormalisedLikelihood(OneLine):
    """log mean exp(u) - sum_i w_i u(x_i) / sum_i w_i: minus the mean log-likelihood of samples under exp(u)/Z, in nats.

    The samples enter by the Fourier coefficients mu^ of their measure only, which are computed once: the second term is
    <u, mu>, so that value and gradient take the same time for any number of samples. Z is the mean of exp(u) over a
    grid twice as fine. Relative to the uniform density, as `LogLikelihood`: in angles on [0, 2 pi)^d add d log(2 pi).
    Convex in u; its first variation is exp(u)/Z - mu.

    Where axes are given, it is the likelihood of the other coordinates y given those x, under exp(u(x, y))/Z(x) with
    Z(x) the mean of exp(u) over y: sum_i w_i (log Z(x_i) - u(x_i, y_i)) / sum_i w_i, the first variation mu_x exp(u)/Z
    - mu. Between the points of the finer grid log Z is a trigonometric polynomial.

    Parameters
    ----------
    samples : array (N, d)
        In sides of the torus.
    torus : Torus
        Of the log-densities.
    weights : array (N,), optional
        Not negative; ones if not given.
    given : tuple of int
        The axes of the conditions x.

    Raises
    ------
    InputError
        If there is no sample, one is not finite or in other units, or the weights are not as many numbers >= 0.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> samples = np.random.default_rng(0).random((100, 1))
    >>> torus = tfl.Torus((32,))
    >>> abs(tfl.losses.NormalisedLikelihood(samples, torus)(np.zeros(32))) < 1e-12
    True
    """

    samples: np.ndarray
    torus: Torus
    weights: np.ndarray | None = None
    given: tuple[int, ...] = ()
    _mu: np.ndarray = field(init=False, repr=False)
    _mu_given: np.ndarray = field(init=False, repr=False)
    _finer: Finer = field(init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.torus, Torus):
            raise InputError(
                "NormalisedLikelihood takes samples (N, d) and the Torus of the log-densities. Write "
                "NormalisedLikelihood(samples, model.torus)."
            )
        samples = checked_cloud("NormalisedLikelihood", self.samples, self.torus.dimension)
        weights = _checked_weights(self.weights, len(samples))
        given, finer = _checked_given(self.given, self.torus.dimension), Finer(self.torus, TIMES)
        shares = np.ones(len(samples)) if weights is None else weights * (len(weights) / weights.sum())
        settle(
            self,
            samples=samples,
            weights=weights,
            given=given,
            _mu=weighted_samples(self.torus, samples, shares),
            _mu_given=weighted_samples(along(finer.fine, given), samples[:, given], shares) if given else None,
            _finer=finer,
        )

    def __reduce__(self):
        return NormalisedLikelihood, (self.samples, self.torus, self.weights, self.given)

    def __call__(self, u) -> float:
        u = self._checked(u)
        _, log_mass = exponential(self._finer.fine, self._finer.up(u), self.given)
        if self.given:
            conditions = along(self._finer.fine, self.given)
            log_mass = conditions.inner(self._mu_given, log_mass.reshape(conditions.shape))
        return log_mass - self.torus.inner(u, self._mu) + 0.0

    def gradient(self, u) -> np.ndarray:
        density, _ = exponential(self._finer.fine, self._finer.up(self._checked(u)), self.given)
        return self._finer.down(self._weighted(density)) - self._mu

    def curvature(self, u, direction) -> np.ndarray:
        fine = self._finer.fine
        density, _ = exponential(fine, self._finer.up(self._checked(u)), self.given)
        change = self._finer.up(self._checked(direction))
        return self._finer.down(self._weighted(density * (change - expectation(fine, density, change, self.given))))

    def check(self, space) -> None:
        """Raise an InputError unless outputs are log-densities on this torus, conditional ones of the same axes."""
        if not isinstance(space, LogDensitySpace):
            raise InputError(
                f"NormalisedLikelihood takes log-densities on a grid, such as a LogDensityNODE gives; the model gives "
                f"{'densities' if hasattr(space, 'torus') else f'arrays {space.shape}'}. For a SampleNODE there is "
                f"LogLikelihood."
            )
        if space.torus != self.torus:
            raise InputError(
                f"NormalisedLikelihood takes log-densities on {self.torus!r}, but the model gives some on "
                f"{space.torus!r}. Give it the model's torus."
            )

        if tuple(space.given) != self.given:
            raise InputError(
                f"NormalisedLikelihood is given axes {self.given}, but the model's densities are {space.given}: axes "
                f"that a LogDensityNODE does not move are the conditions. Write NormalisedLikelihood(samples, torus, "
                f"given=model.given)."
            )

    def on(self, torus: Torus) -> NormalisedLikelihood:
        """The same samples on another grid."""
        return NormalisedLikelihood(self.samples, torus, self.weights, self.given)

    def _weighted(self, f) -> np.ndarray:
        """A field on the finer grid times the density of the conditions."""
        if not self.given:
            return f
        return f * np.expand_dims(self._mu_given, [axis for axis in range(f.ndim) if axis not in self.given])

    def _checked(self, u) -> np.ndarray:
        u = self.torus.field(u)
        if u.shape != self.torus.local_shape:
            raise InputError(f"a log-density on this torus is an array {self.torus.local_shape}, got {u.shape}.")
        if not self.torus.is_finite(u):
            raise NumericalError("the log-density is not finite.")
        return u


def _checked_weights(weights, n: int) -> np.ndarray | None:
    if weights is None:
        return None
    weights = real_array(weights, "NormalisedLikelihood: the weights").astype(float)
    if weights.shape != (n,) or not np.all(np.isfinite(weights)) or np.any(weights < 0) or not np.any(weights > 0):
        raise InputError(
            f"NormalisedLikelihood: weights must be {n} numbers >= 0, one a sample and not all zero, got an array "
            f"{weights.shape}" + (f" from {weights.min():.3g} to {weights.max():.3g}." if weights.size else ".")
        )
    weights.flags.writeable = False
    return weights


def _checked_given(given, dimension: int) -> tuple[int, ...]:
    """Axes of conditions, in their order, at least one axis not among them."""
    given = tuple(given) if isinstance(given, tuple | list | np.ndarray) else (given,)
    whole = all(isinstance(axis, int | np.integer) and 0 <= axis < dimension for axis in given)
    if not whole or len(set(given)) != len(given) or len(given) >= dimension:
        raise InputError(
            f"NormalisedLikelihood: given must be different axes from 0 to {dimension - 1}, and not all of them, such "
            f"as (0,); got {given!r}."
        )
    return tuple(sorted(int(axis) for axis in given))
