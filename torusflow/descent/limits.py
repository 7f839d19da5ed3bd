"""The limits at which a descent ends."""

from __future__ import annotations

import math

from ..arguments import checked_whole, is_number
from ..errors import InputError

# More than that no machine does.
MOST_ITERATIONS = 10**9


def check_limits(iterations, gradient_tolerance, risk_tolerance, max_time, patience):
    """Raise an InputError unless they are limits of a descent."""
    checked_whole("iterations", iterations, least=0, most=MOST_ITERATIONS)
    checked_whole("patience", patience, most=MOST_ITERATIONS)
    for name, value in (
        ("gradient_tolerance", gradient_tolerance),
        ("risk_tolerance", risk_tolerance),
        ("max_time", max_time),
    ):
        least = -math.inf if name == "risk_tolerance" else 0  # likelihoods may be negative
        infinite = isinstance(value, float) and math.isinf(value)
        if not (is_number(value) or infinite) or not value >= least:
            raise InputError(f"{name} must be a number{' >= 0' if least == 0 else ''}, got {value!r}.")
