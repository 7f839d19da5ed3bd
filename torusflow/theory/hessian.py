"""The second derivative of a risk, by differences of its exact gradients."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..risk import Risk
from ..torus.isometry import isometry

# Numbers of a control up to which its Hessian is written out.
MOST_NUMBERS = 1000
# Of the size of the control, or of one: differences then err by a ten-billionth of third derivatives of the gradient.
STEP = 1e-5
# Of the largest eigenvalue: less is round-off of differences.
NEGLIGIBLE = 1e-7


def hessian(risk: Risk, w) -> np.ndarray:
    """The Hessian in orthonormal coordinates of the controls (`torusflow.torus.isometry`), array (n, n), symmetric.

    Parameters
    ----------
    risk : Risk
    w : array
        A control.

    Raises
    ------
    InputError
        If n is more than 1000.
    """
    coordinates = isometry(risk.space)
    n, h = coordinates.of(w).size, STEP * max(1.0, float(np.max(np.abs(w))))
    if n > MOST_NUMBERS:
        raise InputError(f"a Hessian of {n} rows is too large, at most {MOST_NUMBERS}.")
    rows = np.empty((n, n))
    for i, unit in enumerate(np.eye(n)):
        direction = coordinates.element(unit)
        shift = h / float(np.max(np.abs(direction)))
        ahead, behind = (risk.value_and_gradient(w + sign * shift * direction)[1] for sign in (1, -1))
        rows[i] = coordinates.of(ahead - behind) / (2 * shift)
    return (rows + rows.T) / 2
