"""A straight line through errors that may be correlated with their neighbours'."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.special import stdtr, stdtrit

# Correlations of neighbouring errors that are weighed against each other; at one the line would be lost in the drift.
CORRELATIONS = np.linspace(-0.95, 0.99, 40)
LEVEL = 0.95
TINY = float(np.finfo(float).tiny)


def line(x, y) -> tuple[float, float, float]:
    """Intercept and slope of y = a + b x + errors, and half the width of a 95 % interval for the slope.

    Parameters
    ----------
    x, y : array (n,)
        Neighbours next to each other; at least three.

    Notes
    -----
    Errors are taken for a stationary autoregression e_k = phi e_(k-1) + white noise. For a given phi generalised least
    squares give a Student distribution of the slope with n - 2 degrees of freedom. phi is not known, and is estimated
    too small from few points: so it is integrated out, each phi weighed by its restricted likelihood [1]_, which does
    not share that bias. The interval is that of the mixture. In simulations of 45 and 60 points it covers 95 to 97 of
    100 with independent errors, also of heavy tails, and with phi = 0.8; of 15 points with phi = 0.8 it covers 89.

    References
    ----------
    .. [1] D. A. Harville, Maximum likelihood approaches to variance component estimation and to related problems, J.
       Amer. Statist. Assoc. 72 (1977) 320-338, doi:10.1080/01621459.1977.10480998, section 3.
    """
    from scipy.optimize import brentq  # slow to import

    middle, degrees = x.mean(), len(x) - 2
    design = np.column_stack([np.ones_like(x), x - middle])
    lines, spreads, likelihoods = _fits(design, y)
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    intercept, slope = weights @ lines
    if not spreads.max() > 0:
        return float(intercept - slope * middle), float(slope), 0.0

    def missing(half_width):
        above, below = ((slope + sign * half_width - lines[:, 1]) / spreads for sign in (1, -1))
        return weights @ (stdtr(degrees, above) - stdtr(degrees, below)) - LEVEL

    widest = np.abs(lines[:, 1] - slope).max() + spreads.max() * stdtrit(degrees, (1 + LEVEL) / 2)
    return float(intercept - slope * middle), float(slope), cast(float, brentq(missing, 0.0, 2 * widest))


def _fits(design, y) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each phi: coefficients (n_phi, 2), standard deviations of the slope, logarithms of the weights."""
    root, phi = np.sqrt(1 - CORRELATIONS**2), CORRELATIONS[:, None, None]
    columns = np.column_stack([design, y])
    whitened = np.concatenate([root[:, None, None] * columns[:1], columns[1:] - phi * columns[:-1]], axis=1)
    A, b = whitened[..., :2], whitened[..., 2:]
    Q, R = np.linalg.qr(A)
    coefficients = np.linalg.solve(R, np.swapaxes(Q, 1, 2) @ b)
    residuals = np.linalg.norm((b - A @ coefficients)[..., 0], axis=1)
    degrees, diagonal = len(y) - 2, np.abs(np.diagonal(R, axis1=1, axis2=2))
    spreads = residuals / np.sqrt(degrees) / diagonal[:, 1]
    weights = np.log(root) - degrees * np.log(np.maximum(residuals, TINY)) - np.log(diagonal).sum(axis=1)
    return coefficients[..., 0], spreads, weights
