"""Densities on the torus that can be drawn from and are known, for densities.py."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ive, logsumexp

TWO_PI = 2 * np.pi


@dataclass(frozen=True)
class Mixture:
    """Of von Mises densities: shares (K,), means in radians (K, d), and concentrations (K,) along every axis."""

    shares: tuple
    means: tuple
    concentrations: tuple

    def draw(self, n, rng):
        """Points in sides of the torus, array (n, d)."""
        which = rng.choice(len(self.shares), n, p=self.shares)
        concentrations = np.array(self.concentrations)[which][:, None]
        return rng.vonmises(np.array(self.means)[which], concentrations) / TWO_PI % 1.0

    def log_density(self, points):
        """Relative to the uniform one, array (M,)."""
        k = np.array(self.concentrations)[:, None]
        cosines = np.cos(TWO_PI * points[None] - np.array(self.means)[:, None])
        logs = (k[..., None] * (cosines - 1) - np.log(ive(0, k))[..., None]).sum(axis=2)
        return logsumexp(logs + np.log(self.shares)[:, None], axis=0)


class Banana:
    """`torusflow.densities.banana` between the points of its grid: a hundred to one, a curved ridge beside a hill."""

    contrast = 100.0

    def __init__(self):
        values = self._shape(_grid(256))
        self._lowest, self._highest = values.min(), values.max()
        self._mean = self._relative(_grid(2048)).mean()

    def draw(self, n, rng):
        """Points in sides of the torus, array (n, 2), by rejection."""
        found, count = [], 0
        while count < n:
            points = rng.random((2**18, 2))
            found.append(points[rng.random(len(points)) * self.contrast < self._relative(points)])
            count += len(found[-1])
        return np.concatenate(found)[:n]

    def log_density(self, points):
        """Relative to the uniform one, array (M,)."""
        return np.log(self._relative(points) / self._mean)

    def _relative(self, points):
        return 1 + (self.contrast - 1) * (self._shape(points) - self._lowest) / (self._highest - self._lowest)

    @staticmethod
    def _shape(points):
        x, y = (TWO_PI * points - np.pi).T
        return 3 * np.exp(-(x**2) - 10 * (y - x**2 / 2 + 1) ** 2) + 2 * np.exp(-((x + 1) ** 2) - y**2) + 0.1


def _grid(n):
    axis = np.arange(n) / n
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


KNOWN = {
    "unimodal": lambda: Mixture((1.0,), ((4.18, 5.96),), (1.0,)),
    "banana": Banana,
    "mixture of three, 3-D": lambda: Mixture(
        (0.5, 0.3, 0.2), ((0.5, 3.0, 5.0), (2.0, 1.0, 4.0), (4.5, 5.5, 0.5)), (8.0, 4.0, 15.0)
    ),
}
