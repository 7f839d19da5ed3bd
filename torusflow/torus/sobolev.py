"""The H^s metric on vector fields and the convolution with its kernel."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from ..arguments import check_kind, is_number, settle
from ..errors import InputError
from .grid import Torus


@dataclass(frozen=True)
class SobolevMetric:
    """<u, w>_V = sum_k (1 + l^2 |2 pi k|^2)^s u^_k conj(w^_k).

    The kernel of this reproducing kernel Hilbert space acts as (K*m)^_k = (1 + l^2 |2 pi k|^2)^(-s) m^_k. With
    smoothness 0 it is the trivial kernel K = delta_0; above d/2 + 1 the flows are diffeomorphisms [1]_.

    Parameters
    ----------
    smoothness : float
        s, between 0 and 10.
    length : float
        l, in units of the side of the torus, between 0 and 10.

    Raises
    ------
    InputError
        If one of them is not a number in its range.

    References
    ----------
    .. [1] A. Trouve, Diffeomorphisms groups and pattern matching in image analysis, Int. J. Comput. Vis. 28 (1998)
       213-221, doi:10.1023/A:1008001603737, Theorem 2.2.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> metric = tfl.SobolevMetric(smoothness=3.0, length=0.1)
    >>> metric.smoothness, metric.length
    (3.0, 0.1)
    """

    smoothness: float = 3.0
    length: float = 0.1

    def __post_init__(self):
        for name, why in (("smoothness", "above it the weights overflow"), ("length", "the side of the torus is 1")):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value <= 10:
                raise InputError(
                    f"SobolevMetric: {name} must be a number between 0 and 10 ({why}), got {value!r}. "
                    f"Usual are smoothness=3.0 and length=0.1."
                )
            settle(self, **{name: float(value)})

    def symbol(self, laplacian_symbol) -> np.ndarray:
        """(1 + l^2 |2 pi k|^2)^s from the array |2 pi k|^2."""
        return (1 + np.multiply(self.length**2, laplacian_symbol)) ** self.smoothness

    def smooth(self, torus: Torus, momentum) -> np.ndarray:
        """K*m, array (..., *n)."""
        check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
        return torus.filter(momentum, 1 / self.symbol(torus.laplacian_symbol))

    def roughen(self, torus: Torus, velocity) -> np.ndarray:
        """The inverse of `smooth`: (1 - l^2 Laplacian)^s u, array (..., *n)."""
        check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
        return torus.filter(velocity, self.symbol(torus.laplacian_symbol))

    def embedding(self, band: tuple[int, ...]) -> tuple[float, float, float]:
        """c_m with |D^m v(x)| <= c_m |v|_V for m = 0, 1, 2, every x and every field with |k_j| <= band_j.

        c_m^2 = sum_k |2 pi k|^(2m) / (1 + l^2 |2 pi k|^2)^s, by Cauchy's inequality; for m = 1 the largest eigenvalue
        of the matrix sum_k (2 pi k) (2 pi k)^T / (1 + l^2 |2 pi k|^2)^s, which is less.
        """
        axes = np.meshgrid(*(2 * np.pi * np.arange(-b, b + 1) for b in band), indexing="ij")
        waves = np.stack([axis.ravel() for axis in axes], axis=1)
        squares = (waves**2).sum(axis=1)
        weights = 1 / self.symbol(squares)
        slope = np.linalg.eigvalsh((waves.T * weights) @ waves)[-1]
        value, bend = weights.sum(), (weights * squares**2).sum()
        return float(np.sqrt(value)), float(np.sqrt(max(slope, 0.0))), float(np.sqrt(bend))

    def warn_if_rough(self, dimension: int) -> None:
        """Warn (once, by Python's default filter) when flows need not be diffeomorphisms, s <= d/2 + 1."""
        if self.smoothness <= dimension / 2 + 1:
            warnings.warn(
                f"smoothness {self.smoothness:g} <= d/2 + 1 = {dimension / 2 + 1:g}: the limit of finer bands need not "
                f"be a flow of diffeomorphisms. At a fixed band the results are exact nevertheless.",
                stacklevel=4,
            )
