"""Fields spanned by representers of a kernel that may be close together, and which of them a gradient needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from ..arguments import settle
from ..errors import InputError
from ..hilbert import Euclidean
from .flow_bounds import FieldConstants
from .kernel_field import KernelSum, OnCentres
from .kernels import Kernel

# Of k(x, x): a squared distance to the span is a difference of numbers of that size, and below this it is rounding.
ROUND_OFF = 1e-11
# A kernel matrix of more takes minutes to decompose, and a file holds no more.
MOST_CENTRES = 4000


class Representers(NamedTuple):
    """g = sum_i k(., x_i) p_i, what a risk has for a gradient in one layer: an element of the whole space V.

    Attributes
    ----------
    points, momenta : array (n, d)
        x_i and p_i.
    """

    points: np.ndarray
    momenta: np.ndarray


@dataclass(frozen=True, eq=False)
class KernelSpan(OnCentres):
    """v(x) = sum_j k(x, c_j) a_j, as by `KernelField`, in orthonormal coordinates: <v, w>_V is the sum of products.

    With the kernel matrix of the centres G = L L^T the coordinates are L^T a. The first of them are those of the first
    centres alone, so that further ones extend the space by further coordinates. Centres may be so close that
    coefficients a would be huge.

    Parameters
    ----------
    kernel : GaussianKernel, MaternKernel or SobolevKernel
    centres : array (M, d)
        Different from each other.

    Raises
    ------
    InputError
        If the kernel matrix of the centres is singular to round-off.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> model = tfl.RKHSNODE(x, tfl.KernelSpan(tfl.GaussianKernel(1.0), x), layers=2)
    >>> model.space.zeros().shape
    (2, 2, 2)
    """

    _factor: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        try:
            settle(self, _factor=cholesky(self.matrix(self.centres), lower=True))
        except LinAlgError:
            raise InputError(
                f"the kernel matrix of the {len(self.centres)} centres is singular to round-off. Leave out those that "
                f"stand where others do, or begin with few and use whole_space."
            ) from None

    def space(self, layers: int, dimension: int) -> Euclidean:
        """The space of controls (layers, M, d)."""
        self.check_dimension(dimension)
        return Euclidean((layers, *self.centres.shape), 1 / layers)

    def field(self, coefficients) -> KernelSum:
        """v for given coordinates."""
        coordinates = self.checked_coefficients(coefficients)
        return KernelSum(self, np.ascontiguousarray(self._solve(coordinates, transposed=True)))

    def constants(self) -> FieldConstants:
        """What |v|_V says of v and its derivatives at any point."""
        gram = self._factor @ self._factor.T
        return FieldConstants(math.sqrt(self.kernel.at_zero), self.kernel.lipschitz, self.kernel.bend(gram))

    def riesz(self, points, momenta) -> np.ndarray:
        """The projection of sum_i k(., x_i) p_i to the span, array (M, d)."""
        return self._solve(self.kernel.sums(self.centres, self.placed(points), np.ascontiguousarray(momenta)))

    def outside(self, gradient: Representers) -> float:
        """The part of a gradient that is not in the span, |g - Pg| / |g|, P the projection; zero if g is zero."""
        points, momenta = gradient
        whole = float(np.sum(momenta * self.kernel.sums(points, points, momenta)))
        inside = float(np.sum(self.riesz(points, momenta) ** 2))
        return math.sqrt(max(0.0, 1 - inside / whole)) if whole > 0 else 0.0

    def extended(self, gradients: Sequence[Representers], tolerance: float) -> KernelSpan:
        """With further centres, points of gradients, so that none of these is outside by more than the tolerance.

        Parameters
        ----------
        gradients : sequence of Representers
        tolerance : float
            Relative to their norms.

        Raises
        ------
        InputError
            If more than 4000 centres would be needed.
        """
        centres, factor = self.centres, self._factor
        for gradient in gradients:
            chosen, rows = _pivots(self.kernel, centres, factor, gradient, tolerance)
            if len(centres) + len(chosen) > MOST_CENTRES:
                raise InputError(
                    f"more than {MOST_CENTRES} centres are needed for gradients to {tolerance:g} of their norm. Take a "
                    f"larger tolerance, a smoother or longer kernel, or fewer points."
                )
            if chosen:
                centres = np.vstack([centres, gradient.points[chosen]])
                factor = np.block([[factor, np.zeros((len(factor), len(chosen)))], [rows]])
        return self if centres is self.centres else replace(self, centres=centres)

    def _solve(self, right, transposed: bool = False) -> np.ndarray:
        """L^-1 or L^-T times a matrix."""
        return solve_triangular(self._factor, right, lower=True, trans=int(transposed), check_finite=False)


def _pivots(kernel: Kernel, centres, factor, gradient: Representers, tolerance: float) -> tuple[list[int], np.ndarray]:
    """Which points of a gradient to add, and their rows of the Cholesky factor; none if it is within the tolerance.

    |g - Pg| <= sum_i r_i |p_i| =: B for the distances r_i of k(., x_i) from the span. Points with the largest terms are
    taken until B <= tolerance |g|, by a Cholesky factorisation with these pivots [1]_.

    References
    ----------
    .. [1] S. De Marchi, R. Schaback, H. Wendland, Near-optimal data-independent point locations for radial basis
       function interpolation, Adv. Comput. Math. 23 (2005) 317-330, doi:10.1007/s10444-004-1829-1.
    """
    points, momenta = gradient
    basis = solve_triangular(factor, kernel.matrix(centres, points), lower=True, check_finite=False)  # at the points
    whole, chosen = np.sum(momenta * kernel.sums(points, points, momenta)), []
    near = whole - np.sum((basis @ momenta) ** 2) <= tolerance**2 * whole
    squares, sizes = kernel.at_zero - np.sum(basis**2, axis=0), np.linalg.norm(momenta, axis=1)
    while not near:
        squares[squares < ROUND_OFF * kernel.at_zero] = 0.0
        terms = np.sqrt(squares) * sizes
        if terms.sum() <= tolerance * math.sqrt(whole):
            break
        i = int(np.argmax(terms))
        column = kernel.matrix(points, points[i : i + 1])[:, 0]
        function = (column - basis.T @ basis[:, i]) / math.sqrt(squares[i])
        basis, squares = np.vstack([basis, function]), squares - function**2
        chosen.append(i)
    return chosen, np.tril(basis[:, chosen].T, len(centres))
