"""When a front arrives: one rule for cell means on any grid."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import is_number, real_array
from ..errors import InputError
from .diffusion import checked_exponent


def arrival_time(times, means, width, exponent: float = 3.0) -> float:
    """The first time when a cell mean reaches ((m-1) h)^q / (q+1), q = 1/(m-1): that of a cell just filled by a front.

    Behind a front the pressure u^(m-1)/(m-1) grows linearly with the distance. With slope one, a front that has
    just crossed a cell of width h leaves that mean. A steeper pressure is noticed sooner, a flatter one later; the rule
    knows nothing of the solution and is the same for every grid. Between two times the mean is taken as linear.

    Parameters
    ----------
    times : array (times,)
    means : array (times,)
        Of the first cell that was empty at the start.
    width : float
        h.
    exponent : float
        m > 1.

    Returns
    -------
    float
        inf where the mean never gets there.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> times = np.linspace(0, 1, 11)
    >>> round(tfl.porous_medium.arrival_time(times, times**2, width=0.1), 2)
    0.54
    """
    times, means = real_array(times, "times"), real_array(means, "means")
    if times.ndim != 1 or times.shape != means.shape or not len(times):
        raise InputError(f"times and means must be two arrays (times,), got shapes {times.shape} and {means.shape}.")
    if not is_number(width) or not width > 0:
        raise InputError(f"width must be a finite number > 0, got {width!r}.")
    power = 1 / (checked_exponent(exponent) - 1)
    filled = (width / power) ** power / (power + 1)
    above = np.flatnonzero(means >= filled)
    if not len(above):
        return math.inf
    last = above[0]
    if last == 0:
        return float(times[0])
    share = (filled - means[last - 1]) / (means[last] - means[last - 1])
    return float(times[last - 1] + share * (times[last] - times[last - 1]))
