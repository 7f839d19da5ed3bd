"""Stages of which each process works on its rows, and after an exchange on its columns."""

from __future__ import annotations

import math

import numpy as np

from ..cpu.advection import rows_of_advection, rows_of_advection_transpose
from ..cpu.continuity import rows_of_push, rows_of_transpose
from ..cpu.stages import DERIVATIVES, nothing
from ..cpu.sweeps import columns_of_density, columns_of_weight
from ..cpu.workers import Workers
from .exchange import SlabGeometry
from .slabs import Slabs


class Stages:
    """`torusflow.backends.backend.Stages`, with an exchange at each of the two points of a stage where threads meet.

    What the processors' `Stages` do in one compiled loop is taken apart here at these points.

    Parameters
    ----------
    slabs : Slabs
    dimension, shape, modes, workers, library
        As of `torusflow.backends.cpu.stages.Stages`, of the whole grid.
    """

    def __init__(self, slabs: Slabs, dimension: int, shape, modes, workers: Workers, library: str):
        self._geometry = geometry = SlabGeometry(slabs, shape, modes, workers, library)
        self._derivatives = np.array(DERIVATIVES[dimension], float)
        self.kept = geometry.kept
        self._size, self._shape = math.prod(shape), geometry.shape
        self._scalar, self._pair = geometry.halfway(1), geometry.halfway(min(dimension, 2))
        self._none = np.empty((0, *geometry.shape))

    def push(self, base, velocity, coefficients, steps: int, keep=None) -> None:
        keep = nothing((steps, len(coefficients)), self._shape) if keep is None else self._fields(keep, 2)
        self._push(base, self._fields(velocity), self._none, coefficients, keep)

    def tangent(self, base, velocity, tangent_velocity, densities, coefficients) -> None:
        fields = self._fields(velocity), self._fields(tangent_velocity)
        self._push(base, *fields, coefficients, self._fields(densities, 2))

    def _push(self, base, velocity, change, coefficients, densities) -> None:
        keep = len(change) == 0 and densities.size > 0
        self._to_rows_of_density(base, 0.0, False, False, True)
        for step, stages in enumerate(densities):
            for stage, (density, c) in enumerate(zip(stages, coefficients, strict=True)):
                arrays = self._scalar.rows[0], self._pair.rows, velocity, change, density
                self._run(rows_of_push, self._derivatives, *arrays, keep, densities.size)
                ends = stage == len(coefficients) - 1
                self._pair.to_columns()
                go = not ends or step < len(densities) - 1
                self._to_rows_of_density(base, c / self._size, True, ends, go)

    def transpose(self, weight, velocity, densities, coefficients, momentum, fresh: bool) -> None:
        velocity, momentum, densities = self._fields(velocity), self._fields(momentum), self._fields(densities, 2)
        self._to_rows_of_weight(weight, coefficients[-1], False, True, True)
        for step in reversed(range(len(densities))):
            for stage in reversed(range(len(coefficients))):
                arrays = self._scalar.rows[0], self._pair.rows, velocity, densities[step, stage], momentum
                self._run(rows_of_transpose, self._derivatives, *arrays, fresh)
                fresh = False
                self._scalar.to_columns()
                self._to_rows_of_weight(weight, coefficients[stage - 1], True, stage == 0, stage > 0 or step > 0)

    def advect(self, base, velocity, source, coefficients, steps: int, keep=None) -> None:
        leading = steps, len(coefficients), len(velocity)
        keep = nothing(leading, self._shape) if keep is None else self._fields(keep, 3)
        self._advect(base, self._fields(velocity), self._none, self._fields(source, 0), coefficients, keep)

    def advect_tangent(self, base, velocity, tangent_velocity, tangent_source, slopes, coefficients) -> None:
        fields = self._fields(velocity), self._fields(tangent_velocity), self._fields(tangent_source, 0)
        self._advect(base, *fields, coefficients, self._fields(slopes, 3))

    def _advect(self, base, velocity, change, source, coefficients, slopes) -> None:
        keep, stages = len(change) == 0 and slopes.size > 0, len(coefficients)
        self._to_rows_of_weight(base, -coefficients[-1], False, True, True)
        for step in range(len(slopes)):
            for stage in reversed(range(stages)):
                c = coefficients[stage] if stage == stages - 1 else 0.0
                arrays = self._scalar.rows[0], self._pair.rows, velocity, change, source, c, slopes[step, stage]
                self._run(rows_of_advection, self._derivatives, *arrays, keep, slopes.size)
                self._scalar.to_columns()
                go = stage > 0 or step < len(slopes) - 1
                self._to_rows_of_weight(base, -coefficients[stage - 1], True, stage == 0, go)

    def advect_transpose(self, weight, velocity, slopes, coefficients, momentum, source_bar, fresh: bool) -> None:
        velocity, momentum, slopes = self._fields(velocity), self._fields(momentum), self._fields(slopes, 3)
        source_bar, fresh_source = self._fields(source_bar, 0), fresh
        self._to_rows_of_density(weight, 0.0, False, False, True)
        for step in reversed(range(len(slopes))):
            for stage, c in enumerate(coefficients):
                ends = stage == len(coefficients) - 1
                arrays = self._scalar.rows[0], self._pair.rows, velocity, c, slopes[step, stage], momentum, source_bar
                self._run(rows_of_advection_transpose, self._derivatives, *arrays, ends, fresh, fresh_source)
                fresh, fresh_source = False, fresh_source and not ends
                self._pair.to_columns()
                self._to_rows_of_density(weight, -c / self._size, True, ends, not ends or step > 0)

    # -- their columns -----------------------------------------------------------------------------------------

    def _to_rows_of_density(self, base, factor, come: bool, ends: bool, go: bool) -> None:
        """Fluxes that have come -> base, or the density of the next stage, which goes."""
        columns = self._scalar.columns[0], self._pair.columns, base
        self._run(columns_of_density, *columns, factor, come, ends, go)
        if go:
            self._scalar.to_rows()

    def _to_rows_of_weight(self, total, following, come: bool, ends: bool, go: bool) -> None:
        """A weight that has come -> added to the total; its slopes, or those of the total, go."""
        columns = self._scalar.columns[0], self._pair.columns, total
        self._run(columns_of_weight, *columns, 1 / self._size, following, come, ends, go)
        if go:
            self._pair.to_rows()

    def _run(self, sweep, *arguments) -> None:
        self._geometry.run(sweep, *arguments)

    def _fields(self, values, leading: int = 1) -> np.ndarray:
        return values.reshape(*values.shape[:leading], *self._shape)
