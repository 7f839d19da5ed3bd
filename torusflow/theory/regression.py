"""A straight line through errors that may be correlated with their neighbours'."""

from __future__ import annotations

from typing import cast

import numpy as np

# Correlations of neighbouring errors that are weighed against each other; at one the line would be lost in the drift.
CORRELATIONS = np.linspace(-0.95, 0.99, 40)
LEVEL = 0.95


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
    not share that bias, times (1 - phi^2)^(-1/4). The interval is that of the mixture. Seen in simulations of 45 and 60
    points: it covers 95 to 97 of 100 with independent errors, heavy tails, and phi = 0.8.

    References
    ----------
    .. [1] D. A. Harville, Maximum likelihood approaches to variance component estimation and to related problems, J.
       Amer. Statist. Assoc. 72 (1977) 320-338, doi:10.1080/01621459.1977.10480998, section 3.
    """
    from scipy.optimize import brentq
    from scipy.stats import t as student  # slow to import

    middle, degrees = x.mean(), len(x) - 2
    design = np.column_stack([np.ones_like(x), x - middle])
    fits = [_fit(design, y, phi) for phi in CORRELATIONS]
    lines, spreads, likelihoods = (np.stack(part) for part in zip(*fits, strict=True))
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    intercept, slope = weights @ lines
    if not spreads.max() > 0:
        return float(intercept - slope * middle), float(slope), 0.0

    def missing(half_width):
        above, below = ((slope + sign * half_width - lines[:, 1]) / spreads for sign in (1, -1))
        return weights @ (student.cdf(above, degrees) - student.cdf(below, degrees)) - LEVEL

    widest = np.abs(lines[:, 1] - slope).max() + spreads.max() * student.ppf((1 + LEVEL) / 2, degrees)
    return float(intercept - slope * middle), float(slope), cast(float, brentq(missing, 0.0, 2 * widest))


def _fit(design, y, phi: float) -> tuple[np.ndarray, float, float]:
    """Coefficients, standard deviation of the slope, and the logarithm of the weight of phi."""
    root = np.sqrt(1 - phi**2)

    def whitened(z):
        return np.concatenate([root * z[:1], z[1:] - phi * z[:-1]])

    A, b = whitened(design), whitened(y)
    Q, R = np.linalg.qr(A)
    coefficients = np.linalg.solve(R, Q.T @ b)
    degrees, residual = len(y) - 2, np.linalg.norm(b - A @ coefficients)
    inverse = np.linalg.inv(R)
    weight = np.log(root) / 2 - degrees * np.log(max(residual, np.finfo(float).tiny)) - np.log(np.abs(np.diag(R))).sum()
    return coefficients, float(residual / np.sqrt(degrees) * np.linalg.norm(inverse[1])), float(weight)
