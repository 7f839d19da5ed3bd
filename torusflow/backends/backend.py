"""What a backend offers to the Torus: transforms, stages of continuity and advection, and sums, of arrays it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike

from .division import Division


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

    The same for d_s u = -v.grad u - f, f a field that is constant in a step: B(v) u = -P sum_j v_j d_j u is the
    transpose of -A(v). Here a step adds up w_1 = b_1 P(B(v) u - f) and w_m = b_m B(v) w_(m-1), with b_1, b_2, ... the
    coefficients from the last to the first: the same polynomial, whose transpose is that of Horner's form.

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

    def advect(self, base, velocity, source, coefficients, steps: int, keep=None) -> None:
        """base <- u after some steps, source (*n) being f; keep (steps, stages, d, *n) is filled with the slopes
        -c d_j w that each stage multiplies by v_j, the stages from the last to the first."""
        ...

    def advect_tangent(self, base, velocity, tangent_velocity, tangent_source, slopes, coefficients) -> None:
        """base <- its change with v and f, from slopes that `advect` kept."""
        ...

    def advect_transpose(self, weight, velocity, slopes, coefficients, momentum, source_bar, fresh: bool) -> None:
        """weight <- the transpose of some steps; momentum (d, *n) gains sum q_m slope_m, source_bar (*n) gains what f
        is weighted by, or they are that."""
        ...


class Empty(Protocol):
    """What makes empty arrays: the backend, or a piece of memory that is used again."""

    def empty(self, shape) -> np.ndarray:
        """An array of real numbers that holds anything."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Where the fields of a Torus live; chosen once, when the Torus is made.

    Its arrays are NumPy's, or of a library whose arrays NumPy's functions take (`__array_ufunc__`,
    `__array_function__`), with the methods and slices of NumPy's. They may refuse to be mixed with those of NumPy, to
    be indexed by them, and to become one unasked; then they have a method ``get`` that makes one. What it gives is
    called an array here. Numbers and bools come back as Python's.

    Shapes of `plan` and `stages` have length three: fields of fewer dimensions have axes of one point.

    Attributes
    ----------
    library : str
        The name under which a Torus asks for it.
    threads : int
    device : str
        Where its arrays live: tori are equal if their grids and these are.
    division : Division
        Who has which part of them; what is said here of arrays is then said of the parts that are here, and sums and
        extremes are those of all parts. `torusflow.backends.Undivided()` where this process has all of it.
    """

    library: str
    threads: int
    device: str

    @property
    def division(self) -> Division: ...

    # -- arrays ------------------------------------------------------------------------------------------------

    def empty(self, shape, dtype: DTypeLike = float) -> np.ndarray:
        """An array that holds anything."""
        ...

    def zeros(self, shape, dtype: DTypeLike = float) -> np.ndarray:
        """An array of zeros."""
        ...

    def asarray(self, values) -> np.ndarray:
        """Numbers from anywhere as an array; the same object where they are one.

        Raises
        ------
        ValueError
            If they are rows of unequal lengths.
        TypeError
            If they live where they cannot be fetched from unasked; the text says what to do.
        """
        ...

    def fixed(self, values) -> np.ndarray:
        """A copy of an array, which cannot be written into where the library knows of that."""
        ...

    def spare(self) -> Empty:
        """Memory of large arrays, used again when they are gone."""
        ...

    def free_memory(self) -> float:
        """Bytes for more arrays, now."""
        ...

    def physical_memory(self) -> float:
        """Bytes for arrays, were there no others."""
        ...

    # -- transforms --------------------------------------------------------------------------------------------

    def plan(self, shape, modes, batch: int) -> Transform:
        """A transform of `batch` fields, truncated to |k_j| <= modes_j; None keeps all modes."""
        ...

    def stages(self, dimension: int, shape, modes) -> Stages:
        """The stages with densities truncated to |k_j| <= modes_j."""
        ...

    def parallel(self, function: Callable, parts: Sequence) -> None:
        """Call function(part) for every part, on as many threads as there are."""
        ...

    # -- sums and extremes -------------------------------------------------------------------------------------

    def total(self, f) -> float:
        """The sum of all numbers of an array (..., *modes)."""
        ...

    def mean(self, f) -> float:
        """The mean of all numbers of a field."""
        ...

    def inner(self, f, g) -> float:
        """The sum of the products of two fields."""
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
        """max_x sum_j w_j |v_j(x)| of a field (d, *n), with w_j >= 0; not finite if the field is not.

        Where work is queued this is an array of which it is the largest, and nobody waits before that is looked at.
        """
        ...
