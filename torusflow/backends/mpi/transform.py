"""Transforms of fields of which each process has some rows, and of their coefficients some columns."""

from __future__ import annotations

import math

from ..cpu import sweeps
from ..cpu.blocks import zeros
from ..cpu.workers import Workers
from .exchange import SlabGeometry
from .slabs import Slabs


class Transform:
    """`torusflow.backends.backend.Transform`, with one exchange between the two halves.

    Parameters
    ----------
    slabs : Slabs
    shape, modes, batch, workers, library
        As of `torusflow.backends.cpu.transform.Transform`, of the whole grid.
    """

    def __init__(self, slabs: Slabs, shape, modes, batch: int, workers: Workers, library: str):
        self._geometry = geometry = SlabGeometry(slabs, shape, modes, workers, library)
        self.wavenumbers = geometry.wavenumbers
        self.real = zeros((batch, *geometry.shape), float)
        self.spectral = zeros((batch, *geometry.kept), complex)
        self._halfway, self._factor = geometry.halfway(batch), 1 / math.prod(shape)

    def forward(self, real=None) -> None:
        halfway = self._halfway
        self._geometry.run(sweeps.forward_rows, self.real if real is None else real, halfway.rows)
        halfway.to_columns()
        self._geometry.run(sweeps.forward_columns, halfway.columns, self.spectral, self._factor)

    def inverse(self, real=None) -> None:
        halfway = self._halfway
        self._geometry.run(sweeps.inverse_columns, halfway.columns, self.spectral)
        halfway.to_rows()
        self._geometry.run(sweeps.inverse_rows, self.real if real is None else real, halfway.rows)
