"""An approximate inverse of diffusions whose diffusivity varies: a preconditioner for implicit steps."""

from __future__ import annotations

import math

import numpy as np

from ..torus.grid import Torus

# The ratio of neighbouring constants, and how many there are at most: 3,000 between the largest and the smallest.
RATIO, MOST_LEVELS = 5.0, 6
TINY = float(np.finfo(float).tiny)


class LocalInverse:
    """r -> about (1 + sigma(x) D)^-1 r for a diffusivity sigma(x) and a symbol D.

    At each point it is what it were if sigma were constant, interpolated in log sigma between a few constants.

    Parameters
    ----------
    torus : Torus
    sigma : array (*n)
        Not negative.
    symbol : array (*spectral_shape)
        D >= 0.
    """

    def __init__(self, torus: Torus, sigma, symbol):
        self._torus = torus
        largest = max(torus.maximum(sigma), TINY)
        depth = np.log(largest / np.maximum(sigma, TINY)) / math.log(RATIO)  # in levels below the largest
        count = min(MOST_LEVELS, 1 + math.ceil(torus.maximum(depth)))
        self._filters = [1 / (1 + largest / RATIO**level * symbol) for level in range(count)]
        self._weights = [np.maximum(0, 1 - np.abs(np.minimum(depth, count - 1) - level)) for level in range(count)]

    def __call__(self, r_hat) -> np.ndarray:
        """The coefficients of the result, from those of r."""
        levels = self._torus.inverse(np.stack([symbol * r_hat for symbol in self._filters]))
        return self._torus.transform(sum(weight * r for weight, r in zip(self._weights, levels, strict=True)))
