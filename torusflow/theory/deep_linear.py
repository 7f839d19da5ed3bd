"""Deep linear networks: the matrix composed, its rank, what a gradient flow conserves, and where it may rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np

from ..arguments import check_kind, is_number, real_array
from ..errors import InputError
from ..losses.points import SquaredDistance
from ..model import Model
from ..models.linear import LinearNetwork, LinearNODE, LinearResNet, MatrixProduct
from ..risk import Risk

__all__ = ["balanced", "best_risks", "composed", "differences", "imbalance", "rank", "saddle"]


def composed(model: Model, w) -> np.ndarray:
    """The matrix M_L ... M_1 by which a linear network multiplies X, array (rows of the output, d).

    Parameters
    ----------
    model : LinearNetwork, LinearResNet or LinearNODE
        M_l is W_l, Id + W_l/L or exp(W_l/L).
    w : array
        A control.

    Raises
    ------
    InputError
        If the model is another.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> w = tfl.deep_linear.balanced(model, np.diag([3.0, 1.0]))
    >>> np.round(tfl.deep_linear.composed(model, w), 6)
    array([[3., 0.],
           [0., 1.]])
    """
    product, *others = _factors(model, w)
    for factor in others:
        product = factor @ product
    return product


def rank(model: Model, w, tolerance: float = 1e-6) -> int:
    """How many singular values of the matrix composed are above the tolerance times the largest.

    Parameters
    ----------
    model : LinearNetwork, LinearResNet or LinearNODE
    w : array
        A control.
    tolerance : float
        In [0, 1).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> tfl.deep_linear.rank(model, tfl.deep_linear.saddle(risk, [0]))
    1
    """
    if not is_number(tolerance) or not 0 <= tolerance < 1:
        raise InputError(f"rank: tolerance must be a number in [0, 1), got {tolerance!r}.")
    values = np.linalg.svd(composed(model, w), compute_uv=False)
    return int(np.count_nonzero(values > tolerance * values[0]))


def differences(model: Model, w) -> list[np.ndarray]:
    """M_(l+1)^T M_(l+1) - M_l M_l^T for l = 1, ..., L - 1, which a gradient flow without penalty conserves [1]_.

    Parameters
    ----------
    model : LinearNetwork or LinearResNet
        M_l is W_l or Id + W_l/L.
    w : array
        A control.

    Raises
    ------
    InputError
        If the model is another: a `LinearNODE` has no such matrices before the limit of many layers.

    References
    ----------
    .. [1] S. Arora, N. Cohen, E. Hazan, On the optimization of deep networks: implicit acceleration by
       overparameterization, ICML 2018, Theorem 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> w = tfl.deep_linear.balanced(model, np.diag([3.0, 1.0]))
    >>> len(tfl.deep_linear.differences(model, w))
    1
    """
    if isinstance(model, LinearNODE):
        raise InputError(
            "differences: a LinearNODE with layers of constant W conserves these matrices in the limit of many layers "
            "only. Take a LinearResNet, where they are conserved for any number."
        )
    factors = _factors(model, w)
    return [after.T @ after - before @ before.T for before, after in pairwise(factors)]


def imbalance(model: Model, w) -> np.ndarray:
    """The Frobenius norms of `differences`, array (L - 1,); zeros for a balanced network.

    Parameters
    ----------
    model : LinearNetwork or LinearResNet
    w : array
        A control.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> w = tfl.deep_linear.balanced(model, np.diag([3.0, 1.0]))
    >>> bool(tfl.deep_linear.imbalance(model, w).max() < 1e-12)
    True
    """
    return np.array([np.linalg.norm(difference) for difference in differences(model, w)])


def balanced(model: LinearNetwork, matrix) -> np.ndarray:
    """The control whose layers compose a given matrix and differ by nothing: `differences` are zero.

    Parameters
    ----------
    model : LinearNetwork
    matrix : array (widths[-1], d)
        U S V^T; each layer gets the L-th root of S.

    Raises
    ------
    InputError
        If the model is another, the matrix has another shape, or a rank above the least width.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> w = tfl.deep_linear.balanced(model, np.diag([3.0, 1.0]))
    >>> np.round(model(w), 6)
    array([[3., 0.],
           [0., 1.]])
    """
    check_kind("balanced: the model", model, LinearNetwork, "tfl.LinearNetwork(X, (3, 2))")
    matrix, shape = real_array(matrix, "the matrix"), (model.widths[-1], len(model.X))
    if matrix.shape != shape or not np.all(np.isfinite(matrix)):
        raise InputError(f"balanced: the matrix must be finite and {shape}, got {matrix.shape}.")
    U, values, V = np.linalg.svd(matrix, full_matrices=False)
    count = int(np.count_nonzero(values > max(shape) * np.finfo(float).eps * values[0]))
    if count > min(model.widths):
        raise InputError(
            f"balanced: a matrix of rank {count} does not go through a layer of width {min(model.widths)}. Take one of "
            f"lower rank, or a wider network."
        )
    roots = np.diag(values[:count] ** (1 / len(model.widths)))
    inner = [np.eye(width, count) for width in model.widths[:-1]]
    bases = [V[:count].T, *inner, U[:, :count]]
    return model.control([after @ roots @ before.T for before, after in pairwise(bases)])


def best_risks(risk: Risk) -> np.ndarray:
    """The least risk of matrices of rank 0, 1, 2, ..., array (largest rank + 1,), by Eckart and Young [1]_.

    At these values a deep network rests that starts near zero: it learns one singular value after another. That of the
    least width is ``risk.least`` of a `LinearNetwork`.

    Parameters
    ----------
    risk : Risk
        The squared distance of a linear network, without a penalty.

    Raises
    ------
    InputError
        If it is another risk.

    References
    ----------
    .. [1] C. Eckart, G. Young, The approximation of one matrix by another of lower rank, Psychometrika 1 (1936)
       211-218, doi:10.1007/BF02288367.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> np.round(tfl.deep_linear.best_risks(risk), 6)
    array([5. , 0.5, 0. ])
    """
    model, targets = _of_squares(risk)
    reached = model.reach(targets)
    values = np.linalg.svd(reached, compute_uv=False)[: min(*reached.shape, model.X.shape[0])]
    rest = np.linalg.norm(targets - reached) ** 2 / 2
    return rest + np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0) / 2


def saddle(risk: Risk, kept: Sequence[int]) -> np.ndarray:
    """The balanced control that has learnt some singular values of the targets and not the others: a critical point.

    Parameters
    ----------
    risk : Risk
        The squared distance of a `LinearNetwork`, without a penalty.
    kept : sequence of int
        Which singular values, 0 for the largest; at most as many as the least width. If they are the largest, the risk
        is ``best_risks(risk)[len(kept)]``.

    Raises
    ------
    InputError
        If it is another risk, or there are no such singular values.

    Notes
    -----
    With thin X = A S B^T and Y B = sum_i s_i u_i v_i^T the matrix composed is (sum over those kept) S^-1 A^T.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(2, 2))
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([3.0, 1.0])))
    >>> round(risk(tfl.deep_linear.saddle(risk, [0])), 6)
    0.5
    """
    model, targets = _of_squares(risk)
    check_kind("saddle: the model", model, LinearNetwork, "tfl.LinearNetwork(X, (3, 2))")
    A, S, B = np.linalg.svd(model.X, full_matrices=False)
    count = np.count_nonzero(max(model.X.shape) * np.finfo(float).eps * S[0] < S)
    U, values, V = np.linalg.svd(targets @ B[:count].T, full_matrices=False)
    possible = range(len(values))
    if not isinstance(kept, list | tuple | range) or not all(is_number(i) and i in possible for i in kept):
        raise InputError(
            f"saddle: kept must be a list of which singular values are kept, from 0 to {len(values) - 1}, got {kept!r}."
        )
    which = sorted({int(i) for i in kept})
    learnt = (U[:, which] * values[which]) @ V[which]
    return balanced(cast(LinearNetwork, model), (learnt / S[:count]) @ A[:, :count].T)


def _factors(model: Model, w) -> list[np.ndarray]:
    """M_1, ..., M_L."""
    if not isinstance(model, LinearNetwork | LinearResNet | LinearNODE):
        raise InputError(
            f"a {type(model).__name__} composes no matrix. Take a LinearNetwork, a LinearResNet or a LinearNODE."
        )
    return cast(MatrixProduct, model.linearise(w)).factors


def _of_squares(risk: Risk) -> tuple[LinearNetwork | LinearResNet | LinearNODE, np.ndarray]:
    """The model and the targets of a risk that is the squared distance of a linear network."""
    check_kind("the first argument", risk, Risk, "tfl.Risk(model, tfl.losses.SquaredDistance(targets))")
    model, loss = risk.model, risk.loss
    linear = isinstance(model, LinearNetwork | LinearResNet | LinearNODE)
    if not linear or not isinstance(loss, SquaredDistance) or risk.penalty:
        raise InputError(
            "best matrices of a rank are known for the SquaredDistance of a LinearNetwork, a LinearResNet or a "
            "LinearNODE, without a penalty."
        )
    return model, loss.targets
