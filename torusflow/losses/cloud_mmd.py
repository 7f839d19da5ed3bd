"""Clouds of points against densities and other clouds, in a dual Sobolev norm."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ..arguments import checked_flag, settle
from ..display import OneLine
from ..errors import InputError
from ..torus.coordinates import check_sides
from ..torus.density import Density
from ..torus.grid import TWO_PI, Torus
from ..torus.scattered import characteristic_function, checked_points, evaluate
from ..torus.series import full_spectrum
from ..torus.sobolev import SobolevMetric


@dataclass(frozen=True, eq=False)
class CloudMMD(OneLine):
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

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> loss = tfl.losses.CloudMMD(tfl.densities.uniform(tfl.Torus((16, 16))))
    >>> loss(np.zeros((1, 2))) > loss(np.random.default_rng(0).random((100, 2)))
    True
    """

    target: Density | np.ndarray
    torus: Torus = field(default=cast(Torus, None))  # that of a target density
    order: float = 2.0
    length: float = 1.0
    squared: bool = False
    _weights: np.ndarray = field(init=False, repr=False)
    _frequencies: list[np.ndarray] = field(init=False, repr=False)
    _target_hat: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
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
        settle(
            self,
            torus=torus,
            _weights=1 / metric.symbol(sum((TWO_PI * k) ** 2 for k in frequencies)),
            _frequencies=frequencies,
            _target_hat=target_hat,
        )

    def check(self, space) -> None:
        """Raise an InputError unless outputs are points on the torus."""
        if len(space.shape) != 2 or space.shape[1] != self.torus.dimension:
            raise InputError(f"CloudMMD compares points (N, {self.torus.dimension}), the model gives {space.shape}.")

    def __call__(self, y) -> float:
        square = self._square(self._difference(y))
        return square / 2 if self.squared else math.sqrt(square)

    def gradient(self, y) -> np.ndarray:
        """Array (N, d)."""
        y = checked_points(y, self.torus.dimension, "CloudMMD: ", 1)
        difference = self._difference(y)
        smooth = self._weights * difference
        gradients_hat = np.stack([TWO_PI * 1j * k * smooth for k in self._frequencies])
        gradient = evaluate(y, gradients_hat).T / len(y)
        norm = math.sqrt(self._square(difference))
        return gradient if self.squared or norm == 0 else gradient / norm

    def _difference(self, y) -> np.ndarray:
        cloud = checked_points(y, self.torus.dimension, "CloudMMD: ", 1)
        return characteristic_function(cloud, self._target_hat.shape) - self._target_hat

    def _square(self, difference) -> float:
        return float(np.vdot(difference, self._weights * difference).real)


def checked_cloud(name: str, points, dimension: int) -> np.ndarray:
    """Points (M, d) of data, at least one, as a new array."""
    points = checked_points(points, dimension, f"{name}: ", 1)
    check_sides(points, f"{name}: the points")
    points.flags.writeable = False
    return points
