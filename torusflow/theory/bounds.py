"""Constants of the Polyak-Lojasiewicz inequality on balls about a control, and of the smoothness of the risk there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np

from ..arguments import check_function, settle
from ..backends import to_host
from ..errors import InputError
from ..model import Confined, HasDerivativeBounds, Model, check_ability
from ..models.linear import LinearNetwork, SquareLayers
from .tangent_kernels import tangent_kernel

# Share of the largest eigenvalue of a kernel that its rounding, and that of fields at points, may make.
ROUND_OFF = 1e-10


@dataclass(frozen=True, eq=False)
class Bounds:
    """lower(R) |r|^2 <= |DF(w)* r|^2 <= upper(R) |r|^2 and |DF(w) - DF(w')| <= lipschitz(R) |w - w'|.

    For all controls at distance at most R from the centre and all r that differences of outputs may have. With the
    half squared distance, 2 lower (L - L*) <= |grad L|^2 <= 2 upper (L - L*).

    Parameters
    ----------
    model : Model
    centre : array
        A control.
    lower, upper, lipschitz : callable
        Radius -> constant. They must be monotone: a larger ball has no better constants.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> bounds = tfl.lojasiewicz.bounds(model, model.space.zeros())
    >>> round(bounds.lower(0.0), 6), bounds.lower(0.5) < bounds.lower(0.0)
    (1.0, True)
    """

    model: Model
    centre: np.ndarray
    lower: Callable[[float], float]
    upper: Callable[[float], float]
    lipschitz: Callable[[float], float]

    def __post_init__(self):
        if not isinstance(self.model, Model) or isinstance(self.model, type):
            raise InputError(f"Bounds: the first argument must be a model, got a {type(self.model).__name__}.")
        settle(self, centre=self.model.space.element(self.centre).copy())
        for name in ("lower", "upper", "lipschitz"):
            check_function(f"Bounds: {name}", getattr(self, name))


def bounds(model: Model, centre) -> Bounds:
    """What is known of a model near a control, as it is computed, layers and time steps included.

    Parameters
    ----------
    model : Model
        `LinearNetwork`, `LinearResNet`, `LinearNODE`, `RKHSNODE` with a `KernelField` or random features, `TorusNODE`,
        `ResNet` or `MeanFieldResNet` with a smooth activation, `MeasureNODE`, or one of your own with
        ``derivative_bounds`` (`torusflow.model.HasDerivativeBounds`).
    centre : array
        The control in the middle, usually the start of a descent.

    Returns
    -------
    Bounds

    Raises
    ------
    InputError
        If no bounds are known for this model, or it has more than 2000 numbers in an output.

    Notes
    -----
    sigma(DF(w)*), least and greatest, differ from those at the centre by at most kappa R, where kappa bounds how
    fast DF changes: lower(R) = (sqrt(lambda) - kappa(R) R)^2 and upper(R) = (sqrt(Lambda) + kappa(R) R)^2, with the
    extreme eigenvalues lambda and Lambda of the tangent kernel at the centre, on what differences of outputs may be.
    Where a model knows better bounds these are used. F = Phi X of linear networks has the constants of Phi times the
    extreme singular values of X that are not zero, squared.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> tfl.lojasiewicz.bounds(model, model.space.zeros()).lipschitz(0.1) > 0
    True
    """
    if not isinstance(model, Model) or isinstance(model, type):
        raise InputError(f"bounds takes a model and a control, got a {type(model).__name__}.")
    instead = "There are bounds for linear networks, RKHSNODE, TorusNODE, ResNet, MeanFieldResNet and MeasureNODE."
    check_ability(model, HasDerivativeBounds, "bounds of the Polyak-Lojasiewicz inequality need", instead)
    if not isinstance(model, LinearNetwork | SquareLayers):
        return _about(model, centre)
    least, greatest = model.extreme_singular_values
    if least == 0:
        raise InputError("the inputs X are all zero: the outputs are too, whatever the control.")
    phi = _about(dataclasses.replace(cast(Any, model), X=np.eye(len(model.X))), centre)
    return Bounds(
        model,
        phi.centre,
        lambda radius: least**2 * phi.lower(radius),
        lambda radius: greatest**2 * phi.upper(radius),
        lambda radius: greatest * phi.lipschitz(radius),
    )


def _about(model, centre) -> Bounds:
    """From the tangent kernel at the centre and how fast it changes."""
    known = model.derivative_bounds(model.space.element(centre))

    @lru_cache(8)
    def lipschitz(radius):
        with np.errstate(over="ignore", invalid="ignore"):  # infinite, or not known, far away
            kappa = float(known.lipschitz(np.float64(radius)))
        return math.inf if math.isnan(kappa) else kappa

    least, greatest = _extreme_singular_values(model, centre)

    def changed(radius):
        return 0.0 if radius == 0 else lipschitz(radius) * radius

    def lower(radius):
        sigma = max(least - changed(radius), known.lower(radius), 0.0)
        return sigma * sigma

    def upper(radius):
        sigma = min(greatest + changed(radius), known.upper(radius))
        return sigma * sigma  # infinite where a power would overflow

    return Bounds(model, centre, lower, upper, lipschitz)


def _extreme_singular_values(model, centre) -> tuple[float, float]:
    """Of the adjoint at a control, on what outputs may differ by; zero for the least where it may be round-off."""
    kernel = tangent_kernel(model, centre)
    matrix = kernel.matrix()
    if isinstance(model, Confined):
        units = np.eye(kernel.size).reshape(-1, *kernel.output_shape)
        projection = np.stack([to_host(model.reach(unit)).ravel() for unit in units], axis=1)
        weights, basis = np.linalg.eigh(projection)
        basis = basis[:, weights > 0.5]
        matrix = basis.T @ matrix @ basis
    values = np.linalg.eigvalsh(matrix)
    slack = ROUND_OFF * values[-1]
    return math.sqrt(max(values[0] - slack, 0.0)), math.sqrt(max(values[-1] + slack, 0.0))
