"""Kernels that depend on the distance of two points, and their sums over many."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ..arguments import is_number, settle
from ..compilation import compiler
from ..errors import InputError

# Kernels square their length: beyond these the square is lost.
SHORTEST, LONGEST = 1e-100, 1e100


class Kernel(ABC):
    """What fields ask of a kernel k(x, y) = k(x - y) of one number, times the identity of R^d."""

    @property
    def dimension(self) -> int | None:
        """d, where it is a kernel on points of one dimension only."""
        return None

    @property
    @abstractmethod
    def at_zero(self) -> float:
        """k(x, x)."""

    @property
    @abstractmethod
    def lipschitz(self) -> float:
        """l in |v(x) - v(y)| <= l |v| |x - y|: the root of minus the second derivative of k at zero."""

    @abstractmethod
    def bend(self, gram) -> float:
        """c in |D^2 v(x)| <= c |v|, for fields of centres with this kernel matrix."""

    @abstractmethod
    def matrix(self, points, centres) -> np.ndarray:
        """k(x_i, c_j), array (N, M)."""

    @abstractmethod
    def sums(self, points, centres, coefficients) -> np.ndarray:
        """sum_j k(x_i, c_j) a_j, array (N, columns of a)."""

    @abstractmethod
    def derivative(self, points, centres, coefficients, vectors, transposed: bool) -> np.ndarray:
        """sum_j a_j (grad k(x_i, c_j).y_i), or transposed sum_j grad k(x_i, c_j) (a_j.y_i), array (N, d)."""


class Radial(Kernel):
    """A kernel of the distance |x - y|, one at zero, whose formula the compiled loops know by its number."""

    code: int
    length: float

    @property
    def at_zero(self) -> float:
        return 1.0

    def matrix(self, points, centres) -> np.ndarray:
        return _matrix(self.code, self.length, points, centres)

    def sums(self, points, centres, coefficients) -> np.ndarray:
        return _sums(self.code, self.length, points, centres, coefficients)

    def derivative(self, points, centres, coefficients, vectors, transposed: bool) -> np.ndarray:
        return _derivative(self.code, self.length, points, centres, coefficients, vectors, transposed)


@dataclass(frozen=True)
class GaussianKernel(Radial):
    """k(x, y) = exp(-|x - y|^2 / (2 length^2)).

    Parameters
    ----------
    length : float
        Positive.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> model = tfl.RKHSNODE(x, tfl.KernelField(tfl.GaussianKernel(length=1.0), x), layers=2)
    >>> model.space.zeros().shape
    (2, 2, 2)
    """

    length: float

    def __post_init__(self):
        settle(self, length=checked_length(self.length))

    @property
    def code(self) -> int:
        """The number of the formula in the compiled loops."""
        return 0

    @property
    def lipschitz(self) -> float:
        """l in |v(x) - v(y)| <= l |v| |x - y|: the root of minus the second derivative of k at zero."""
        return 1 / self.length

    @property
    def steepest_slope(self) -> float:
        """max |dk/dr|."""
        return math.exp(-0.5) / self.length

    def bend(self, gram) -> float:
        """c in |D^2 v(x)| <= c |v|: the root of the fourth derivative of k along a line at zero."""
        return math.sqrt(3) / self.length**2


@dataclass(frozen=True)
class MaternKernel(Radial):
    """k(x, y) = p(s) exp(-s), s = sqrt(2 smoothness) |x - y| / length: p = 1 + s or 1 + s + s^2/3.

    Its Hilbert space is that of the Sobolev fields of R^d with smoothness nu + d/2.

    Parameters
    ----------
    length : float
        Positive.
    smoothness : {1.5, 2.5}
        nu; at 1/2 fields would not be Lipschitz, so there would be no flow.

    References
    ----------
    .. [1] C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006, equation (4.17).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.array([[0.0], [1.0]])
    >>> tfl.RKHSNODE(x, tfl.KernelField(tfl.MaternKernel(length=0.5, smoothness=1.5), x), layers=2)(np.zeros((2, 2, 1)))
    array([[0.],
           [1.]])
    """

    length: float
    smoothness: float = 2.5

    def __post_init__(self):
        settle(self, length=checked_length(self.length))
        if not is_number(self.smoothness) or self.smoothness not in (1.5, 2.5):
            raise InputError(f"MaternKernel: smoothness must be 1.5 or 2.5, got {self.smoothness!r}.")

    @property
    def code(self) -> int:
        """The number of the formula in the compiled loops."""
        return 1 if self.smoothness == 1.5 else 2

    @property
    def lipschitz(self) -> float:
        """l in |v(x) - v(y)| <= l |v| |x - y|: the root of minus the second derivative of k at zero."""
        return math.sqrt(self.smoothness / (self.smoothness - 1)) / self.length

    @property
    def steepest_slope(self) -> float:
        """max |dk/dr|, at s = 1 for smoothness 3/2 and at s = (1 + sqrt 5)/2 for 5/2."""
        if self.smoothness == 1.5:
            return math.sqrt(3) / math.e / self.length
        golden = (1 + math.sqrt(5)) / 2
        return math.sqrt(5) / 3 * golden * (1 + golden) * math.exp(-golden) / self.length

    def bend(self, gram) -> float:
        """c in |D^2 v(x)| <= c |v|: the root of the fourth derivative of k along a line at zero.

        With smoothness 3/2 there is none, and fields of the whole space have no second derivative. Those of centres do:
        |D^2 k| <= 3/length^2, so c = (3/length^2) sum_j |a_j| at most, with |a|^2 <= |v|^2 / the least eigenvalue of
        the kernel matrix of the centres.
        """
        if self.smoothness == 2.5:
            return 5 / self.length**2
        values = np.linalg.eigvalsh(gram)
        least = float(values[0] - len(gram) * np.finfo(float).eps * values[-1])
        return 3 / self.length**2 * math.sqrt(len(gram) / least) if least > 0 else math.inf


@compiler()
def _profile(code, length, squared):
    """k and (dk/dr)/r at |x - y|^2."""
    if code == 0:
        k = math.exp(-squared / (2 * length**2))
        return k, -k / length**2
    if code == 1:
        s = math.sqrt(3 * squared) / length
        e = math.exp(-s)
        return (1 + s) * e, -3 / length**2 * e
    s = math.sqrt(5 * squared) / length
    e = math.exp(-s)
    return (1 + s + s * s / 3) * e, -5 / (3 * length**2) * (1 + s) * e


@compiler()
def _matrix(code, length, points, centres):
    """k(x_i, c_j)."""
    out = np.empty((points.shape[0], centres.shape[0]))
    for i in range(points.shape[0]):
        for j in range(centres.shape[0]):
            squared = 0.0
            for r in range(points.shape[1]):
                squared += (points[i, r] - centres[j, r]) ** 2
            out[i, j], _ = _profile(code, length, squared)
    return out


@compiler()
def _sums(code, length, points, centres, coefficients):
    """out_i = sum_j k(x_i, c_j) a_j."""
    out = np.zeros((points.shape[0], coefficients.shape[1]))
    for i in range(points.shape[0]):
        for j in range(centres.shape[0]):
            squared = 0.0
            for r in range(points.shape[1]):
                squared += (points[i, r] - centres[j, r]) ** 2
            k, _ = _profile(code, length, squared)
            for r in range(coefficients.shape[1]):
                out[i, r] += k * coefficients[j, r]
    return out


@compiler()
def _derivative(code, length, points, centres, coefficients, vectors, transposed):
    """out_i = sum_j a_j (grad k_ij . y_i), or transposed sum_j grad k_ij (a_j . y_i)."""
    out = np.zeros_like(points)
    for i in range(points.shape[0]):
        for j in range(centres.shape[0]):
            squared, along, across = 0.0, 0.0, 0.0
            for r in range(points.shape[1]):
                gap = points[i, r] - centres[j, r]
                squared += gap**2
                along += gap * vectors[i, r]
                across += coefficients[j, r] * vectors[i, r]
            _, slope = _profile(code, length, squared)
            for r in range(points.shape[1]):
                if transposed:
                    out[i, r] += slope * (points[i, r] - centres[j, r]) * across
                else:
                    out[i, r] += slope * along * coefficients[j, r]
    return out


def checked_length(value) -> float:
    """A positive length of a kernel."""
    if not is_number(value) or not SHORTEST <= float(value) <= LONGEST:
        raise InputError(
            f"the length of a kernel must be a positive number between {SHORTEST:g} and {LONGEST:g}, got {value!r}."
        )
    return float(value)
