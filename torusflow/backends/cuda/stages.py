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
    d > 1, two go: the component along that axis, and the halfway derivative. From plane to plane nothing is shared, so
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
        m, n0, self._size = self._places, shape[0], math.prod(shape)
        self.kept, self._pairs = m.kept, min(dimension, 2)
        planes = self._planes = Planes(work, m, n0, shape[1:], dimension, **settings)
        self._single = work.xp.empty((n0, planes.pitch), complex)
        self._pair = work.xp.empty((n0, self._pairs * planes.pitch), complex)
        self._base = work.xp.empty(m.kept, complex)  # what a step begins with
        self._along_single = work.columns(n0, planes.pitch, m.count)
        beyond_last = self._pairs * planes.pitch - planes.pitch + m.count
        self._along_pair = work.columns(n0, self._pairs * planes.pitch, beyond_last)
        self._graphs = Graphs(work)
        self._large = self._size >= LARGE
        # Measured: in two dimensions, where a transform has one axis, they bring nothing.
        loads = Loads(work, m, planes, shape) if dimension == 3 and (self._large if loads is None else loads) else None
        self._loads = loads if work.without_loads is None else None
        self._values = self._loads or planes

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
        arrays = self._pair, self._base, self._single, m.inv0, m.s0, m.last
        numbers = n0, m.count, self._planes.pitch, self._pairs, factor
        self._work.run("density_columns", self._single.size, *arrays, *numbers, come, ends)
        if goes:
            self._along_single(self._single, 1)

    def _fluxes(self, velocity, density, tangent_velocity=None) -> None:
        """From the columns of a density, which is kept, to those of its flux; or of a change, with a density."""
        work, planes = self._work, self._planes
        change, keeps = tangent_velocity is not None, density is not None
        for first, count in planes.parts:
            start, points, *numbers = self._points(first, count)
            field = planes.field
            if keeps and not change:
                part = density.reshape(-1)[start : start + points]
                field = field if work.address(part) % 16 else part  # elsewhere cuFFT does not write
            copies = keeps and field is planes.field
            self._values.field_of(self._single, first, count, field)
            if self._loads and not change and not copies:
                self._loads.shares_of(field, velocity, first, count, self._pair)
                continue
            if change:
                arrays = field, velocity, tangent_velocity, density, planes.values
                work.run("flux_change", points, *arrays, start, points, *numbers)
            else:
                keep = density if keeps else velocity  # an address, not written to
                work.run("flux", points, field, velocity, keep, planes.values, start, points, *numbers, copies)
            planes.shares_of(planes.values, first, count, self._pair)

    def _points(self, first: int, count: int) -> tuple[int, ...]:
        """Of these planes, as kernels ask for them: the first, how many, and of all, dimension, points of a plane."""
        plane = self._size // self._shape[0]
        return first * plane, count * plane, self._size, self._d, plane

    def _weights(self, following: float, come: bool = True, ends: bool = False, goes: bool = True) -> None:
        """From the columns of a weight's product, or none, to those of the next weight's slopes."""
        m, n0 = self._places, self._shape[0]
        if come:
            self._along_single(self._single, -1)
        arrays = self._single, self._base, self._pair, m.inv0, m.s0, m.last
        numbers = n0, m.count, self._planes.pitch, self._pairs, 1 / self._size, following
        self._work.run("weight_columns", self._single.size, *arrays, *numbers, come, ends or not come)
        if goes:
            self._along_pair(self._pair, 1)

    def _products(self, velocity, density, momentum, fresh: bool) -> None:
        """From the columns of slopes to those of their product with the velocity; the momentum gains theirs."""
        planes = self._planes
        for first, count in planes.parts:
            points = self._points(first, count)
            self._values.slopes_of(self._pair, first, count, planes.values)
            arrays = planes.values, velocity, density, momentum, planes.field
            self._work.run("collect", points[1], *arrays, *points, fresh)
            planes.columns_of(planes.field, first, count, self._single)

    def _advected(self, velocity, change, source, slopes, steps: int, factors: list[float]) -> None:
        """A sweep of `advect`, which fills the slopes if they are there; or of its tangent, which reads them."""
        planes, changes, last = self._planes, change is not None, len(factors) - 1
        keeps = slopes is not None and not changes
        self._weights(-factors[-1], come=False)
        for step in range(steps):
            for stage in reversed(range(len(factors))):
                kept = velocity if slopes is None else slopes[step, stage]  # else an address, not looked at
                for first, count in planes.parts:
                    points = self._points(first, count)
                    self._values.slopes_of(self._pair, first, count, planes.values)
                    arrays = planes.values, velocity, change if changes else velocity, kept, source, kept, planes.field
                    numbers = *points, factors[stage], changes, keeps, stage == last
                    self._work.run("advect", points[1], *arrays, *numbers)
                    planes.columns_of(planes.field, first, count, self._single)
                goes = stage > 0 or step < steps - 1
                self._weights(-factors[stage - 1], ends=stage == 0, goes=goes)

    def _carried(self, velocity, slopes, momentum, source_bar, c: float, fresh: bool, ends: bool, new: bool) -> None:
        """From the columns of q to those of its flux; the momentum and, where a step ends, the source gain theirs."""
        planes = self._planes
        for first, count in planes.parts:
            points = self._points(first, count)
            self._values.field_of(self._single, first, count, planes.field)
            arrays = planes.field, velocity, slopes, momentum, source_bar, planes.values
            self._work.run("advect_back", points[1], *arrays, *points, c, fresh, ends, new)
            planes.shares_of(planes.values, first, count, self._pair)
