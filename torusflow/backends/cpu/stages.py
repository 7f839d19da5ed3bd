"""The stages of the continuity equation and of its transpose: transforms and pointwise work in one compiled sweep."""

from __future__ import annotations

import numpy as np

from . import advection, continuity
from .blocks import Geometry, zeros
from .workers import Workers

# By dimension, for each component j of a flux or gradient: whether its derivative is taken along axis 0, with the
# columns, and how much of 2 pi k_1 and 2 pi k_2 its rows are multiplied by.
DERIVATIVES = {
    1: [(0, 0, 1)],
    2: [(1, 0, 0), (0, 0, 1)],
    3: [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
}


class Stages:
    """y <- sum_m products of c A(v) for A(v) rho = -sum_j d_j P(v_j rho), its tangent and its transpose.

    A step has stages y_m = base + c_m A(v) y_(m-1) with y_0 = base, and ends with the last of them. Derivatives
    along axes 1 and 2 are taken halfway between grid and coefficients (see `Layout`), so that one field travels for
    both of them; a block of columns comes, is summed up and goes, and a block of rows goes to the grid, is multiplied
    and comes back, without leaving the cache of its thread. Results do not depend on the number of threads.

    Parameters
    ----------
    dimension : int
    shape : tuple of int, length 3
    modes : tuple of int, length 3
        P keeps |k_j| <= modes_j, below the Nyquist mode.
    workers : Workers
    library : {"fftw", "rocket", "scipy"}
    geometry : Geometry, optional
        Of this shape and these modes, where other blocks are wanted.

    Attributes
    ----------
    kept : tuple of int
        Shape of coefficients.
    """

    def __init__(self, dimension: int, shape, modes, workers: Workers, library: str, geometry: Geometry | None = None):
        self._geometry = geometry = geometry or Geometry(shape, modes, workers, library)
        self._derivatives = np.array(DERIVATIVES[dimension], float)
        self.kept = geometry.kept
        self._shape = shape
        self._scalar = zeros((shape[0], *self.kept[1:]), complex)
        self._pair = zeros((min(dimension, 2), shape[0], *self.kept[1:]), complex)
        self._none = np.empty((0, *shape))  # in place of a change of the velocity

    def push(self, base, velocity, coefficients, steps: int, keep=None) -> None:
        """base <- the density after some steps.

        Parameters
        ----------
        base : complex array (*kept)
        velocity : array (d, *n)
        coefficients : array (stages,)
            c_m, the step length included.
        steps : int
        keep : array (steps, stages, *n), optional
            Filled with the densities y_0, y_1, ... of each step on the grid.
        """
        keep = nothing((steps, len(coefficients)), self._shape) if keep is None else self._fields(keep, 2)
        self._run(continuity.push, base, self._fields(velocity), self._none, coefficients, keep)

    def tangent(self, base, velocity, tangent_velocity, densities, coefficients) -> None:
        """base <- the change of the density after some steps, y'_m = base + c_m (A(v) y'_(m-1) + A(v') y_(m-1)).

        Parameters
        ----------
        base : complex array (*kept)
        velocity, tangent_velocity : arrays (d, *n)
        densities : array (steps, stages, *n)
            What `push` kept.
        coefficients : array (stages,)
        """
        fields = self._fields(velocity), self._fields(tangent_velocity)
        self._run(continuity.push, base, *fields, coefficients, self._fields(densities, 2))

    def transpose(self, weight, velocity, densities, coefficients, momentum, fresh: bool) -> None:
        """weight <- the transpose of some steps applied to it, with A(v)^T w = sum_j v_j P d_j w.

        Parameters
        ----------
        weight : complex array (*kept)
        velocity : array (d, *n)
        densities : array (steps, stages, *n)
            What `push` kept.
        coefficients : array (stages,)
        momentum : array (d, *n)
            Gains sum_m c_m y_(m-1) P d_j w_m.
        fresh : bool
            Whether the momentum is to be overwritten instead.
        """
        fields = coefficients, self._fields(densities, 2), self._fields(momentum)
        self._run(continuity.transpose, weight, self._fields(velocity), *fields, fresh)

    def advect(self, base, velocity, source, coefficients, steps: int, keep=None) -> None:
        """base <- u after some steps of d_s u = -v.grad u - f (`torusflow.backends.backend.Stages`).

        Parameters
        ----------
        base : complex array (*kept)
        velocity : array (d, *n)
        source : array (*n)
            f.
        coefficients : array (stages,)
        steps : int
        keep : array (steps, stages, d, *n), optional
            Filled with the slopes -c d_j w.
        """
        leading = steps, len(coefficients), len(velocity)
        keep = nothing(leading, self._shape) if keep is None else self._fields(keep, 3)
        fields = self._fields(velocity), self._none, self._fields(source, 0)
        self._run(advection.advect, base, *fields, coefficients, keep)

    def advect_tangent(self, base, velocity, tangent_velocity, tangent_source, slopes, coefficients) -> None:
        """base <- the change of u after some steps, with v and f, from slopes that `advect` kept."""
        fields = self._fields(velocity), self._fields(tangent_velocity), self._fields(tangent_source, 0)
        self._run(advection.advect, base, *fields, coefficients, self._fields(slopes, 3))

    def advect_transpose(self, weight, velocity, slopes, coefficients, momentum, source_bar, fresh: bool) -> None:
        """weight <- the transpose of some steps applied to it, with B(v)^T q = sum_j d_j P(v_j q).

        Parameters
        ----------
        weight : complex array (*kept)
        velocity : array (d, *n)
        slopes : array (steps, stages, d, *n)
            What `advect` kept.
        coefficients : array (stages,)
        momentum : array (d, *n)
            Gains sum_m q_m slope_m.
        source_bar : array (*n)
            Gains -c q of the first stage of each step.
        fresh : bool
            Whether the two are to be overwritten instead.
        """
        fields = coefficients, self._fields(slopes, 3), self._fields(momentum), self._fields(source_bar, 0)
        self._run(advection.advect_transpose, weight, self._fields(velocity), *fields, fresh)

    def _fields(self, values, leading: int = 1):
        return values.reshape(*values.shape[:leading], *self._shape)

    def _run(self, sweep, *arguments):
        self._geometry.run(sweep, self._derivatives, self._scalar, self._pair, *arguments)


def nothing(leading, shape) -> np.ndarray:
    """In place of fields (*leading, *shape) that are not kept: an array without numbers that has these indices."""
    return np.empty((*leading, 0, *shape[1:]))
