"""Several processes of this or of other machines as a backend."""

from __future__ import annotations

import math

import numpy as np

from ..cpu.processors import Processors
from ..cpu.stages import Stages as AllStages
from .exchange import SlabGeometry
from .slabs import Slabs
from .stages import Stages
from .transform import Transform


class Processes(Processors):
    """The processors of each process on its rows and columns (`torusflow.backends.backend.Backend`).

    Sums are those of one number for each row, or for each column of coefficients, added in their order, so that they
    are the same to the last bit on any number of processes. What is found is the same on all of them.

    Parameters
    ----------
    slabs : Slabs
    threads : int
        Of each process.
    library : {"fftw", "rocket", "scipy"}
    """

    def __init__(self, slabs: Slabs, threads: int, library: str):
        super().__init__(threads, library)
        self.division = self._slabs = slabs

    def plan(self, shape, modes, batch: int) -> Transform:
        return Transform(self._slabs, shape, modes, batch, self._workers, self.library)

    def stages(self, dimension: int, shape, modes) -> Stages | AllStages:
        where = shape, modes, self._workers, self.library
        if self._slabs.processes == 1:  # there is nothing to exchange: all stages in one compiled loop
            return AllStages(dimension, *where, SlabGeometry(self._slabs, *where))
        return Stages(self._slabs, dimension, *where)

    # -- sums of rows and columns --------------------------------------------------------------------------------

    def total(self, f) -> float:
        return self._added(f, 1 - len(self._slabs.shape))

    def mean(self, f) -> float:
        leading = np.shape(f)[: np.ndim(f) - len(self._slabs.shape)]
        return self._added(f, -len(self._slabs.shape)) / (math.prod(self._slabs.shape) * math.prod(leading))

    def inner(self, f, g) -> float:
        lines = (field.reshape(-1, field.shape[-1]) for field in (f, g))
        sums = np.einsum("ij,ij->i", *lines).reshape(f.shape[:-1])
        return self._added(sums, 1 - len(self._slabs.shape))

    def _added(self, f, axis: int) -> float:
        """The sum of all numbers on all processes, by what is added up first for each place along an axis."""
        front = np.ascontiguousarray(np.moveaxis(f, axis, 0))
        sums = np.sum(front.reshape(len(front), math.prod(front.shape[1:])), axis=1)
        everyone = np.concatenate(self._slabs.everyone(sums))
        try:
            return math.fsum(everyone)  # also on processors of different makes, which must come to one decision
        except (OverflowError, ValueError):  # of infinities
            return float(np.sum(everyone))

    # -- extremes ------------------------------------------------------------------------------------------------

    def maximum(self, f) -> float:
        return self._largest(super().maximum(f) if np.size(f) else -math.inf)

    def minimum(self, f) -> float:
        return -self._largest(-super().minimum(f) if np.size(f) else -math.inf)

    def is_finite(self, f) -> bool:
        return all(self._slabs.everyone(super().is_finite(f)))

    def largest(self, values) -> float:
        return self._largest(super().largest(values) if values.size else 0.0)

    def fastest(self, velocity, weights) -> float:
        return self._largest(super().fastest(velocity, weights))

    def _largest(self, value: float) -> float:
        return float(np.max(self._slabs.everyone(value)))  # NaN if one of them is

    # -- memory --------------------------------------------------------------------------------------------------

    def free_memory(self) -> float:
        return self._of_all(super().free_memory())

    def physical_memory(self) -> float:
        return self._of_all(super().physical_memory())

    def _of_all(self, here: float) -> float:
        """Bytes that all of them have, where each has as much as the one with the least."""
        return self._slabs.processes * min(self._slabs.everyone(here / self._slabs.neighbours))
