"""Quantities of a control that a descent may record: `torusflow.Recorder` makes them columns of the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arguments import is_number
from ..errors import InputError
from ..hilbert import Euclidean, norm
from ..model import Model
from ..torus.control import VelocitySpace
from .tangent_kernels import drift_from

__all__ = ["kernel_drift", "layer_norms", "operator_norms", "ranks"]

Quantity = Callable[[np.ndarray], Sequence[float] | np.ndarray]


def layer_norms(model: Model) -> Quantity:
    """w -> the norms of its layers, L numbers: |v_l|_V of fields, of whose squares that of |v|^2 is the mean.

    Those of the matrices of a `LinearNetwork` are Frobenius norms, of whose squares |w|^2 is the sum.

    Parameters
    ----------
    model : Model

    Raises
    ------
    InputError
        If its controls have no layers.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> tfl.quantities.layer_norms(model)(np.tile(np.eye(2), (4, 1, 1)))
    [1.4142135623730951, 1.4142135623730951, 1.4142135623730951, 1.4142135623730951]
    """
    space = _checked(model).space
    if isinstance(space, VelocitySpace):
        return _named("layer_norm", space.norm_of_layers)
    if isinstance(space, Euclidean) and len(space.shape) > 1:
        one = Euclidean(space.shape[1:], space.shape[0] * space.weight, space.gram)
        return _named("layer_norm", lambda w: [norm(one, layer) for layer in w])
    matrices = _matrices(model, "has no layers", "Record a function of your own")
    return _named("layer_norm", lambda w: [float(np.linalg.norm(matrix)) for matrix in matrices(w)])


def operator_norms(model: Model) -> Quantity:
    """w -> the largest singular value of each of its matrices, one number a matrix.

    Parameters
    ----------
    model : Model
        Of which the layers are matrices: linear networks, `RKHSNODE`, `ResNet` (there two a layer).

    Raises
    ------
    InputError
        If they are not.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> tfl.quantities.operator_norms(model)(np.tile(np.diag([2.0, 1.0]), (4, 1, 1)))
    [2.0, 2.0, 2.0, 2.0]
    """
    matrices = _matrices(model)
    return _named("operator_norm", lambda w: [float(np.linalg.norm(matrix, 2)) for matrix in matrices(w)])


def ranks(model: Model, tolerance: float = 1e-6) -> Quantity:
    """w -> how many singular values of each of its matrices are above the tolerance times the largest.

    Parameters
    ----------
    model : Model
        As for `operator_norms`.
    tolerance : float
        In [0, 1).

    Raises
    ------
    InputError
        If its layers are not matrices, or the tolerance is out of range.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> tfl.quantities.ranks(model)(np.tile(np.diag([2.0, 0.0]), (4, 1, 1)))
    [1, 1, 1, 1]
    """
    if not is_number(tolerance) or not 0 <= tolerance < 1:
        raise InputError(f"ranks: tolerance must be a number in [0, 1), got {tolerance!r}.")
    matrices = _matrices(model)

    def of_one(matrix) -> int:
        values = np.linalg.svd(matrix, compute_uv=False)
        return int(np.count_nonzero(values > tolerance * values[0]))

    return _named("rank", lambda w: [of_one(matrix) for matrix in matrices(w)])


def kernel_drift(model: Model, start) -> Callable[[np.ndarray], float]:
    """w -> |K(w) - K(start)| / |K(start)| of tangent kernels in the operator norm, as `torusflow.drift`.

    Parameters
    ----------
    model : Model
    start : array
        A control, such as that a descent starts from.

    Raises
    ------
    InputError
        If the kernel at the start is zero.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> w = model.space.zeros()
    >>> tfl.quantities.kernel_drift(model, w)(w)
    0.0
    """
    return _named("kernel_drift", drift_from(model, start))


def _matrices(
    model: Model, lack: str = "has no matrices for layers", instead: str = "Use layer_norms"
) -> Callable[[np.ndarray], list[np.ndarray]]:
    """From a control to its matrices."""
    own = getattr(_checked(model), "matrices", None)
    if own is not None:
        return own
    shape = model.space.shape
    if not isinstance(model.space, Euclidean) or len(shape) < 3:
        raise InputError(f"a {type(model).__name__} {lack}. {instead}.")
    return lambda w: list(np.reshape(w, (-1, *shape[-2:])))


def _checked(model) -> Model:
    if not isinstance(model, Model) or isinstance(model, type):
        raise InputError(f"a quantity is one of the controls of a model, got a {type(model).__name__}.")
    return model


def _named(name: str, quantity):
    """A function whose recorder is called so."""

    def named(w):
        return quantity(w)

    named.__name__ = name
    return named
