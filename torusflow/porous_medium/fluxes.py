"""The right-hand side -div(J), J = -a grad F(rho), in fluxes through faces, and its linearisation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .diffusion import Diffusion
from .stencils import (
    add_second_difference,
    along,
    conjugate_gradients,
    set_difference,
    set_gradient,
    solve_cyclic,
    subtract_divergence,
)

# The linear solves use the two-point flux. On the shortest waves the fourth-order flux is 1.3 times as strong, on long
# ones equally strong; half way between, one Newton iteration shrinks any error at least seven times.
STIFFENING = 1.15


@dataclass(frozen=True, eq=False)
class Fluxes:
    """Face means of J = -a grad F(rho) from cell means of rho, order four.

    Point values u - (1/24) delta^2 u give F at centres, F + (1/24) delta^2 F its cell means, and the difference over
    four cells the face mean of the derivative. Where a varies and d > 1 the product of two face means is of order two.

    Parameters
    ----------
    diffusion : Diffusion
    shape : tuple of int
    side : tuple of float
    """

    diffusion: Diffusion
    shape: tuple[int, ...]
    side: tuple[float, ...]

    @cached_property
    def inverse_widths(self) -> tuple[float, ...]:
        return tuple(n / length for n, length in zip(self.shape, self.side, strict=True))

    @cached_property
    def central_weight(self) -> np.ndarray | None:
        """Point values of a at the centres, array (*shape)."""
        a = self.diffusion.weight
        if a is None:
            return None
        values = self._second_difference(a, a.copy(), -1 / 24)
        return np.where(values > 0, values, a)

    @cached_property
    def face_weight(self) -> np.ndarray:
        """Values of a on the faces, array (d, *shape), or ones (d, 1, ..., 1)."""
        a = self.diffusion.weight
        if a is None:
            return np.ones((len(self.shape),) + (1,) * len(self.shape))
        faces = []
        for axis in range(a.ndim):
            before, after, far = np.roll(a, 1, axis), np.roll(a, -1, axis), np.roll(a, -2, axis)
            value = (7 * (a + after) - (before + far)) / 12
            faces.append(np.where(value > 0, value, np.minimum(a, after)))
        return np.stack(faces)

    def _second_difference(self, f, out, factor):
        for axis in range(len(self.shape)):
            add_second_difference(along(f, axis), factor, along(out, axis))
        return out

    def centres(self, density) -> np.ndarray:
        """Point values from cell means, array (*shape)."""
        points = self._second_difference(density, density.copy(), -1 / 24)
        return np.where(points > 0, points, density) if self.diffusion.positive else points

    def __call__(self, density) -> np.ndarray:
        """J, array (d, *shape); entry i of axis j lies between cells i and i + 1."""
        potential = self.diffusion.potential(self.centres(density), self.central_weight)
        means = self._second_difference(potential, potential.copy(), 1 / 24)
        flux = np.empty((len(self.shape), *self.shape))
        for axis, inverse in enumerate(self.inverse_widths):
            set_gradient(along(means, axis), -inverse, along(flux[axis], axis))
        return flux if self.diffusion.weight is None else flux * self.face_weight

    def advance(self, density, flux, duration) -> np.ndarray:
        """density - duration div(flux), array (*shape): every face gives to one cell what it takes from the other."""
        new = density.copy()
        for axis, inverse in enumerate(self.inverse_widths):
            subtract_divergence(along(flux[axis], axis), duration * inverse, along(new, axis))
        return new

    def root_of_diffusivity(self, density) -> np.ndarray:
        """s = sqrt(dF/d rho), array (*shape)."""
        return np.sqrt(STIFFENING * self.diffusion.derivative(density, self.central_weight))

    def solve(self, root, duration, residual, tolerance) -> tuple[np.ndarray, int]:
        """-a grad(s v) with (1 + c s L s) v = s r, where c L = -c div(a grad), two-point: a flux, array (d, *shape).

        r - c div(that flux) solves (1 + c L s^2) x = r, the linearised implicit step, in symmetric form: s may vanish.

        Parameters
        ----------
        root : array (*shape)
            s.
        duration : float
            c.
        residual : array (*shape)
            r.
        tolerance : float
            Relative, of the iterative solution for d > 1.

        Returns
        -------
        flux : array (d, *shape)
        iterations : int
            Of conjugate gradients, 0 for d = 1.
        """
        b = root * residual
        coefficients = tuple(duration * inverse**2 for inverse in self.inverse_widths)
        if len(self.shape) == 1:
            a = np.broadcast_to(self.face_weight[0], self.shape)
            diagonal = 1 + coefficients[0] * (a + np.roll(a, 1)) * root**2
            v, count = solve_cyclic(diagonal, -coefficients[0] * a * root * np.roll(root, -1), b), 0
        else:
            padded = (1,) * (3 - len(self.shape)) + self.shape
            weights = self.face_weight.reshape(
                len(self.shape), *(padded if self.diffusion.weight is not None else (1,) * 3)
            )
            size = np.sqrt(np.sum(b * b))
            v, count = conjugate_gradients(
                b.reshape(padded),
                root.reshape(padded),
                weights,
                np.array(coefficients),
                tolerance * size,
                10 * sum(self.shape),
            )
        change = root * v.reshape(self.shape)
        flux = np.empty((len(self.shape), *self.shape))
        for axis, inverse in enumerate(self.inverse_widths):
            set_difference(along(change, axis), -inverse, along(flux[axis], axis))
        return (flux if self.diffusion.weight is None else flux * self.face_weight), count
