"""The processors of this machine as a backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..numpy_fields import NumPyFields
from . import reductions
from .stages import Stages
from .transform import Transform
from .workers import Workers, split

# Of a reduction, for which waking another thread pays.
MINIMUM_NUMBERS_PER_THREAD = 2**18


class Processors(NumPyFields):
    """Compiled loops over blocks that stay in the caches, on threads of our own (`torusflow.backends.backend.Backend`).

    Parameters
    ----------
    threads : int
    library : {"fftw", "rocket", "scipy"}
        Who transforms lines.
    """

    def __init__(self, threads: int, library: str):
        self.threads, self.library = threads, library
        self._workers = Workers(threads)

    def plan(self, shape, modes, batch: int) -> Transform:
        return Transform(shape, modes, batch, self._workers, self.library)

    def stages(self, dimension: int, shape, modes) -> Stages:
        return Stages(dimension, shape, modes, self._workers, self.library)

    def parallel(self, function: Callable, parts: Sequence) -> None:
        self._workers.run(function, parts)

    def inner(self, f, g) -> float:
        # Not np.vdot: BLAS would wake threads of its own, and wait for them.
        lines = (field.reshape(-1, field.shape[-1]) for field in (f, g))
        return float(np.sum(np.einsum("ij,ij->i", *lines)))

    def largest(self, values) -> float:
        values = np.ascontiguousarray(values)
        flat = values.reshape(-1).view(np.float64) if values.dtype.kind == "c" else values.astype(float).reshape(-1)
        return self._reduced(reductions.largest, flat.size, flat)

    def fastest(self, velocity, weights) -> float:
        flat = np.ascontiguousarray(velocity).reshape(len(weights), -1)
        return self._reduced(reductions.fastest, flat.shape[1], flat, np.array(weights, float))

    def _reduced(self, function, count, *arguments) -> float:
        found = []
        parts = split(count, min(self.threads, max(1, count // MINIMUM_NUMBERS_PER_THREAD)))
        self._workers.run(lambda part: found.append(function(*arguments, *part)), parts)
        return float(np.max(found))  # NaN if one of them is
