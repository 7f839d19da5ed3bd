"""Between elements of a space and the derivatives that frameworks have: the entries' partial derivatives."""

from __future__ import annotations

import math

import numpy as np

from ..errors import InputError
from ..hilbert import Euclidean, HilbertSpace
from ..torus.control import VelocitySpace
from ..torus.density import FunctionSpace


def dual(space: HilbertSpace, g) -> np.ndarray:
    """The array p with Re sum conj(p) u = <g, u> for all u of the space."""
    if isinstance(space, Euclidean):
        return space.weight * (g if space.gram is None else space.gram @ g)
    if isinstance(space, FunctionSpace):
        return g / space.torus.size
    if isinstance(space, VelocitySpace):
        return g * _weights(space)
    raise _unknown(space)


def riesz(space: HilbertSpace, p) -> np.ndarray:
    """The element g with <g, u> = Re sum conj(p) u for all u of the space."""
    if isinstance(space, Euclidean):
        return (p if space.gram is None else np.linalg.solve(space.gram, p)) / space.weight
    if isinstance(space, FunctionSpace):
        return p * space.torus.size
    if isinstance(space, VelocitySpace):
        return p / _weights(space)
    raise _unknown(space)


def _weights(space: VelocitySpace) -> np.ndarray:
    """(1 + l^2 |2 pi k|^2)^s / L, twice that where a coefficient stands for its conjugate partner too."""
    squares = sum((2 * math.pi * k) ** 2 for k in space.wavenumbers)
    return space.metric.symbol(squares) * np.where(space.wavenumbers[-1] > 0, 2.0, 1.0) / space.layers


def _unknown(space) -> InputError:
    return InputError(
        f"derivatives as other frameworks have them are known for Euclidean spaces, functions and velocities on a "
        f"torus, not for a {type(space).__name__}."
    )
