"""The likelihood of samples under a density whose logarithm is given up to a constant."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..arguments import real_array, settle
from ..errors import InputError, NumericalError
from ..torus.density import LogDensitySpace
from ..torus.grid import Torus
from ..torus.log_density import Finer, exponential
from ..torus.scattered import weighted_samples
from .cloud_mmd import checked_cloud

# The integral of exp(u) is a mean over a grid this many times as fine as that of u: training finds peaks between the
# points of the grid of u itself.
TIMES = 2


@dataclass(frozen=True, eq=False)
class NormalisedLikelihood:
    """log mean exp(u) - sum_i w_i u(x_i) / sum_i w_i: minus the mean log-likelihood of samples under exp(u)/Z, in nats.

    The samples enter by the Fourier coefficients mu^ of their measure only, which are computed once: the second term is
    <u, mu>, so that value and gradient take the same time for any number of samples. Z is the mean of exp(u) over a
    grid twice as fine. Relative to the uniform density, as `LogLikelihood`: in angles on [0, 2 pi)^d add d log(2 pi).
    Convex in u; its first variation is exp(u)/Z - mu.

    Parameters
    ----------
    samples : array (N, d)
        In sides of the torus.
    torus : Torus
        Of the log-densities.
    weights : array (N,), optional
        Not negative; ones if not given.

    Raises
    ------
    InputError
        If there is no sample, one is not finite or in other units, or the weights are not as many numbers >= 0.
    """

    samples: np.ndarray
    torus: Torus
    weights: np.ndarray | None = None
    _mu: np.ndarray = field(init=False, repr=False)
    _finer: Finer = field(init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.torus, Torus):
            raise InputError(
                "NormalisedLikelihood takes samples (N, d) and the Torus of the log-densities. Write "
                "NormalisedLikelihood(samples, model.torus)."
            )
        samples = checked_cloud("NormalisedLikelihood", self.samples, self.torus.dimension)
        weights = _checked_weights(self.weights, len(samples))
        shares = np.ones(len(samples)) if weights is None else weights * (len(weights) / weights.sum())
        settle(
            self,
            samples=samples,
            weights=weights,
            _mu=weighted_samples(self.torus, samples, shares),
            _finer=Finer(self.torus, TIMES),
        )

    def __reduce__(self):
        return NormalisedLikelihood, (self.samples, self.torus, self.weights)

    def __call__(self, u) -> float:
        u = self._checked(u)
        _, log_mass = exponential(self._finer.fine, self._finer.up(u))
        return log_mass - self.torus.inner(u, self._mu) + 0.0

    def gradient(self, u) -> np.ndarray:
        density, _ = exponential(self._finer.fine, self._finer.up(self._checked(u)))
        return self._finer.down(density) - self._mu

    def curvature(self, u, direction) -> np.ndarray:
        fine = self._finer.fine
        density, _ = exponential(fine, self._finer.up(self._checked(u)))
        change = self._finer.up(self._checked(direction))
        return self._finer.down(density * (change - fine.inner(density, change)))

    def check(self, space) -> None:
        """Raise an InputError unless outputs are log-densities on this torus."""
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

    def on(self, torus: Torus) -> NormalisedLikelihood:
        """The same samples on another grid."""
        return NormalisedLikelihood(self.samples, torus, self.weights)

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
