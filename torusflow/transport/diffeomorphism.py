"""A diffeomorphism of the torus given by its displacement on the grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arguments import check_kind
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..torus.grid import Torus
from ..torus.scattered import TrigonometricPolynomial, checked_points
from .flow_map import INVERSE_TOLERANCE

# Newton's method for the inverse, with steps halved at the points where the gap does not shrink.
NEWTON_ITERATIONS = 60


class Diffeomorphism(OneLine):
    """phi(x) = x + xi(x), xi(x) = sum_k xi^_k exp(2 pi i k.x) from its values on the grid.

    Points are not wrapped into [0, 1): phi(x + k) = phi(x) + k for whole k.

    Parameters
    ----------
    torus : Torus
    displacement : array (d, *n)
        xi, in sides of the torus.

    Attributes
    ----------
    jacobians : array (N, d, d)
        D phi at the points of the grid, entry i, j the derivative of component i along x_j.

    Raises
    ------
    InputError
        If the displacement is not a field on this torus, or the map folds at a point of the grid.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> phi = tfl.Diffeomorphism(torus, 0.1 * np.sin(2 * np.pi * torus.points[0])[None])
    >>> bool(np.allclose(phi.inverse(phi([[0.2], [0.7]])), [[0.2], [0.7]]))
    True
    """

    def __init__(self, torus: Torus, displacement):
        check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
        torus.refuse_divided("a Diffeomorphism is a map of", "leave out comm; points are moved by a FlowMap with it.")
        d, expected = torus.dimension, (torus.dimension, *torus.shape)
        displacement = torus.field(displacement)
        if displacement.shape != expected or not torus.is_finite(displacement):
            raise InputError(f"a displacement on this torus is a finite array {expected}, got {displacement.shape}.")
        self.torus, self.displacement = torus, torus.to_host(displacement).copy()  # maps are of points
        slopes = np.stack([torus.to_host(torus.gradient(component)) for component in displacement])
        self.jacobians = np.eye(d) + np.moveaxis(slopes.reshape(d, d, -1), -1, 0)
        folded = np.count_nonzero(np.linalg.det(self.jacobians) <= 0)
        if folded:
            raise InputError(
                f"the map folds at {folded} of {torus.size} points of the grid (det <= 0), so it is not a "
                f"diffeomorphism. Use a smaller displacement, or a finer grid if this one does not resolve it."
            )
        self._series = [TrigonometricPolynomial(torus, component) for component in displacement]

    @classmethod
    def sampled(cls, torus: Torus, function: Callable) -> Diffeomorphism:
        """The diffeomorphism with the values of a map on the grid.

        Parameters
        ----------
        torus : Torus
        function : callable
            From points (N, d) to points, not wrapped, such as a `FlowMap`.

        Raises
        ------
        InputError
            If the function does not map points to points, or its values fold.
        """
        check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
        x = np.stack([torus.to_host(axis).ravel() for axis in torus.points], axis=1)
        image = np.asarray(function(x)) if callable(function) else np.empty(0)
        if image.shape != x.shape or image.dtype.kind not in "fiub":
            raise InputError(
                f"a map of this torus takes points {x.shape} to points, got a {type(function).__name__}. "
                f"Displacements on the grid are made a map by Diffeomorphism(torus, displacement)."
            )
        return cls(torus, (image - x).T.reshape(-1, *torus.shape))

    def __call__(self, points) -> np.ndarray:
        """phi(x), array (N, d), at points (N, d)."""
        x = checked_points(points, self.torus.dimension)
        return x + np.stack([series.value(x) for series in self._series], axis=1)

    def jacobian(self, points) -> np.ndarray:
        """D phi(x), array (N, d, d), entry i, j the derivative of component i along x_j."""
        return self._jet(checked_points(points, self.torus.dimension))[1]

    def inverse(self, points) -> np.ndarray:
        """phi^(-1)(y), array (N, d), to round-off, by Newton's method.

        Raises
        ------
        NumericalError
            If it does not converge at one of the points, because phi folds between the points of the grid.
        """
        y = checked_points(points, self.torus.dimension)
        x, share = y, np.ones((len(y), 1))
        image, jacobian = self._jet(x)
        tolerance = INVERSE_TOLERANCE * (1 + np.max(np.abs(y), initial=0.0))
        for _ in range(NEWTON_ITERATIONS):
            gap = image - y
            if np.max(np.abs(gap), initial=0.0) <= tolerance:
                return x
            trial = x - share * np.linalg.solve(jacobian, gap[..., None])[..., 0]
            trial_image, trial_jacobian = self._jet(trial)
            size, trial_size = (np.abs(g).max(axis=1, keepdims=True) for g in (gap, trial_image - y))
            better = (trial_size <= np.maximum(size, tolerance)) & (np.linalg.det(trial_jacobian) > 0)[:, None]
            x, image = np.where(better, trial, x), np.where(better, trial_image, image)
            jacobian = np.where(better[..., None], trial_jacobian, jacobian)
            share = np.where(better, 1.0, share / 2)
        missed = np.count_nonzero(np.abs(gap).max(axis=1) > tolerance)
        raise NumericalError(
            f"the map cannot be inverted at {missed} of {len(y)} points: it folds between the "
            f"points of the grid {self.torus.shape}. Use a finer grid."
        )

    def __matmul__(self, first: Callable) -> Diffeomorphism:
        """The composition self o first, sampled on this map's grid."""
        return Diffeomorphism.sampled(self.torus, lambda x: self(first(x)))

    def _jet(self, x) -> tuple[np.ndarray, np.ndarray]:
        values, gradients = zip(*(series.jet(x) for series in self._series), strict=True)
        return x + np.stack(values, axis=1), np.eye(self.torus.dimension) + np.stack(gradients, axis=1)
