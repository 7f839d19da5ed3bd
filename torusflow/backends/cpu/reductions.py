"""The largest of many numbers, in one pass over memory.

Numbers are compared by their bits: those of floats that are not negative have the order of the floats, with infinity
and then NaN at the end, and processors find the largest integer without a branch.
"""

import numpy as np

from ...compilation import compiler

_compiled = compiler(error_model="numpy")
_WITHOUT_SIGN = 0x7FFFFFFFFFFFFFFF


@_compiled
def largest(values, start, stop):
    """max |x_i| of a part of a flat array, array (); NaN or infinite if one of them is."""
    bits = values.view(np.int64)
    found = np.int64(0)
    for i in range(start, stop):
        found = max(found, bits[i] & np.int64(_WITHOUT_SIGN))
    return np.int64(found).view(np.float64)


@_compiled
def fastest(velocity, weights, start, stop):
    """max_x sum_j w_j |v_j(x)| of a part of a field (d, points), with w_j >= 0; NaN or infinite if one sum is."""
    found = np.int64(0)
    for i in range(start, stop):
        total = 0.0
        for j in range(velocity.shape[0]):
            total += weights[j] * abs(velocity[j, i])
        found = max(found, np.float64(total).view(np.int64) & np.int64(_WITHOUT_SIGN))
    return np.int64(found).view(np.float64)
