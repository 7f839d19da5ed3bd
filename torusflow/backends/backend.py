"""What a backend offers to the Torus: transforms, stages of the continuity equation, and sums, of arrays it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np


class Transform(Protocol):
    """Forward and inverse real transform of some fields, truncated to given modes, with work arrays of its own.

    Attributes
    ----------
    real : array (batch, n_0, n_1, n_2)
    spectral : complex array (batch, K_0, K_1, K_2)
        f^_k = mean_x f exp(-2 pi i k.x) of the kept modes, in FFT order, with k_2 >= 0.
    wavenumbers : tuple of three arrays of int
        k_j along each axis of `spectral`.
    """

    real: np.ndarray
    spectral: np.ndarray
    wavenumbers: tuple[np.ndarray, ...]

    def forward(self, real=None) -> None:
        """real, or another array of its shape, -> spectral."""
        ...

    def inverse(self, real=None) -> None:
        """spectral -> real, or another array of its shape."""
        ...


class Stages(Protocol):
    """y <- products of c A(v) for A(v) rho = -sum_j d_j P(v_j rho), its tangent and its transpose.

    A step has stages y_m = base + c_m A(v) y_(m-1) with y_0 = base, and ends with the last of them. P keeps the modes
    that the stages were made for, all below the Nyquist mode.

    Attributes
    ----------
    kept : tuple of int
        Shape of coefficients.
    """

    kept: tuple[int, ...]

    def push(self, base, velocity, coefficients, steps: int, keep=None) -> None:
        """base <- the density after some steps; keep (steps, stages, *n) is filled with y_0, y_1, ... on the grid."""
        ...

    def tangent(self, base, velocity, tangent_velocity, densities, coefficients) -> None:
        """base <- its change, y'_m = base + c_m (A(v) y'_(m-1) + A(v') y_(m-1)), from densities that `push` kept."""
        ...

    def transpose(self, weight, velocity, densities, coefficients, momentum, fresh: bool) -> None:
        """weight <- the transpose of some steps; momentum (d, *n) gains sum_m c_m y_(m-1) P d_j w_m, or is that."""
        ...


class Backend(Protocol):
    """Where the fields of a Torus live; chosen once, when the Torus is made.

    Shapes have length three: fields of fewer dimensions have axes of one point.

    Attributes
    ----------
    library : str
        The name under which a Torus asks for it.
    threads : int
    """

    library: str
    threads: int

    def plan(self, shape, modes, batch: int) -> Transform:
        """A transform of `batch` fields, truncated to |k_j| <= modes_j; None keeps all modes."""
        ...

    def stages(self, dimension: int, shape, modes) -> Stages:
        """The stages with densities truncated to |k_j| <= modes_j."""
        ...

    def parallel(self, function: Callable, parts: Sequence) -> None:
        """Call function(part) for every part, on as many threads as there are."""
        ...

    def empty(self, shape) -> np.ndarray:
        """An array of real numbers that holds anything."""
        ...

    def mean(self, f) -> float:
        """The mean of all numbers."""
        ...

    def inner(self, f, g) -> float:
        """The sum of the products of two arrays."""
        ...

    def maximum(self, f) -> float:
        """The largest number."""
        ...

    def minimum(self, f) -> float:
        """The least number."""
        ...

    def is_finite(self, f) -> bool:
        """Whether all numbers are finite."""
        ...

    def largest(self, values) -> float:
        """max |x|, real and imaginary parts apart; not finite if one is not."""
        ...

    def fastest(self, velocity, weights) -> float:
        """max_x sum_j w_j |v_j(x)| of a field (d, *n), with w_j >= 0; not finite if the field is not."""
        ...
