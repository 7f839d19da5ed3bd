"""Linear networks: products of matrices, with or without skip connections, and their limit of infinite depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from scipy.linalg import expm, expm_frechet

from ..arguments import checked_choice, checked_columns, checked_rows, checked_whole, real_array, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean, norm
from ..model import DerivativeBounds
from .flow_bounds import bounded_exp

EPS = float(np.finfo(float).eps)


class MatrixProduct:
    """M_L ... M_1 X at a control, with the derivative both ways (`torusflow.model.Linearisation`).

    Parameters
    ----------
    factors : list of array
        M_1, ..., M_L.
    inputs : array (d, N)
    spread : callable
        dw -> the changes dM_1, ..., dM_L.
    gather : callable
        Gradients with respect to M_1, ..., M_L -> the gradient in the control space.
    """

    def __init__(self, factors, inputs, spread, gather):
        self.factors, self._spread, self._gather = factors, spread, gather
        self.states = [inputs]
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused
            for factor in factors:
                self.states.append(factor @ self.states[-1])
        self.output = self.states[-1]
        if not np.all(np.isfinite(self.output)):
            raise NumericalError("the output of the network is not finite. Use a smaller control.")
        self._output_space = Euclidean(self.output.shape)

    def tangent(self, dw, dx=None) -> np.ndarray:
        """sum_l M_L ... dM_l ... M_1 X, array like the output, and M_L ... M_1 dX where the inputs move too."""
        change = np.zeros_like(self.states[0]) if dx is None else dx
        for factor, state, d_factor in zip(self.factors, self.states[:-1], self._spread(dw), strict=True):
            change = factor @ change + d_factor @ state
        return change

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        return self.transpose(p)[0]

    def transpose(self, p) -> tuple[np.ndarray, np.ndarray]:
        """g and p_0, array (d, N), with <g, dw> + <p_0, dX> = <p, tangent(dw, dX)>."""
        p, gradients = self._output_space.element(p), []
        for factor, state in zip(reversed(self.factors), reversed(self.states[:-1]), strict=True):
            gradients.append(p @ state.T)
            p = factor.T @ p
        return self._gather(gradients[::-1]), p


@dataclass(frozen=True, eq=False)
class OnColumns(OneLine):
    """What networks that multiply X by a matrix have in common: outputs differ in the row space of X only.

    Parameters
    ----------
    X : array (d, N)
        One input per column.
    """

    X: np.ndarray
    sample_axis: ClassVar[int] = 1

    def part(self, rows) -> Self:
        """The same network on some of the inputs."""
        return replace(self, X=self.X[:, checked_choice(rows, self.X.shape[1])])

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in, one per row."""
        return self.X.T

    def rows(self, output) -> np.ndarray:
        """An output with one point per row."""
        return np.transpose(output)

    def starting(self, points) -> OnColumns:
        """The same network from other points (N, d), one per row."""
        return replace(self, X=checked_rows(points, len(self.X)).T)

    @cached_property
    def extreme_singular_values(self) -> tuple[float, float]:
        """The least one of X that is not zero to round-off, and the greatest; zeros if X is zero."""
        values = np.linalg.svd(self.X, compute_uv=False)[: self._row_basis.shape[1]].tolist()
        return (values[-1], values[0]) if values else (0.0, 0.0)

    def reach(self, p) -> np.ndarray:
        """p V V^T, the columns of V a basis of the row space of X."""
        return p @ self._row_basis @ self._row_basis.T

    @cached_property
    def _row_basis(self) -> np.ndarray:
        _, values, rows = np.linalg.svd(self.X, full_matrices=False)
        rank = np.count_nonzero(values > max(self.X.shape) * EPS * values[0])
        return rows[:rank].T


@dataclass(frozen=True, eq=False)
class LinearNetwork(OnColumns):
    """w -> W_L ... W_1 X.

    Parameters
    ----------
    X : array (d, N)
        One input per column.
    widths : tuple of int
        Rows of W_1, ..., W_L; the last is the dimension of the outputs.

    Attributes
    ----------
    space : Euclidean
        Of the control, a vector that holds W_1, ..., W_L row by row; `matrices` and `control` go there and back.
    output_space : Euclidean
        (widths[-1], N).

    Raises
    ------
    InputError
        If X is not a matrix of finite numbers, or the widths are not positive whole numbers.

    References
    ----------
    .. [1] C. Eckart, G. Young, The approximation of one matrix by another of lower rank, Psychometrika 1 (1936)
       211-218, doi:10.1007/BF02288367.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(3), widths=(2, 3))
    >>> [matrix.shape for matrix in model.matrices(model.space.zeros())]
    [(2, 3), (3, 2)]
    """

    widths: tuple[int, ...]

    def __post_init__(self):
        settle(self, X=checked_columns(self.X))
        if not isinstance(self.widths, tuple | list) or not self.widths:
            raise InputError(f"widths must be a sequence of whole numbers >= 1, got {self.widths!r}.")
        settle(self, widths=tuple(checked_whole("each of widths", width) for width in self.widths))

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of W_1, ..., W_L."""
        return list(zip(self.widths, (len(self.X), *self.widths[:-1]), strict=True))

    @cached_property
    def space(self) -> Euclidean:
        return Euclidean((sum(rows * columns for rows, columns in self.shapes),))

    @cached_property
    def output_space(self) -> Euclidean:
        return Euclidean((self.widths[-1], self.X.shape[1]))

    def nearest(self, targets) -> np.ndarray:
        """Least squares, or its best approximation of the least width as its rank, by Eckart and Young."""
        U, values, rows = np.linalg.svd(self.reach(targets), full_matrices=False)
        rank = min(self.widths)
        return (U[:, :rank] * values[:rank]) @ rows[:rank]

    def derivative_bounds(self, w) -> DerivativeBounds:
        """How fast the derivative changes.

        Notes
        -----
        |D^2 F(u)[dw, dw]| is at most |X| sum_(l != k) |dW_l| |dW_k| times the product of the other |W_j|, which are at
        most |W_j| + R: |X| times the largest eigenvalue of the matrix of these products.
        """
        norms = [float(np.linalg.norm(matrix, 2)) for matrix in self.matrices(w)]
        greatest = self.extreme_singular_values[1]

        def lipschitz(radius):
            sizes = [a + radius for a in norms]
            products = [[_product_without(i, j, sizes) for j in range(len(sizes))] for i in range(len(sizes))]
            return greatest * float(np.linalg.norm(products, 2))

        return DerivativeBounds(lipschitz)

    def matrices(self, w) -> list[np.ndarray]:
        """W_1, ..., W_L of a control, as views."""
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])[:-1]
        parts = np.split(self.space.element(w), ends)
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def control(self, matrices) -> np.ndarray:
        """The control with given W_1, ..., W_L."""
        if not isinstance(matrices, list | tuple):
            raise InputError(f"control takes a list of matrices W_1, ..., W_L, got a {type(matrices).__name__}.")
        matrices = [real_array(matrix, "each matrix") for matrix in matrices]
        shapes = [matrix.shape for matrix in matrices]
        if shapes != self.shapes:
            raise InputError(f"the matrices of this network have shapes {self.shapes}, got {shapes}.")
        return np.concatenate([matrix.ravel() for matrix in matrices])

    def __call__(self, w) -> np.ndarray:
        """W_L ... W_1 X, array (widths[-1], N)."""
        return self.linearise(w).output

    def linearise(self, w) -> MatrixProduct:
        """The product with tangent and adjoint."""
        w = self.space.element(w).copy()
        return MatrixProduct(self.matrices(w), self.X, self.matrices, self.control)


@dataclass(frozen=True, eq=False)
class SquareLayers(OnColumns):
    """What linear networks with one square matrix W_l a layer have in common.

    Parameters
    ----------
    X : array (d, N)
        One input per column.
    layers : int
        L.

    Attributes
    ----------
    space : Euclidean
        (L, d, d) with <V, W> = (1/L) sum_l trace V_l^T W_l.
    output_space : Euclidean
        (d, N).

    Raises
    ------
    InputError
        If X is not a matrix of finite numbers, or L is not a positive whole number.
    """

    layers: int

    def __post_init__(self):
        settle(self, X=checked_columns(self.X), layers=checked_whole("layers", self.layers))

    linearise: ClassVar[Callable[..., MatrixProduct]]

    @cached_property
    def space(self) -> Euclidean:
        return Euclidean((self.layers, len(self.X), len(self.X)), 1 / self.layers)

    @cached_property
    def output_space(self) -> Euclidean:
        return Euclidean(self.X.shape)

    def __call__(self, w) -> np.ndarray:
        """The output, array (d, N)."""
        return self.linearise(w).output

    def nearest(self, targets) -> np.ndarray:
        """Least squares."""
        return self.reach(targets)

    _least_factor: ClassVar[Callable[[float, int], float]]

    def derivative_bounds(self, w) -> DerivativeBounds:
        """Of the derivative and how fast it changes.

        Notes
        -----
        With a = (1/L) sum |W_l| in operator norm, at most |w| + R, products of factors are at most exp(a), so that
        |D^2 F| <= |X| exp(a) and |DF* p| <= |X| exp(a) |p|. In layer l the adjoint is A^T p X^T B^T, A and B the
        products of the factors after and before it; its least singular value is that of X times ``_least_factor``.
        """
        size = norm(self.space, self.space.element(w))
        mean = float(np.linalg.norm(w, 2, axis=(1, 2)).sum()) / self.layers
        least, greatest = self.extreme_singular_values
        return DerivativeBounds(
            lambda r: greatest * bounded_exp(mean + r),
            lambda r: least * self._least_factor(size + r, self.layers),
            lambda r: greatest * bounded_exp(mean + r),
        )


@dataclass(frozen=True, eq=False)
class LinearResNet(SquareLayers):
    """w -> (Id + W_L/L) ... (Id + W_1/L) X.

    Parameters
    ----------
    X : array (d, N)
        One input per column.
    layers : int
        L.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearResNet(np.eye(2), layers=2)
    >>> model(np.tile(np.eye(2), (2, 1, 1)))
    array([[2.25, 0.  ],
           [0.  , 2.25]])
    """

    def linearise(self, w) -> MatrixProduct:
        """The product with tangent and adjoint."""
        factors = list(np.eye(len(self.X)) + self.space.element(w) / self.layers)
        return MatrixProduct(factors, self.X, lambda dw: self.space.element(dw) / self.layers, np.stack)

    @staticmethod
    def _least_factor(size: float, layers: int) -> float:
        """prod_l (1 - |W_l|/L) for |w| <= size: each is at least exp(-x/(1 - x_max)), x = |W_l|/L <= size/sqrt L."""
        longest = size / math.sqrt(layers)
        return bounded_exp(-size / (1 - longest)) if longest < 1 else 0.0


@dataclass(frozen=True, eq=False)
class LinearNODE(SquareLayers):
    """w -> U(1), dU/ds = W_s U, U(0) = X: the product of the matrix exponentials exp(W_l/L).

    Parameters
    ----------
    X : array (d, N)
        One input per column.
    layers : int
        L; W is constant on each of L layers.

    References
    ----------
    .. [1] A. H. Al-Mohy, N. J. Higham, Computing the Frechet derivative of the matrix exponential, SIAM J. Matrix
       Anal. Appl. 30 (2009) 1639-1657, doi:10.1137/080716426, Algorithm 6.4. Its adjoint at A is that at A^T.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> np.round(model(np.tile(np.diag([1.0, -1.0]), (4, 1, 1))), 4)
    array([[2.7183, 0.    ],
           [0.    , 0.3679]])
    """

    def linearise(self, w) -> MatrixProduct:
        """The flow with tangent and adjoint."""
        exponents = self.space.element(w) / self.layers

        def spread(dw):
            changes = self.space.element(dw) / self.layers
            return [expm_frechet(a, b, compute_expm=False) for a, b in zip(exponents, changes, strict=True)]

        def gather(gradients):
            return np.stack(
                [expm_frechet(a.T, g, compute_expm=False) for a, g in zip(exponents, gradients, strict=True)]
            )

        return MatrixProduct([expm(a) for a in exponents], self.X, spread, gather)

    @staticmethod
    def _least_factor(size: float, layers: int) -> float:
        """exp(-|w|) (2 - sinh(x)/x), x = size/sqrt L >= |W_l|/L.

        At each time the adjoint has at least the first factor. The gradient is its mean over a layer: from the middle
        exp(t ad) acts on it, |ad| <= 2 |W_l|, so the mean of exp differs from one by sinh(x)/x - 1 at most.
        """
        x = size / math.sqrt(layers)
        return bounded_exp(-size) * max(0.0, 2 - math.sinh(x) / x) if 0 < x < 3 else float(x == 0)

    def nearest(self, targets) -> np.ndarray:
        """Least squares, among matrices whose determinant is not negative if the output has as many columns as rows.

        U(1) has a positive determinant: the least singular value of the best matrix is dropped where its determinant
        has the other sign than that of X.
        """
        best, V = self.reach(targets), self._row_basis
        if V.shape[1] < len(self.X) or np.linalg.slogdet(targets @ V)[0] * np.linalg.slogdet(self.X @ V)[0] >= 0:
            return best
        U, values, rows = np.linalg.svd(best, full_matrices=False)
        values = np.append(values[: len(self.X) - 1], 0.0)
        return (U * values) @ rows


def _product_without(i: int, j: int, numbers: list[float]) -> float:
    """Of all numbers but two; zero if the two are one."""
    return 0.0 if i == j else math.prod(number for k, number in enumerate(numbers) if k not in (i, j))
