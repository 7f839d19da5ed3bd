"""The stages of the continuity equation on a GPU, their tangent and their transpose: a layer's steps at once."""

from __future__ import annotations

import functools
import math

from .loads import Loads
from .modes import Modes, Planes
from .work import Graphs, Work

# Points of a grid from which on a launch costs nothing beside its work.
LARGE = 2**21


class Stages:
    """`torusflow.backends.backend.Stages`.

    Between two stages there are columns (n0, kept modes of the other axes); along axis 0 one field comes and, for
    d > 1, two go: the halfway derivative, and the component along that axis. From plane to plane nothing is shared, so
    that the planes are worked on in parts. Steps are launched as one graph where the arrays are those of before.

    Parameters
    ----------
    work : Work
    dimension : int
    shape : tuple of int, length 3
    modes : tuple of int
    loads : bool, optional
        Whether fluxes and gradients are computed as transforms load them; not given, where that is faster.
    """

    def __init__(self, work: Work, dimension: int, shape, modes, loads=None, **settings):
        self._work, self._places, self._d, self._shape = work, Modes(work, shape, modes), dimension, shape
        m, (n0, n1, n2), self._size = self._places, shape, math.prod(shape)
        self.kept, self._pairs = m.kept, min(dimension, 2)
        self._planes = Planes(work, n0, n1, n2, dimension, **settings)
        self._single = work.xp.empty((n0, m.count), complex)
        self._pair = work.xp.empty((n0, self._pairs * m.count), complex)
        self._base = work.xp.empty(m.kept, complex)  # what a step begins with
        self._along_single = work.columns(n0, m.count)
        self._along_pair = work.columns(n0, self._pairs * m.count)
        self._graphs = Graphs(work)
        self._large = self._size >= LARGE
        # Measured: in two dimensions, where a transform has one axis, they bring nothing.
        loads = self._large and dimension == 3 if loads is None else loads
        self._loads = Loads.made(work, m, self._planes, dimension, shape) if loads else None

    def push(self, base, velocity, coefficients, steps: int, keep=None) -> None:
        def sequence():
            self._densities(0.0, come=False)
            for step in range(steps):
                for stage, c in enumerate(factors):
                    self._fluxes(velocity, None if keep is None else keep[step, stage])
                    ends = stage == len(factors) - 1
                    self._densities(c, ends=ends, goes=not (ends and step == steps - 1))

        factors = [float(c) / self._size for c in coefficients]
        self._launch(base, ("push", steps, *factors), (velocity, keep), sequence)

    def tangent(self, base, velocity, tangent_velocity, densities, coefficients) -> None:
        def sequence():
            self._densities(0.0, come=False)
            for step in range(len(densities)):
                for stage, c in enumerate(factors):
                    self._fluxes(velocity, densities[step, stage], tangent_velocity)
                    ends = stage == len(factors) - 1
                    self._densities(c, ends=ends, goes=not (ends and step == len(densities) - 1))

        factors = [float(c) / self._size for c in coefficients]
        key = "tangent", len(densities), *factors
        self._launch(base, key, (velocity, tangent_velocity, densities), sequence)

    def transpose(self, weight, velocity, densities, coefficients, momentum, fresh: bool) -> None:
        def sequence():
            first = fresh
            self._weights(factors[-1], come=False)
            for step in reversed(range(len(densities))):
                for stage in reversed(range(len(factors))):
                    self._products(velocity, densities[step, stage], momentum, first)
                    first = False
                    self._weights(factors[stage - 1], ends=stage == 0, goes=stage + step > 0)

        factors = [float(c) for c in coefficients]
        key = "transpose", len(densities), fresh, *factors
        self._launch(weight, key, (velocity, densities, momentum), sequence)

    def advect(self, base, velocity, source, coefficients, steps: int, keep=None) -> None:
        factors = [float(c) for c in coefficients]
        arrays = velocity, source, keep
        sweep = functools.partial(self._advected, velocity, None, source, keep, steps, factors)
        self._launch(base, ("advect", steps, *factors), arrays, sweep)

    def advect_tangent(self, base, velocity, tangent_velocity, tangent_source, slopes, coefficients) -> None:
        factors = [float(c) for c in coefficients]
        arrays = velocity, tangent_velocity, tangent_source, slopes
        sweep = functools.partial(self._advected, *arrays, len(slopes), factors)
        self._launch(base, ("advect_tangent", len(slopes), *factors), arrays, sweep)

    def advect_transpose(self, weight, velocity, slopes, coefficients, momentum, source_bar, fresh: bool) -> None:
        def sequence():
            last = len(factors) - 1
            self._densities(0.0, come=False)
            for step in reversed(range(len(slopes))):
                for stage, c in enumerate(factors):
                    new = fresh and step == len(slopes) - 1
                    arrays = velocity, slopes[step, stage], momentum, source_bar
                    self._carried(*arrays, c, new and stage == 0, stage == last, new)
                    self._densities(-c / self._size, ends=stage == last, goes=stage < last or step > 0)

        factors = [float(c) for c in coefficients]
        key = "advect_transpose", len(slopes), fresh, *factors
        self._launch(weight, key, (velocity, slopes, momentum, source_bar), sequence)

    def _launch(self, base, key: tuple, arrays: tuple, sequence) -> None:
        """The sequence on the base; what it does depends on the key and on where arrays are."""
        if not all(array is None or array.flags.c_contiguous for array in (*arrays, base)):
            raise ValueError("kernels take arrays in the order of C, without gaps.")
        if self._large:
            self._base, arrays = base, (*arrays, base)
        else:  # a copy is always at one place, so that graphs are found again
            self._base[...] = base
        addresses = tuple(None if array is None else self._work.address(array) for array in arrays)
        self._graphs.run((*key, *addresses), sequence)
        if not self._large:
            base[...] = self._base

    # -- one stage -----------------------------------------------------------------------------------------------

    def _densities(self, factor: float, come: bool = True, ends: bool = False, goes: bool = True) -> None:
        """From the columns of a flux, or none, to those of the next density."""
        m, n0 = self._places, self._shape[0]
        if come:
            self._along_pair(self._pair, -1)
        arrays = self._pair, self._base, self._single, m.inv0, m.s0
        self._work.run("density_columns", n0 * m.count, *arrays, n0, m.count, self._pairs, factor, come, ends)
        if goes:
            self._along_single(self._single, 1)

    def _fluxes(self, velocity, density, tangent_velocity=None) -> None:
        """From the columns of a density, which is kept, to those of its flux; or of a change, with a density."""
        work, m, planes, d = self._work, self._places, self._planes, self._d
        _, n1, n2 = self._shape
        change, keeps = tangent_velocity is not None, density is not None
        for first, count in planes.parts:
            points = first * n1 * n2, count * n1 * n2, self._size, d
            field = planes.field
            if keeps and not change:
                part = density.reshape(-1)[points[0] : points[0] + points[1]]
                field = field if work.address(part) % 16 else part  # elsewhere cuFFT does not write
            copies = keeps and field is planes.field
            self._rows(self._single, first, count, field)
            if self._loads and not change and not copies:
                work.run("point", 1, self._loads.info["flux"], field, velocity, first, count)
                self._loads.flux[count](planes.real, planes.half)
            else:
                if change:
                    arrays = field, velocity, tangent_velocity, density, planes.real
                    work.run("flux_change", points[1], *arrays, *points)
                else:
                    keep = density if keeps else velocity  # an address, not written to
                    work.run("flux", points[1], field, velocity, keep, planes.real, *points, copies)
                planes.all[count][0](planes.real, planes.half)
            arrays = planes.half, self._pair, m.mid, m.s1, m.s2
            work.run("gather_flux", count * m.count, *arrays, first, count, n1, planes.nh, *m.kept[1:], d)

    def _rows(self, columns, first: int, count: int, out) -> None:
        """From the columns of a field, or of the components of a gradient, to values on some planes."""
        work, m, planes, n1 = self._work, self._places, self._planes, self._shape[1]
        gradient = columns is self._pair
        if self._loads:
            what = "slopes" if gradient else "field"
            work.run("point", 1, self._loads.info[what], columns, columns, first, count)
            self._loads.rows[what, count](planes.half, out)
            return
        threads, lines = count * n1 * planes.nh, (first, count, n1, planes.nh)
        if gradient:
            arrays = columns, planes.half, m.inv1, m.s1, m.s2
            work.run("scatter_slopes", threads, *arrays, *lines, *m.kept[1:], self._d)
            planes.all[count][1](planes.half, out)
        else:
            work.run("scatter", threads, columns, planes.half, m.inv1, *lines, m.kept[2], m.count)
            planes.one[count][1](planes.half, out)

    def _weights(self, following: float, come: bool = True, ends: bool = False, goes: bool = True) -> None:
        """From the columns of a weight's product, or none, to those of the next weight's slopes."""
        m, n0 = self._places, self._shape[0]
        if come:
            self._along_single(self._single, -1)
        arrays = self._single, self._base, self._pair, m.inv0, m.s0
        numbers = n0, m.count, self._pairs, 1 / self._size, following
        self._work.run("weight_columns", n0 * m.count, *arrays, *numbers, come, ends or not come)
        if goes:
            self._along_pair(self._pair, 1)

    def _products(self, velocity, density, momentum, fresh: bool) -> None:
        """From the columns of slopes to those of their product with the velocity; the momentum gains theirs."""
        work, m, planes, d = self._work, self._places, self._planes, self._d
        _, n1, n2 = self._shape
        for first, count in planes.parts:
            points = first * n1 * n2, count * n1 * n2, self._size, d
            self._rows(self._pair, first, count, planes.real)
            arrays = planes.real, velocity, density, momentum, planes.field
            work.run("collect", points[1], *arrays, *points, fresh)
            planes.one[count][0](planes.field, planes.half)
            lines = first, count, n1, planes.nh
            work.run("gather", count * m.count, planes.half, self._single, m.mid, *lines, *m.kept[1:], m.count)

    def _advected(self, velocity, change, source, slopes, steps: int, factors: list[float]) -> None:
        """A sweep of `advect`, which fills the slopes if they are there; or of its tangent, which reads them."""
        work, m, planes, d = self._work, self._places, self._planes, self._d
        _, n1, n2 = self._shape
        changes, last = change is not None, len(factors) - 1
        keeps = slopes is not None and not changes
        self._weights(-factors[-1], come=False)
        for step in range(steps):
            for stage in reversed(range(len(factors))):
                kept = velocity if slopes is None else slopes[step, stage]  # else an address, not looked at
                for first, count in planes.parts:
                    self._rows(self._pair, first, count, planes.real)
                    arrays = planes.real, velocity, change if changes else velocity, kept, source, kept, planes.field
                    numbers = first * n1 * n2, count * n1 * n2, self._size, d, factors[stage]
                    work.run("advect", numbers[1], *arrays, *numbers, changes, keeps, stage == last)
                    planes.one[count][0](planes.field, planes.half)
                    lines = first, count, n1, planes.nh, *m.kept[1:], m.count
                    work.run("gather", count * m.count, planes.half, self._single, m.mid, *lines)
                goes = stage > 0 or step < steps - 1
                self._weights(-factors[stage - 1], ends=stage == 0, goes=goes)

    def _carried(self, velocity, slopes, momentum, source_bar, c: float, fresh: bool, ends: bool, new: bool) -> None:
        """From the columns of q to those of its flux; the momentum and, where a step ends, the source gain theirs."""
        work, m, planes, d = self._work, self._places, self._planes, self._d
        _, n1, n2 = self._shape
        for first, count in planes.parts:
            self._rows(self._single, first, count, planes.field)
            arrays = planes.field, velocity, slopes, momentum, source_bar, planes.real
            numbers = first * n1 * n2, count * n1 * n2, self._size, d, c
            work.run("advect_back", numbers[1], *arrays, *numbers, fresh, ends, new)
            planes.all[count][0](planes.real, planes.half)
            arrays = planes.half, self._pair, m.mid, m.s1, m.s2
            work.run("gather_flux", count * m.count, *arrays, first, count, n1, planes.nh, *m.kept[1:], d)
