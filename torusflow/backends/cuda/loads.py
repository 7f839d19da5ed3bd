"""Transforms that take fluxes and gradients as they are computed, so that these are never written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .modes import Modes, Planes
from .work import Work


@dataclass(frozen=True)
class Loads:
    """Those of `Stages`, for parts of the planes of any size that there is.

    Attributes
    ----------
    info : dict of str to array
        What "field", "slopes" and "flux" are computed from, see `loads.cu`; the kernel `point` writes there.
    rows : dict of (str, int) to callable
        (half, real) of one field from its columns, or of a gradient, by "field" or "slopes" and planes.
    flux : dict of int to callable
        (real, half) of v_j rho, by planes; the real array is not read.
    """

    info: dict[str, Any]
    rows: dict[tuple[str, int], Callable]
    flux: dict[int, Callable]

    @staticmethod
    def made(work: Work, modes: Modes, planes: Planes, dimension: int, shape) -> Loads | None:
        """None where cuFFT takes none."""
        _, n1, n2 = shape
        maps = (work.address(array) for array in (modes.inv1, modes.s1, modes.s2))
        numbers = np.array([0, 0, 0, 0, np.prod(shape), *maps, n1, n2, planes.nh, *modes.kept[1:], 0], np.uint64)
        info = {name: work.xp.asarray(numbers.copy()) for name in ("field", "slopes", "flux")}
        info["slopes"][-1] = dimension
        rows, flux = {}, {}
        for _, count in planes.parts:
            if count in flux:
                continue
            rows["field", count] = work.loading_rows("lines", count, n1, n2, info["field"])
            rows["slopes", count] = work.loading_rows("lines", dimension * count, n1, n2, info["slopes"])
            flux[count] = work.loading_rows("flux", dimension * count, n1, n2, info["flux"])
            if work.without_loads is not None:
                return None
        return Loads(info, rows, flux)
