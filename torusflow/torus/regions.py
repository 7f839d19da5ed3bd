"""Regions of highest density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import is_number
from ..errors import InputError


def highest_density_levels(density, masses: Sequence[float]) -> list[float]:
    """The levels above which a density has given parts of its mass, by quadrature on its grid [1]_.

    Parameters
    ----------
    density : array
        Values on a grid of equal cells, not negative.
    masses : sequence of float
        Between 0 and 1.

    Returns
    -------
    list of float
        One a mass; a larger mass has a lower level.

    References
    ----------
    .. [1] R. J. Hyndman, Computing and graphing highest density regions, Am. Stat. 50 (1996) 120-126,
       doi:10.1080/00031305.1996.10474359.
    """
    for mass in masses:
        if not is_number(mass) or not 0 < mass < 1:
            raise InputError(f"the mass of a region must lie between 0 and 1, got {mass!r}. Write [0.5, 0.98], say.")
    falling = np.sort(np.ravel(density))[::-1]
    within = np.cumsum(falling) / np.sum(falling)
    return [float(np.interp(mass, within, falling)) for mass in masses]
