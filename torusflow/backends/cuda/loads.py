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
        numbers = np.array([0, 0, 0, 0, 0, *maps], np.uint64)
        info = {name: work.xp.asarray(numbers.copy()) for name in ("field", "slopes", "flux")}
        known = {"POINTS": int(np.prod(shape)), "N1": n1, "N2": n2, "NH": planes.nh}
        known |= {"KEPT1": modes.kept[1], "KEPT2": modes.kept[2]}
        rows, flux = {}, {}
        for count in {count for _, count in planes.parts}:
            one, all_ = known | {"PLANES": count, "COMPONENTS": 0}, known | {"PLANES": count, "COMPONENTS": dimension}
            rows["field", count] = work.loading_rows("lines", count, n1, n2, info["field"], one)
            rows["slopes", count] = work.loading_rows("lines", dimension * count, n1, n2, info["slopes"], all_)
            flux[count] = work.loading_rows("flux", dimension * count, n1, n2, info["flux"], all_)
            if work.without_loads is not None:
                return None
        return Loads(info, rows, flux)
