"""Critical points of a risk: whether a control rests at a minimum or at a saddle, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import check_kind
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean, norm
from ..risk import Risk
from .hessian import NEGLIGIBLE, hessian

# Of gradients at points that count as critical.
CRITICAL = 1e-6


@dataclass(frozen=True, eq=False)
class CriticalPoint(OneLine):
    """What the derivatives of a risk say of a control.

    Attributes
    ----------
    value, gradient_norm : float
        The risk and the norm of its gradient.
    eigenvalues : array (n,)
        Of the Hessian in the inner product of the controls, least first.
    escape : array
        The direction of the least eigenvalue, a control of norm one: downhill both ways where that is negative.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> point = tfl.critical_point(risk, tfl.deep_linear.saddle(risk, [0]))
    >>> round(point.value, 6)
    0.5
    """

    value: float
    gradient_norm: float
    eigenvalues: np.ndarray
    escape: np.ndarray

    @property
    def negative(self) -> int:
        """How many eigenvalues are negative by more than round-off."""
        return int(np.count_nonzero(self.eigenvalues < -self._negligible))

    @property
    def zero(self) -> int:
        """How many eigenvalues are zero to round-off."""
        return int(np.count_nonzero(np.abs(self.eigenvalues) <= self._negligible))

    @property
    def _negligible(self) -> float:
        return NEGLIGIBLE * float(np.max(np.abs(self.eigenvalues), initial=1e-2))

    def __str__(self):
        values = f"{self.negative} of {len(self.eigenvalues)} eigenvalues negative, {self.zero} zero"
        if self.gradient_norm > CRITICAL:
            kind = "no critical point"
        elif self.negative:
            kind = f"a saddle, escape at rate {-self.eigenvalues[0]:.3g}"
        else:
            kind = "no way down of second order"
        return f"risk {self.value:.6g}, gradient norm {self.gradient_norm:.2g}, {values}: {kind}"


def critical_point(risk: Risk, w) -> CriticalPoint:
    """The gradient and the eigenvalues of the Hessian of a risk at a control, by differences of exact gradients.

    Parameters
    ----------
    risk : Risk
        Of a model whose controls are arrays with a multiple of the sum of products for inner product, such as linear
        networks, and have at most 1000 numbers.
    w : array

    Raises
    ------
    InputError
        If the controls are others.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> point = tfl.critical_point(risk, tfl.deep_linear.saddle(risk, [0]))
    >>> point.gradient_norm < 1e-9, bool(point.eigenvalues[0] < 0)
    (True, True)
    """
    check_kind("the first argument", risk, Risk, "critical_point(tfl.Risk(model, loss), control)")
    space = risk.space
    if not isinstance(space, Euclidean) or space.gram is not None:
        raise InputError(
            f"critical_point takes controls whose inner product is a multiple of the sum of products, such as those of "
            f"linear networks, a ResNet or an RKHSNODE with a KernelSpan; those of this {type(risk.model).__name__} "
            f"have another."
        )
    w = space.element(w).astype(float)
    eigenvalues, vectors = np.linalg.eigh(hessian(risk, w))
    value, gradient = risk.value_and_gradient(w)
    escape = vectors[:, 0].reshape(w.shape)
    return CriticalPoint(value, norm(space, gradient), eigenvalues, escape / norm(space, escape))
