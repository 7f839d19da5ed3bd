"""The stages of the continuity equation and of its transpose: transforms and pointwise work in one compiled sweep."""

from __future__ import annotations

import numpy as np

from .layout import (
    Geometry,
    columns_come,
    columns_go,
    compiled,
    copy,
    rows_to_grid,
    rows_to_halfway,
    share,
    zeros,
)
from .native import wait
from .workers import Workers

# By dimension, for each component j of a flux or gradient: whether its derivative is taken along axis 0, with the
# columns, and how much of 2 pi k_1 and 2 pi k_2 its rows are multiplied by.
_DERIVATIVES = {
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
    library : {"fftw", "scipy"}

    Attributes
    ----------
    kept : tuple of int
        Shape of coefficients.
    """

    def __init__(self, dimension: int, shape, modes, workers: Workers, library: str):
        self.workers = workers
        self._geometry = geometry = Geometry(shape, modes, workers.threads, library)
        self._derivatives = np.array(_DERIVATIVES[dimension], float)
        self.kept = geometry.kept
        self._shape = shape
        self._scalar = zeros((shape[0], *self.kept[1:]), complex)
        self._pair = zeros((min(dimension, 2), shape[0], *self.kept[1:]), complex)

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
        keep = np.empty((0, 0, *self._shape)) if keep is None else self._fields(keep, 2)
        self._run(_push, base, self._fields(velocity), np.asarray(coefficients), steps, keep)

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
        fields = self._fields(velocity), self._fields(tangent_velocity), self._fields(densities, 2)
        self._run(_tangent, base, *fields, np.asarray(coefficients))

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
        fields = self._fields(velocity), self._fields(densities, 2)
        self._run(_transpose, weight, *fields, np.asarray(coefficients), self._fields(momentum), fresh)

    def _fields(self, values, leading: int = 1):
        return values.reshape(*values.shape[:leading], *self._shape)

    def _run(self, sweep, *arguments):
        geometry, own = self._geometry, (self._derivatives, self._scalar, self._pair)

        def work(member):
            sweep(member, geometry.layout, geometry.scratch[member.part], *own, *arguments)

        self.workers.together(work, geometry.parts)


@compiled
def _push(member, layout, scratch, derivatives, density_hat, fluxes_hat, base, velocity, coefficients, steps, keep):
    block, size = scratch.real.shape[0], _size(density_hat, scratch)
    first, end = share(density_hat.shape[0], block, member.part, member.parts)
    arrivals = 0
    _columns_of_density(member, layout, scratch, density_hat, fluxes_hat, base, 0.0, False, False, True)
    for step in range(steps):
        for stage in range(coefficients.size):
            arrivals = wait(member.gang, member.parts, arrivals)
            for start in range(first, end, block):
                rows = min(block, end - start)
                rows_to_grid(layout, scratch, density_hat, start, rows, 1.0, 0.0, 0.0)
                if keep.shape[0] > 0:
                    copy(scratch.real, 0, keep[step, stage], start, rows)
                for j in range(velocity.shape[0]):
                    _multiply(velocity[j], scratch.real, scratch.product, start, rows)
                    _rows_of_flux(layout, scratch, derivatives[j], fluxes_hat, start, rows, j == 2)
            arrivals = wait(member.gang, member.parts, arrivals)
            ends = stage == coefficients.size - 1
            factor, go = coefficients[stage] / size, not ends or step < steps - 1
            _columns_of_density(member, layout, scratch, density_hat, fluxes_hat, base, factor, True, ends, go)


@compiled
def _tangent(
    member, layout, scratch, derivatives, change_hat, fluxes_hat, base, velocity, change, densities, coefficients
):
    block, size = scratch.real.shape[0], _size(change_hat, scratch)
    first, end = share(change_hat.shape[0], block, member.part, member.parts)
    arrivals = 0
    _columns_of_density(member, layout, scratch, change_hat, fluxes_hat, base, 0.0, False, False, True)
    for step in range(densities.shape[0]):
        for stage in range(coefficients.size):
            arrivals = wait(member.gang, member.parts, arrivals)
            for start in range(first, end, block):
                rows = min(block, end - start)
                rows_to_grid(layout, scratch, change_hat, start, rows, 1.0, 0.0, 0.0)
                for j in range(velocity.shape[0]):
                    _multiply(velocity[j], scratch.real, scratch.product, start, rows)
                    _add_product(change[j], densities[step, stage], scratch.product, start, rows)
                    _rows_of_flux(layout, scratch, derivatives[j], fluxes_hat, start, rows, j == 2)
            arrivals = wait(member.gang, member.parts, arrivals)
            ends = stage == coefficients.size - 1
            factor, go = coefficients[stage] / size, not ends or step < densities.shape[0] - 1
            _columns_of_density(member, layout, scratch, change_hat, fluxes_hat, base, factor, True, ends, go)


@compiled
def _transpose(
    member,
    layout,
    scratch,
    derivatives,
    result_hat,
    slopes_hat,
    total,
    velocity,
    densities,
    coefficients,
    momentum,
    fresh,
):
    block, factor = scratch.real.shape[0], 1 / _size(result_hat, scratch)
    first, end = share(result_hat.shape[0], block, member.part, member.parts)
    arrivals = 0
    stages = coefficients.size
    following = coefficients[stages - 1]
    _columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, False, True, True)
    for step in range(densities.shape[0] - 1, -1, -1):
        for stage in range(stages - 1, -1, -1):
            arrivals = wait(member.gang, member.parts, arrivals)
            for start in range(first, end, block):
                rows = min(block, end - start)
                for j in range(velocity.shape[0]):
                    _rows_of_slope(layout, scratch, derivatives[j], slopes_hat, start, rows)
                    fields = velocity[j], densities[step, stage], momentum[j]
                    _multiply_and_collect(scratch.real, scratch.product, *fields, start, rows, j > 0, fresh)
                rows_to_halfway(layout, scratch, scratch.product, result_hat, start, rows, 1.0, 0.0, 0.0, False)
            fresh = False
            arrivals = wait(member.gang, member.parts, arrivals)
            ends, go = stage == 0, stage > 0 or step > 0
            following = coefficients[stages - 1 if ends else stage - 1]
            _columns_of_weight(
                member, layout, scratch, result_hat, slopes_hat, total, factor, following, True, ends, go
            )


# -- columns: axis 0, and what is done to coefficients -----------------------------------------------------------------


@compiled
def _columns_of_density(member, layout, scratch, density_hat, fluxes_hat, base, factor, come, ends, go):
    """y^ = base^ - factor sum_j 2 pi i k_j f^_j with fluxes that come, or base^ itself; base^ <- y^ where a step
    ends; and y^ goes."""
    outer, width = layout.outer, scratch.coming.shape[2]
    across = fluxes_hat.shape[0] == 2
    columns = base.reshape(outer.size, base.shape[1] * base.shape[2])
    first, end = share(columns.shape[1], width, member.part, member.parts)
    for start in range(first, end, width):
        if come:
            for which in range(fluxes_hat.shape[0]):
                columns_come(layout, scratch, which, fluxes_hat[which], start)
        count = min(width, end - start)
        for i in range(outer.size):
            o = outer[i]
            if not come:
                for c in range(count):
                    scratch.going[0, o, c] = columns[i, start + c]
                continue
            symbol = factor * layout.symbol_0[i]
            for c in range(count):
                f = factor * scratch.coming[0, o, c]
                if across:
                    f += symbol * scratch.coming[1, o, c]
                scratch.going[0, o, c] = columns[i, start + c] + complex(f.imag, -f.real)
            if ends:
                for c in range(count):
                    columns[i, start + c] = scratch.going[0, o, c]
        if go:
            columns_go(layout, scratch, 0, density_hat, start)


@compiled
def _columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, come, ends, go):
    """w^ = factor r^ with the result that comes, total^ += w^; and its slopes go, i w^ and 2 pi i k_0 w^ times
    `following`, or those of total^ where a step ends."""
    outer, width = layout.outer, scratch.coming.shape[2]
    across = slopes_hat.shape[0] == 2
    columns = total.reshape(outer.size, total.shape[1] * total.shape[2])
    first, end = share(columns.shape[1], width, member.part, member.parts)
    for start in range(first, end, width):
        if come:
            columns_come(layout, scratch, 0, result_hat, start)
        count = min(width, end - start)
        for i in range(outer.size):
            o = outer[i]
            if come:
                for c in range(count):
                    columns[i, start + c] += factor * scratch.coming[0, o, c]
            if ends:
                for c in range(count):
                    w = following * columns[i, start + c]
                    scratch.going[0, o, c] = complex(-w.imag, w.real)
            else:
                for c in range(count):
                    w = following * factor * scratch.coming[0, o, c]
                    scratch.going[0, o, c] = complex(-w.imag, w.real)
            if across:
                for c in range(count):
                    scratch.going[1, o, c] = layout.symbol_0[i] * scratch.going[0, o, c]
        if go:
            for which in range(slopes_hat.shape[0]):
                columns_go(layout, scratch, which, slopes_hat[which], start)


# -- rows: axes 1 and 2, and what is done on the grid ------------------------------------------------------------------


@compiled
def _rows_of_flux(layout, scratch, derivative, fluxes_hat, start, rows, add):
    """scratch.product, a component of the flux, on its way to the columns."""
    if derivative[0] != 0:
        rows_to_halfway(layout, scratch, scratch.product, fluxes_hat[1], start, rows, 1.0, 0.0, 0.0, False)
    else:
        weights = 0.0, derivative[1], derivative[2]
        rows_to_halfway(layout, scratch, scratch.product, fluxes_hat[0], start, rows, *weights, add)


@compiled
def _rows_of_slope(layout, scratch, derivative, slopes_hat, start, rows):
    """scratch.real <- a component of the gradient."""
    if derivative[0] != 0:
        rows_to_grid(layout, scratch, slopes_hat[1], start, rows, 1.0, 0.0, 0.0)
    else:
        rows_to_grid(layout, scratch, slopes_hat[0], start, rows, 0.0, derivative[1], derivative[2])


@compiled
def _multiply(velocity, block, product, start, rows):
    """product = velocity block."""
    for r in range(rows):
        for m in range(block.shape[1]):
            for k in range(block.shape[2]):
                product[r, m, k] = velocity[start + r, m, k] * block[r, m, k]


@compiled
def _add_product(velocity, density, product, start, rows):
    """product += velocity density."""
    for r in range(rows):
        for m in range(product.shape[1]):
            for k in range(product.shape[2]):
                product[r, m, k] += velocity[start + r, m, k] * density[start + r, m, k]


@compiled
def _multiply_and_collect(slope, product, velocity, density, momentum, start, rows, add, fresh):
    """product = or += velocity slope, and momentum = or += density slope."""
    for r in range(rows):
        i = start + r
        for m in range(slope.shape[1]):
            for k in range(slope.shape[2]):
                s = slope[r, m, k]
                product[r, m, k] = velocity[i, m, k] * s + (product[r, m, k] if add else 0.0)
                momentum[i, m, k] = density[i, m, k] * s + (momentum[i, m, k] if fresh == 0 else 0.0)


@compiled
def _size(halfway, scratch):
    return halfway.shape[0] * scratch.real.shape[1] * scratch.real.shape[2]
