"""Regions of highest density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import is_number
from ..errors import InputError

# Of a period: a conditional density is a guess for conditions that have no row nearer.
FAR = 0.1


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


def mass_above(density, given: tuple[int, ...]) -> np.ndarray:
    """Of a conditional density, the mass where it is higher than at each point, array of its shape, below 1.

    Its level set of 0.5 bounds the regions of highest density that have half of the mass, for each condition.

    Parameters
    ----------
    density : array
        Values on a grid of equal cells, not negative.
    given : tuple of int
        The axes of the conditions.
    """
    others = [axis for axis in range(density.ndim) if axis not in given]
    front = np.transpose(density, [*given, *others])
    lines = front.reshape(*front.shape[: len(given)], -1)
    order = np.argsort(-lines, axis=-1)
    falling = np.take_along_axis(lines, order, -1)
    above = (np.cumsum(falling, axis=-1) - falling) / np.sum(falling, axis=-1, keepdims=True)
    masses = np.empty_like(above)
    np.put_along_axis(masses, order, above, -1)
    return np.transpose(masses.reshape(front.shape), np.argsort([*given, *others]))
