"""Real coordinates of controls in which their inner product is the dot product."""

from __future__ import annotations

import math

import numpy as np

from ..backends import to_host
from ..errors import InputError
from ..hilbert import Coordinated, Euclidean, HilbertSpace, ProductSpace
from .control import VelocitySpace


def isometry(space: HilbertSpace):
    """The isometry of a space of controls and R^n, with methods ``of(u)``, array (n,), and ``element(x)``.

    Parameters
    ----------
    space : Euclidean, VelocitySpace, ProductSpace of such, or one that has coordinates of its own

    Raises
    ------
    InputError
        If the space is another.
    """
    if isinstance(space, Euclidean):
        return _EuclideanCoordinates(space)
    if isinstance(space, VelocitySpace):
        space.torus.refuse_divided("controls become vectors for SciPy on", "use tfl.LBFGS() or another method.")
        return _VelocityCoordinates(space)
    if isinstance(space, ProductSpace):
        return _ProductCoordinates(space)
    if isinstance(space, Coordinated):
        return space.coordinates(isometry)
    raise InputError(
        f"coordinates are known for Euclidean spaces, velocities and their products, not for a {type(space).__name__}. "
        f"To write them, see torusflow.hilbert.Coordinated."
    )


class _EuclideanCoordinates:
    """x = sqrt(weight) C^T u, where G = C C^T."""

    def __init__(self, space: Euclidean):
        self._shape, self._root = space.shape, math.sqrt(space.weight)
        self._factor = None if space.gram is None else np.linalg.cholesky(space.gram).T

    def of(self, u) -> np.ndarray:
        return self._root * (u if self._factor is None else self._factor @ u).ravel()

    def element(self, x) -> np.ndarray:
        u = x.reshape(self._shape) / self._root
        return u if self._factor is None else np.linalg.solve(self._factor, u)


class _ProductCoordinates:
    """Those of the parts, times the roots of their weights."""

    def __init__(self, space: ProductSpace):
        self._space, self._roots = space, np.sqrt(space.weights)
        self._parts = [isometry(part) for part in space.spaces]
        lengths = [len(one.of(part.zeros())) for one, part in zip(self._parts, space.spaces, strict=True)]
        self._ends = np.cumsum(lengths)[:-1]

    def of(self, u) -> np.ndarray:
        parts = zip(self._roots, self._parts, self._space.parts(u), strict=True)
        return np.concatenate([root * one.of(part) for root, one, part in parts])

    def element(self, x) -> np.ndarray:
        pieces = zip(self._roots, self._parts, np.split(x, self._ends), strict=True)
        return self._space.join(one.element(piece / root) for root, one, piece in pieces)


class _VelocityCoordinates:
    """Real and imaginary parts of one of v^_k and v^_(-k) each, times sqrt(2 (1 + l^2 |2 pi k|^2)^s / L)."""

    def __init__(self, space: VelocitySpace):
        wavenumbers = [to_host(k) for k in space.wavenumbers]
        k = np.broadcast_arrays(*wavenumbers)
        last = np.zeros_like(k[0])
        for axis in k:  # the sign of the last component that is not zero tells k from -k
            last = np.where(axis != 0, np.sign(axis), last)
        self._half = last > 0
        weights = space.metric.symbol(sum((2 * math.pi * axis) ** 2 for axis in wavenumbers)) / space.layers
        self._root, self._mean_root = np.sqrt(2 * weights[self._half]), math.sqrt(1 / space.layers)
        self._space, self._zero = space, (0,) * len(k)

    def of(self, v) -> np.ndarray:
        v = to_host(v)
        mean = self._mean_root * np.real(v[(..., *self._zero)])
        half = self._root * v[..., self._half]
        return np.concatenate([mean.ravel(), np.real(half).ravel(), np.imag(half).ravel()])

    def element(self, x) -> np.ndarray:
        v = np.zeros(self._space.shape, self._space.dtype)
        components = v.shape[0] * v.shape[1]
        mean, re, im = x[:components], *np.split(x[components:], 2)
        v[..., self._half] = (re + 1j * im).reshape(*v.shape[:2], -1) / self._root
        plane = v[..., 0]
        axes = tuple(range(2, plane.ndim))
        v[..., 0] += np.roll(np.flip(plane, axes), 1, axes).conj()  # v^_(-k), which are still zero
        v[(..., *self._zero)] = mean.reshape(v.shape[:2]) / self._mean_root
        return self._space.asarray(v)
