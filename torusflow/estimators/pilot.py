"""The wide kernel estimate that the flow of a density starts from."""

from __future__ import annotations

import math

import numpy as np

from ..torus.densities import from_array
from ..torus.density import Density
from ..torus.grid import Torus
from ..torus.log_density import Finer, exponential
from ..torus.scattered import TrigonometricPolynomial, weighted_samples

# Bandwidths to choose from, and points per axis that resolve the smallest.
BANDWIDTHS = {d: tuple(np.geomspace(least, 0.3, 10).tolist()) for d, least in {1: 0.004, 2: 0.006, 3: 0.012}.items()}
FINE = {1: 512, 2: 192, 3: 64}
# Of so many rows the best bandwidth is looked for; with more, it falls as their number to the power -1/(d + 4).
LOOKED_AT = 10_000
RESOLVED = 1.4  # of a Gaussian, points per standard deviation of one side: its last mode is then 6e-5


def pilot(torus: Torus, points, weights, bandwidth: float, given: tuple[int, ...] = ()) -> Density:
    """The kernel estimate with periodic Gaussians, mixed with the uniform density, which has the part of one row.

    Parameters
    ----------
    torus : Torus
        Its logarithm has the modes of this grid.
    points, weights : array (N, d), (N,)
    bandwidth : float
        Standard deviation, in sides of the torus.
    given : tuple of int
        Axes of conditions: the estimate is then the conditional one of the others, where they are uniform.
    """
    finer = Finer(torus, max(2, math.ceil(RESOLVED / bandwidth / min(torus.shape))))
    part = np.sum(weights**2) / np.sum(weights) ** 2
    log_density = np.log(_mixed(_smoothed(_measure(finer.fine, points, weights), finer.fine, bandwidth), part))
    if given:
        log_density = log_density - exponential(finer.fine, log_density, given)[1]
    name = f"kernel estimate of {len(points)} samples, bandwidth {bandwidth:.4g}"
    return from_array(torus, np.exp(finer.down(log_density)), True, name)


def best_bandwidth(points, weights) -> float:
    """The bandwidth with which each row is most likely by the kernel estimate of all others [1]_.

    Copies count as one row of their weights together: else they would ask for a kernel that is as narrow as can be.

    Parameters
    ----------
    points, weights : array (N, d), (N,)

    References
    ----------
    .. [1] R. P. W. Duin, On the choice of smoothing parameters for Parzen estimators of probability density functions,
       IEEE Trans. Comput. C-25 (1976) 1175-1179, doi:10.1109/TC.1976.1674577.
    """
    step = math.ceil(len(points) / LOOKED_AT)
    points, which = np.unique(points[::step], axis=0, return_inverse=True)
    weights = np.bincount(which.ravel(), weights[::step])
    d, shares = points.shape[1], weights / np.sum(weights)
    torus, modes = Torus((FINE[d],) * d), np.arange(1 - FINE[d] // 2, FINE[d] // 2)
    measure, part = _measure(torus, points, weights), float(np.sum(shares**2))

    def likelihood(bandwidth):
        estimate = TrigonometricPolynomial(torus, _smoothed(measure, torus, bandwidth)).value(points)
        own = np.sum(np.exp(-2 * (np.pi * bandwidth * modes) ** 2)) ** d  # of a row at its own place
        return np.sum(shares * np.log(_mixed((estimate - shares * own) / (1 - shares), part)))

    return max(BANDWIDTHS[d], key=likelihood) * step ** (-1 / (d + 4))


def _measure(torus: Torus, points, weights) -> np.ndarray:
    return weighted_samples(torus, points, weights * (len(weights) / np.sum(weights)))


def _smoothed(measure, torus: Torus, bandwidth: float) -> np.ndarray:
    return torus.filter(measure, np.exp(-(bandwidth**2) / 2 * torus.laplacian_symbol))


def _mixed(density, part: float) -> np.ndarray:
    return (1 - part) * np.maximum(density, 0) + part
