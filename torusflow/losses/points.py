"""Losses that compare points or matrices with targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arguments import checked_flag, real_array
from ..errors import InputError
from ..torus.coordinates import check_sides
from ..torus.density import Density
from ..torus.evaluation import full_spectrum
from ..torus.grid import TWO_PI, Torus
from ..torus.sobolev import SobolevMetric


@dataclass(frozen=True, eq=False)
class PointLoss:
    """What the losses against targets of the same shape have in common.

    Parameters
    ----------
    targets : array
        Of the shape of the model's output.

    Raises
    ------
    InputError
        If they are no array of finite numbers.
    """

    targets: np.ndarray

    def __post_init__(self):
        name = f"{type(self).__name__}: the targets"
        targets = real_array(self.targets, name)
        if not targets.size:
            raise InputError(f"{name} are none: an array {targets.shape}. Give one for each output of the model.")
        if not np.all(np.isfinite(targets)):
            entry = np.argwhere(~np.isfinite(targets))[0].tolist()
            raise InputError(f"{name} must be finite: entry {entry} is {targets[tuple(entry)]}.")
        targets.flags.writeable = False
        object.__setattr__(self, "targets", targets)

    def check(self, space) -> None:
        """Raise an InputError unless outputs have the shape of the targets."""
        if space.shape != self.targets.shape:
            raise InputError(
                f"{type(self).__name__}: targets have shape {self.targets.shape}, the model's outputs {space.shape}."
            )

    def difference(self, y) -> np.ndarray:
        """y - y*, both of one shape."""
        y = real_array(y, f"{type(self).__name__}: the points")
        if y.shape != self.targets.shape:
            raise InputError(f"{type(self).__name__}: targets have shape {self.targets.shape}, the points {y.shape}.")
        return y - self.targets


@dataclass(frozen=True, eq=False)
class SquaredDistance(PointLoss):
    """(1/2) sum |y - y*|^2, gradient y - y*.

    Parameters
    ----------
    targets : array
        y*, of the shape of the model's output.
    """

    def __call__(self, y) -> float:
        difference = self.difference(y)
        return float(np.vdot(difference, difference)) / 2

    def gradient(self, y) -> np.ndarray:
        return self.difference(y)

    def curvature(self, y, direction) -> np.ndarray:
        return direction


@dataclass(frozen=True, eq=False)
class GeodesicDistance(PointLoss):
    """(1/2) sum of squared distances on the torus; gradient the shortest way from the target.

    Not differentiable where a point is opposite its target, half a side away; there one of the two ways is taken.

    Parameters
    ----------
    targets : array (N, d)
        In sides of the torus.
    """

    def __call__(self, y) -> float:
        difference = self.gradient(y)
        return float(np.vdot(difference, difference)) / 2

    def gradient(self, y) -> np.ndarray:
        return (self.difference(y) + 0.5) % 1.0 - 0.5

    def curvature(self, y, direction) -> np.ndarray:
        return direction


@dataclass(frozen=True, eq=False)
class CloudMMD:
    """|mu_N - mu*|_{H^-r}, mu_N = (1/N) sum_i delta_{y_i}: points against a density or another cloud on the torus.

    |mu|^2 = sum_k (1 + l^2 |2 pi k|^2)^(-r) |mu^_k|^2 over the modes of the grid; or half its square.

    Parameters
    ----------
    target : Density or array (M, d)
    torus : Torus, optional
        Whose modes |k_j| < n_j/2 are compared; needed when the target is a cloud.
    order : float
        r; above d/2 the limit of infinitely many modes exists.
    length : float
        l, in sides of the torus.
    squared : bool
        Whether to give half the square, which is smooth at the target.

    Raises
    ------
    InputError
        If the target is neither, or a number is out of range.
    """

    target: Density | np.ndarray
    torus: Torus | None = None
    order: float = 2.0
    length: float = 1.0
    squared: bool = False

    def __post_init__(self):
        from ..torus.densities import characteristic_function

        torus = self.target.torus if isinstance(self.target, Density) else self.torus
        if not isinstance(torus, Torus):
            raise InputError("CloudMMD: give a Density as target, or a cloud (M, d) together with torus=Torus(...).")
        if self.torus is not None and (not isinstance(self.torus, Torus) or self.torus != torus):
            raise InputError(f"CloudMMD: the target is a density on {torus!r}, but torus={self.torus!r}; leave it out.")
        checked_flag("CloudMMD: squared", self.squared)
        try:
            metric = SobolevMetric(self.order, self.length)
        except InputError:
            raise InputError(
                f"CloudMMD: order and length must be numbers between 0 and 10, "
                f"got order={self.order!r}, length={self.length!r}."
            ) from None
        shape = tuple(2 * ((n - 1) // 2) + 1 for n in torus.shape)  # no Nyquist modes
        frequencies = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij", sparse=True)
        if isinstance(self.target, Density):
            odd = Torus(shape, threads=1)
            values = torus.resample(self.target.values, odd)
            half = odd.transform(values)
            target_hat = full_spectrum(half[None], len(shape))[0]
        else:
            target_hat = characteristic_function(checked_cloud("CloudMMD", self.target, torus.dimension), shape)
        for name, value in (
            ("torus", torus),
            ("_weights", 1 / metric.symbol(sum((TWO_PI * k) ** 2 for k in frequencies))),
            ("_frequencies", frequencies),
            ("_target_hat", target_hat),
        ):
            object.__setattr__(self, name, value)

    def check(self, space) -> None:
        """Raise an InputError unless outputs are points on the torus."""
        if len(space.shape) != 2 or space.shape[1] != self.torus.dimension:
            raise InputError(f"CloudMMD compares points (N, {self.torus.dimension}), the model gives {space.shape}.")

    def __call__(self, y) -> float:
        square = self._square(self._difference(y))
        return square / 2 if self.squared else math.sqrt(square)

    def gradient(self, y) -> np.ndarray:
        """Array (N, d)."""
        import finufft

        y = _finite_cloud("CloudMMD", y, self.torus.dimension)
        difference = self._difference(y)
        smooth = self._weights * difference
        gradients_hat = np.stack([TWO_PI * 1j * k * smooth for k in self._frequencies])
        transform = {1: finufft.nufft1d2, 2: finufft.nufft2d2, 3: finufft.nufft3d2}[y.shape[1]]
        points = (np.ascontiguousarray(TWO_PI * (axis % 1.0)) for axis in y.T)
        gradient = transform(*points, gradients_hat, isign=1, eps=1e-12, modeord=1, nthreads=1).real.T / len(y)
        norm = math.sqrt(self._square(difference))
        return gradient if self.squared or norm == 0 else gradient / norm

    def _difference(self, y) -> np.ndarray:
        from ..torus.densities import characteristic_function

        cloud = _finite_cloud("CloudMMD", y, self.torus.dimension)
        return characteristic_function(cloud, self._target_hat.shape) - self._target_hat

    def _square(self, difference) -> float:
        return float(np.vdot(difference, self._weights * difference).real)


def checked_cloud(name: str, points, dimension: int) -> np.ndarray:
    """Points (M, d) of data, one at least, as an array of their own."""
    points = _finite_cloud(name, points, dimension)
    check_sides(points, f"{name}: the cloud")
    points.flags.writeable = False
    return points


def _finite_cloud(name: str, points, dimension: int) -> np.ndarray:
    """FINUFFT reads beyond its arrays where a point is not finite."""
    points = real_array(points, f"{name}: the cloud")
    shape = points.shape
    if len(shape) != 2 or shape[1] != dimension or not shape[0] or not np.all(np.isfinite(points)):
        raise InputError(f"{name}: the cloud must be finite (M, {dimension}), with M >= 1, got {shape}.")
    return points


def weighted_samples(torus: Torus, points, weights) -> np.ndarray:
    """The modes |k_j| < n_j/2 of the measure (1/M) sum_i w_i delta_{x_i}, on the grid.

    Parameters
    ----------
    torus : Torus
    points : array (M, d)
    weights : array (M,)

    Returns
    -------
    array (*n)
    """
    import finufft

    odd = without_nyquist(torus)
    transform = {1: finufft.nufft1d1, 2: finufft.nufft2d1, 3: finufft.nufft3d1}[torus.dimension]
    axes = (np.ascontiguousarray(TWO_PI * (axis % 1.0)) for axis in points.T)
    strengths = np.asarray(weights, complex) / len(points)
    sums = transform(*axes, strengths, odd.shape, isign=-1, eps=1e-12, modeord=1, nthreads=1)
    return odd.resample(odd.inverse(sums[..., : odd.spectral_shape[-1]]), torus)


def without_nyquist(torus: Torus) -> Torus:
    """The largest grid with an odd number of points along each axis, so that each coefficient stands for one mode."""
    return Torus(tuple(2 * ((n - 1) // 2) + 1 for n in torus.shape), torus.threads, torus.library)


def conflicting_pairs(points, targets) -> int:
    """How many points stand at the same place as another with a different target: no flow can fit those.

    Parameters
    ----------
    points, targets : array (N, d)
    """
    _, group = np.unique(points, axis=0, return_inverse=True)
    _, pair = np.unique(np.column_stack([group.ravel(), targets]), axis=0, return_inverse=True)
    targets_of_group = np.bincount(np.unique(np.column_stack([group.ravel(), pair.ravel()]), axis=0)[:, 0])
    return int(np.count_nonzero(targets_of_group[group.ravel()] > 1))
