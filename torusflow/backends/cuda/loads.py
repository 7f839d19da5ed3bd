"""Transforms that take fluxes and gradients as they are computed, so that these are never written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .modes import Modes, Planes
from .work import Work


class Loads:
    """What `Planes` does with fields, gradients and fluxes, without kernels before the transforms; in three dimensions.

    Parameters
    ----------
    work : Work
        `without_loads` says afterwards why cuFFT takes none, if so.
    modes : Modes
    planes : Planes
    shape : tuple of int
        Of the grid.
    """

    def __init__(self, work: Work, modes: Modes, planes: Planes, shape):
        self._work, self._planes = work, planes
        maps = (work.address(array) for array in (modes.inv1, modes.s1, modes.s2))
        numbers = np.array([0, 0, 0, 0, 0, *maps], np.uint64)
        # What is computed from what, see `loads.cu`; the kernel `point` writes there.
        self._info: dict[str, Any] = {n: work.xp.asarray(numbers.copy()) for n in ("field", "slopes", "flux")}
        _, n1, n2 = shape
        known = {"POINTS": int(np.prod(shape)), "N1": n1, "N2": n2, "NH": planes.nh}
        known |= {"KEPT1": modes.kept[1], "KEPT2": modes.kept[2]}
        self._transforms: dict[tuple[str, int], Callable | None] = {}
        for count in {count for _, count in planes.parts}:
            for name, what, fields in (("field", "lines", 1), ("slopes", "lines", 3), ("flux", "flux", 3)):
                arguments = fields * count, n1, n2, self._info[name], known | {"FIELDS": fields}
                self._transforms[name, count] = work.loading_rows(what, *arguments)
                if work.without_loads is not None:
                    return

    def field_of(self, columns, first: int, count: int, out) -> None:
        """As that of `Planes`."""
        self._run("field", columns, columns, first, count, self._planes.half, out)

    def slopes_of(self, pair, first: int, count: int, out) -> None:
        """As that of `Planes`."""
        self._run("slopes", pair, pair, first, count, self._planes.half, out)

    def shares_of(self, density, velocity, first: int, count: int, pair) -> None:
        """As that of `Planes`, of a density times the velocity."""
        self._run("flux", density, velocity, first, count, self._planes.values, self._planes.half)
        self._planes.gather_shares(first, count, pair)

    def _run(self, name: str, one, other, first: int, count: int, taken, out) -> None:
        self._work.run("point", 1, self._info[name], one, other, first)
        transform = self._transforms[name, count]
        assert transform is not None
        transform(taken, out)
