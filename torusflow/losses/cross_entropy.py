"""The likelihood of samples under a density on a grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..arguments import settle
from ..errors import InputError
from ..torus.grid import Torus
from ..torus.scattered import interpolate, weighted_samples, without_nyquist
from .cloud_mmd import checked_cloud
from .densities import TorusLoss
from .positive import checked_floor


@dataclass(frozen=True, eq=False)
class CrossEntropy(TorusLoss):
    """-(1/M) sum_i log rho(x_i) for samples x_i of the target: minus their mean log-likelihood, in nats.

    Up to the entropy of the target an estimate of KL(target | rho), the reverse direction of `KullbackLeibler`. Between
    grid points rho is the trigonometric polynomial of its modes |k_j| < n_j/2. In units where the uniform density is 1,
    as in `LogLikelihood`; where rho < floor, minus its logarithm is continued by its second-order Taylor polynomial.
    Only the model keeps the density from gathering at the samples: choose its metric and band, the penalty, or the
    iteration to stop at, by other samples.

    Parameters
    ----------
    target : array (M, d)
        Samples, in sides of the torus.
    torus : Torus
        Of the densities.
    floor : float
        Positive; relative to the uniform density.

    Raises
    ------
    InputError
        If there is no sample, one is not finite, or the floor is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> samples = np.random.default_rng(0).random((100, 1))
    >>> torus = tfl.Torus((32,))
    >>> abs(tfl.losses.CrossEntropy(samples, torus)(np.ones(32))) < 1e-12
    True
    """

    target: np.ndarray
    torus: Torus
    floor: float = 1e-3
    _odd: Torus = field(init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.torus, Torus):
            raise InputError(
                "CrossEntropy takes samples (M, d) and the Torus of the densities. Write CrossEntropy(samples, torus)."
            )
        checked_floor("CrossEntropy", self.floor)
        settle(
            self,
            target=checked_cloud("CrossEntropy", self.target, self.torus.dimension),
            _odd=without_nyquist(self.torus),
        )

    def __call__(self, rho) -> float:
        above, below = self._at_samples(rho)
        return float(np.mean(-np.log(above) - below / self.floor + below**2 / (2 * self.floor**2)))

    def gradient(self, rho) -> np.ndarray:
        above, below = self._at_samples(rho)
        return weighted_samples(self.torus, self.target, below / self.floor**2 - 1 / above)

    def curvature(self, rho, direction) -> np.ndarray:
        above, _ = self._at_samples(rho)
        return weighted_samples(self.torus, self.target, self._interpolated(direction) / above**2)

    def _at_samples(self, rho) -> tuple[np.ndarray, np.ndarray]:
        """max(rho, floor) and min(rho - floor, 0), arrays (M,)."""
        values = self._interpolated(rho)
        return np.maximum(values, self.floor), np.minimum(values - self.floor, 0)

    def _interpolated(self, rho) -> np.ndarray:
        return interpolate(self._odd, self.torus.resample(self.checked(rho), self._odd), self.target)
