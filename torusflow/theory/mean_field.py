"""The layerwise W2 distance of the laws of a `MeanFieldResNet`'s units, and the length and action of paths in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..arguments import checked_times, real_array
from ..errors import InputError
from ..memory import check_memory

__all__ = ["action", "distance", "length"]

# Of units, where one network has more than the other: equal copies make an assignment slow.
MOST_COPIES = 2048


def distance(first, second) -> float:
    """sqrt(int_0^1 W_2(mu_s, nu_s)^2 ds), the distance of conditional optimal transport [1]_.

    mu_s is the empirical measure of the units of the layer at depth s, and nu_s that of the other network, which may
    have another number of layers and of units. Exact, by assignment: for M and M' units that of lcm(M, M') ones.

    Parameters
    ----------
    first, second : array (L, M, p), (L', M', p)
        Controls of a `MeanFieldResNet`, or other clouds of particles, one a layer.

    Returns
    -------
    float
        At most |first - second| in the space of controls, whatever the order of the units.

    Raises
    ------
    InputError
        If they are not arrays of finite numbers of these shapes, or units too many or too far apart.

    References
    ----------
    .. [1] R. Barboni, G. Peyré, F.-X. Vialard, Understanding the training of infinitely deep and wide ResNets with
       conditional optimal transport, Comm. Pure Appl. Math., doi:10.1002/cpa.70004, arXiv:2403.12887.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> units = np.arange(12.0).reshape(2, 3, 2)
    >>> tfl.mean_field.distance(units, units[:, ::-1]), tfl.mean_field.distance(units, units + 1)
    (0.0, 1.4142135623730951)
    """
    first, second = _checked(first), _checked(second)
    if first.shape[2] != second.shape[2]:
        raise InputError(
            f"units of {first.shape[2]} and of {second.shape[2]} numbers have no distance: compare networks of one "
            f"dimension."
        )
    depths = np.lcm(len(first), len(second))
    borders = np.union1d(*(np.arange(0, depths + 1, depths // len(units)) for units in (first, second)))
    squares = sum(
        (end - start) * _squared_w2(first[start * len(first) // depths], second[start * len(second) // depths])
        for start, end in pairwise(borders)
    )
    return math.sqrt(squares / depths)


def length(controls: Sequence) -> float:
    """The length of a path: the sum of the distances from each control to the next.

    Parameters
    ----------
    controls : sequence of array (L, M, p)
        Such as ``result.controls`` of a `GradientFlow`. More of them on the same path make it no shorter.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> units = np.arange(12.0).reshape(2, 3, 2)
    >>> round(tfl.mean_field.length([units, units + 1, units + 2]), 6)
    2.828427
    """
    return math.fsum(distance(one, other) for one, other in pairwise(_path(controls)))


def action(times, controls: Sequence) -> float:
    """The sum of distance^2/(t' - t) over steps of a path, which approaches int |dmu/dt|^2 dt from below.

    Along the gradient flow of a risk that integral is R(0) - R(T), as speed and slope of a flow of measures are
    equal [1]_; and length^2 <= T action for every path.

    Parameters
    ----------
    times : sequence of float
        Increasing.
    controls : sequence of array (L, M, p)
        One for each time.

    Raises
    ------
    InputError
        If there are not as many times as controls.

    References
    ----------
    .. [1] L. Ambrosio, N. Gigli, G. Savare, Gradient Flows in Metric Spaces and in the Space of Probability Measures,
       2nd edition, Birkhauser 2008, doi:10.1007/978-3-7643-8722-8, section 1.3.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> units = np.arange(12.0).reshape(2, 3, 2)
    >>> round(tfl.mean_field.action([0.0, 0.5], [units, units + 1]), 6)
    4.0
    """
    times, controls = checked_times(times), _path(controls)
    if len(times) != len(controls):
        raise InputError(f"action takes one control for each time, got {len(controls)} for {len(times)} times.")
    steps = zip(pairwise(controls), np.diff(times), strict=True)
    return math.fsum(distance(one, other) ** 2 / step for (one, other), step in steps)


def _squared_w2(first, second) -> float:
    """W_2^2 of two clouds, arrays (M, p) and (M', p)."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    count = math.lcm(len(first), len(second))
    if len(first) != len(second) and count > MOST_COPIES:
        raise InputError(
            f"to compare {len(first)} units with {len(second)}, {count} copies would have to be assigned, which takes "
            f"long. Take numbers of units up to {MOST_COPIES} of which one divides the other."
        )
    check_memory(count**2, "the distances of all units", "Take networks of fewer units.")
    costs = cdist(first, second, "sqeuclidean")
    if not math.isfinite(costs.max()):
        raise InputError("units are so far apart that squares of their distances overflow. Divide both controls.")
    costs = costs.repeat(count // len(first), axis=0).repeat(count // len(second), axis=1)
    return float(costs[linear_sum_assignment(costs)].mean())


def _path(controls) -> list:
    """The controls of a path."""
    try:
        return list(controls)
    except TypeError:
        raise InputError(
            f"controls must be a sequence of controls, such as result.controls of a GradientFlow, got {controls!r}."
        ) from None


def _checked(units) -> np.ndarray:
    """One cloud of particles a layer."""
    units = real_array(units, "the units")
    if units.ndim != 3 or not units.size or not np.all(np.isfinite(units)):
        raise InputError(
            f"the units must be finite numbers (layers, units, numbers of a unit), such as a control of a "
            f"MeanFieldResNet, got an array {units.shape}."
        )
    return units
