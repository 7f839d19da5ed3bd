"""Fields W phi(x) with fixed features phi, and random Fourier features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import numpy as np

from ..arguments import checked_seed, checked_whole, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from .flow_bounds import FieldConstants
from .kernels import checked_length

# Numbers that functions of the points give at a time, 8 MB: the memory of a model then grows with the points and the
# features, not with their product.
NUMBERS_AT_A_TIME = 2**20


@dataclass(frozen=True, eq=False)
class Features(OneLine):
    """v(x) = W phi(x), with coefficients W (d, m) and <V, W> = trace V^T W.

    Parameters
    ----------
    function : callable
        phi: points (N, d) -> array (N, m), each row from one point; called with some points at a time.
    jacobian : callable
        points (N, d) -> array (N, m, d) of the derivatives d phi_j / d x_i.
    count : int
        m.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> features = tfl.Features(np.sin, lambda x: np.cos(x)[:, :, None] * np.eye(x.shape[1]), count=2)
    >>> model = tfl.RKHSNODE(np.zeros((5, 2)), features, layers=3)
    >>> model.space.zeros().shape
    (3, 2, 2)
    """

    function: Callable
    jacobian: Callable
    count: int

    def __post_init__(self):
        settle(self, count=checked_whole("count", self.count))
        for name in ("function", "jacobian"):
            if not callable(getattr(self, name)):
                raise InputError(f"Features: {name} must be a function of points (N, d), got {getattr(self, name)!r}.")

    def space(self, layers: int, dimension: int) -> Euclidean:
        """The space of controls (layers, d, m)."""
        return Euclidean((layers, dimension, self.count), 1 / layers)

    def field(self, coefficients) -> FeatureField:
        """v for given W."""
        return FeatureField(self, coefficients)

    def riesz(self, points, momenta) -> np.ndarray:
        """sum_i p_i phi(x_i)^T, array (d, m)."""
        return cast(
            np.ndarray, sum(momenta[here].T @ self.values(points[here]) for here in self.pieces(points, self.count))
        )

    def constants(self) -> FieldConstants:
        raise InputError(
            "how large features of your own and their derivatives may become is not known, so there are no bounds for "
            "certificates. Take RandomFourierFeatures or a KernelField."
        )

    @staticmethod
    def pieces(points, numbers: int) -> list[slice]:
        """The points in pieces, for a function that gives that many numbers for each."""
        at_a_time = max(1, NUMBERS_AT_A_TIME // numbers)
        return [slice(start, start + at_a_time) for start in range(0, max(1, len(points)), at_a_time)]

    def values(self, points) -> np.ndarray:
        """phi(x), array (N, m), or an error that names the function."""
        return _checked(self.function, points, (len(points), self.count))

    def derivatives(self, points) -> np.ndarray:
        """D phi(x), array (N, m, d), or an error that names the function."""
        return _checked(self.jacobian, points, (len(points), self.count, points.shape[1]))


class FeatureField:
    """W phi(x) (`torusflow.transport.particles.Field`)."""

    def __init__(self, features, coefficients):
        self._features, self._coefficients = features, coefficients

    def value(self, points):
        features, coefficients = self._features, self._coefficients
        return self._by_pieces(features.count, lambda x: features.values(x) @ coefficients.T, points)

    def tangent(self, points, change):
        return self._with_derivatives("nmi,ni->nm", points, change, after=self._coefficients.T)

    def transpose(self, points, weight):
        return self._with_derivatives("nmi,nm->ni", points, weight, before=self._coefficients)

    def _with_derivatives(self, sums, points, vectors, before=None, after=None):
        features = self._features

        def apply(x, y):
            y = y if before is None else y @ before
            found = np.einsum(sums, features.derivatives(x), y)
            return found if after is None else found @ after

        return self._by_pieces(features.count * points.shape[1], apply, points, vectors)

    def _by_pieces(self, numbers, function, *rows):
        pieces = self._features.pieces(rows[0], numbers)
        return np.concatenate([function(*(row[here] for row in rows)) for here in pieces])


@dataclass(frozen=True, eq=False)
class RandomFourierFeatures(OneLine):
    """phi_j(x) = sqrt(2/m) cos(omega_j.x + b_j), omega_j normal with variance 1/length^2, b_j uniform [1]_.

    Their inner products approach the Gaussian kernel exp(-|x - y|^2 / (2 length^2)) as m grows.

    Parameters
    ----------
    dimension : int
        d.
    count : int
        m.
    length : float
        Positive.
    seed : int

    References
    ----------
    .. [1] A. Rahimi, B. Recht, Random features for large-scale kernel machines, NeurIPS 2007, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.RKHSNODE(np.zeros((5, 2)), tfl.RandomFourierFeatures(dimension=2, count=50), layers=3)
    >>> model.space.zeros().shape
    (3, 2, 50)
    """

    dimension: int
    count: int
    length: float = 1.0
    seed: int = 0

    def __post_init__(self):
        checked_whole("dimension", self.dimension)
        checked_whole("count", self.count)
        settle(self, length=checked_length(self.length))
        checked_seed(self.seed)

    @cached_property
    def _features(self) -> Features:
        rng = np.random.default_rng(self.seed)
        omega = rng.standard_normal((self.count, self.dimension)) / self.length
        phase, size = rng.uniform(0, 2 * np.pi, self.count), np.sqrt(2 / self.count)

        return Features(partial(_waves, size, omega, phase), partial(_waves_jacobian, size, omega, phase), self.count)

    def space(self, layers: int, dimension: int) -> Euclidean:
        """The space of controls (layers, d, m)."""
        if dimension != self.dimension:
            raise InputError(f"these features are functions on R^{self.dimension}, the points lie in R^{dimension}.")
        return self._features.space(layers, dimension)

    def field(self, coefficients) -> FeatureField:
        """v for given W."""
        return self._features.field(coefficients)

    def riesz(self, points, momenta) -> np.ndarray:
        """sum_i p_i phi(x_i)^T, array (d, m)."""
        return self._features.riesz(points, momenta)

    def values(self, points) -> np.ndarray:
        """phi(x), array (N, m)."""
        return self._features.values(points)

    def derivatives(self, points) -> np.ndarray:
        """D phi(x), array (N, m, d)."""
        return self._features.derivatives(points)

    def constants(self) -> FieldConstants:
        """What |W| says of v = W phi and its derivatives at any point: |phi|, |D phi| and |D^2 phi| at most."""
        size, omega = self._features.function.args[:2]
        slope = size * np.linalg.norm(omega, 2)
        fastest = np.sqrt((omega**2).sum(axis=1).max())
        return FieldConstants(float(size * np.sqrt(self.count)), float(slope), float(slope * fastest))


def _waves(size, omega, phase, x):
    return size * np.cos(x @ omega.T + phase)


def _waves_jacobian(size, omega, phase, x):
    return -size * np.sin(x @ omega.T + phase)[:, :, None] * omega


def _checked(function, points, shape) -> np.ndarray:
    name = getattr(function, "__name__", type(function).__name__)
    fixed = points.view()
    fixed.flags.writeable = False  # what a function did to its argument would change the flow behind its back
    values = function(fixed)
    try:
        values = np.asarray(values)
    except ValueError:
        raise InputError(f"the function {name!r} gave rows of unequal length, expected real {shape}.") from None
    if values.shape != shape or values.dtype.kind not in "fiu":
        raise InputError(
            f"the function {name!r} gave an array {values.shape} of {values.dtype}, expected real {shape}."
        )
    if not np.all(np.isfinite(values)):
        row = np.argwhere(~np.isfinite(values))[0][0]
        raise NumericalError(
            f"the function {name!r} gave {values[row].ravel()[0]} or the like at the point {points[row]}."
        )
    return values
