"""Fields sum_j k(., c_j) a_j in the reproducing kernel Hilbert space of a kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..arguments import checked_rows, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean
from .flow_bounds import FieldConstants
from .kernels import Kernel


@dataclass(frozen=True, eq=False)
class OnCentres(OneLine):
    """Fields sum_j k(., c_j) a_j, whatever coordinates they have.

    No matrix of points times centres is kept.

    Parameters
    ----------
    kernel : GaussianKernel, MaternKernel or SobolevKernel
    centres : array (M, d)
    """

    kernel: Kernel
    centres: np.ndarray

    def __post_init__(self):
        if not isinstance(self.kernel, Kernel):
            raise InputError(
                f"{type(self).__name__}: the kernel must be a GaussianKernel, MaternKernel or SobolevKernel, got "
                f"{self.kernel!r}."
            )
        settle(self, centres=checked_rows(self.centres))
        if self.kernel.dimension not in (None, self.centres.shape[1]):
            raise InputError(
                f"{type(self).__name__}: the kernel is one on a torus of dimension {self.kernel.dimension}, the "
                f"centres are an array {self.centres.shape}."
            )

    def matrix(self, points) -> np.ndarray:
        """k(x_i, c_j), array (N, M); for small problems and checks."""
        return self.kernel.matrix(self.placed(checked_rows(points)), self.centres)

    def apply(self, points, coefficients) -> np.ndarray:
        """sum_j k(x_i, c_j) a_j, array (N, columns of a)."""
        return self.kernel.sums(self.placed(points), self.centres, coefficients)

    def checked_coefficients(self, coefficients) -> np.ndarray:
        """An array like the centres, of floats, or an InputError."""
        if np.shape(coefficients) != self.centres.shape:
            raise InputError(
                f"coefficients must be {self.centres.shape}, like the centres, got {np.shape(coefficients)}."
            )
        return np.ascontiguousarray(coefficients, float)

    def check_dimension(self, dimension: int) -> None:
        """Raise an InputError unless the centres lie in R^dimension."""
        if dimension != self.centres.shape[1]:
            raise InputError(f"the centres lie in R^{self.centres.shape[1]}, the points in R^{dimension}.")

    def placed(self, points) -> np.ndarray:
        """The points as the compiled loops need them, which do not look whether an index is in range."""
        if np.ndim(points) != 2 or np.shape(points)[1] != self.centres.shape[1]:
            raise InputError(
                f"the centres lie in R^{self.centres.shape[1]}, the points are an array {np.shape(points)}."
            )
        return np.ascontiguousarray(points, float)


@dataclass(frozen=True, eq=False)
class KernelField(OnCentres):
    """v(x) = sum_j k(x, c_j) a_j, with coefficients a (M, d) and <a, b> = sum_ij k(c_i, c_j) a_i.b_j.

    No matrix of points times centres is kept; the one of the centres is, with its Cholesky factor.

    Parameters
    ----------
    kernel : GaussianKernel, MaternKernel or SobolevKernel
    centres : array (M, d)
        Different from each other.

    Raises
    ------
    InputError
        If the kernel matrix of the centres is not numerically positive definite.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> family = tfl.KernelField(tfl.MaternKernel(1.0), centres=x[:2])
    >>> tfl.RKHSNODE(x, family, layers=4).space.zeros().shape
    (4, 2, 2)
    """

    gram: np.ndarray = field(init=False, repr=False)
    _factor: tuple = field(init=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        gram = self.matrix(self.centres)
        try:
            factor = cho_factor(gram, lower=True)
        except LinAlgError:
            raise InputError(
                f"the kernel matrix of the {len(gram)} centres is singular to round-off (least eigenvalue "
                f"{np.linalg.eigvalsh(gram)[0]:.1e}). Move centres apart, use fewer, or a smaller length."
            ) from None
        settle(self, gram=gram, _factor=factor)

    @cached_property
    def condition(self) -> float:
        """Condition number of the kernel matrix of the centres."""
        return float(np.linalg.cond(self.gram))

    def space(self, layers: int, dimension: int) -> Euclidean:
        """The space of controls (layers, M, d)."""
        self.check_dimension(dimension)
        return Euclidean((layers, *self.centres.shape), 1 / layers, self.gram)

    def field(self, coefficients) -> KernelSum:
        """v for given a."""
        return KernelSum(self, self.checked_coefficients(coefficients))

    def constants(self) -> FieldConstants:
        """What |v|_V says of v and its derivatives at any point."""
        return FieldConstants(math.sqrt(self.kernel.at_zero), self.kernel.lipschitz, self.kernel.bend(self.gram))

    def riesz(self, points, momenta) -> np.ndarray:
        """The coefficients of the projection of sum_i k(., x_i) p_i to the span of the centres, array (M, d)."""
        points, momenta = self.placed(points), np.ascontiguousarray(momenta)
        return cho_solve(self._factor, self.kernel.sums(self.centres, points, momenta))


class KernelSum:
    """sum_j k(x, c_j) a_j (`torusflow.transport.particles.Field`)."""

    def __init__(self, family, coefficients):
        self._family, self._coefficients = family, coefficients

    def value(self, points):
        return self._family.apply(points, self._coefficients)

    def tangent(self, points, change):
        return self._sweep(points, change, False)

    def transpose(self, points, weight):
        return self._sweep(points, weight, True)

    def _sweep(self, points, vectors, transposed):
        kernel, centres = self._family.kernel, self._family.centres
        points, vectors = self._family.placed(points), self._family.placed(vectors)
        return kernel.derivative(points, centres, self._coefficients, vectors, transposed)
