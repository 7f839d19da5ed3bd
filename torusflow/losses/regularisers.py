"""Regularisers of outer weights: convex functions f, and what their dual problem needs of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from ..errors import InputError


class Regulariser(NamedTuple):
    """f of an array of weights, entry by entry.

    Attributes
    ----------
    value, slope : callable
        f(u) and f'(u).
    weight : callable
        The u with f'(u) = s, the derivative of the conjugate f*(s) = max_u s u - f(u).
    bend : callable
        Its derivative, 1 / f''(u), as a function of u.
    least : float
        Weights must be above it.
    """

    value: Callable
    slope: Callable
    weight: Callable
    bend: Callable
    least: float = -np.inf


REGULARISERS = {
    "biased": Regulariser(lambda u: u**2 / 2, lambda u: u, lambda s: s, np.ones_like),
    "unbiased": Regulariser(lambda u: (u - 1) ** 2 / 2, lambda u: u - 1, lambda s: s + 1, np.ones_like),
    "entropic": Regulariser(lambda u: xlogy(u, u) - u + 1, np.log, np.exp, lambda u: u, 0.0),
}


def find_regulariser(owner: str, name) -> Regulariser:
    """The one of that name, or an InputError."""
    if not isinstance(name, str) or name not in REGULARISERS:
        raise InputError(f"{owner}: regulariser must be one of {', '.join(REGULARISERS)}, got {name!r}.")
    return REGULARISERS[name]
