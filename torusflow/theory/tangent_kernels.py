"""The tangent kernel DF(w) DF(w)*: the operator by which descent on the control moves the output."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np
from scipy.sparse.linalg import LinearOperator

from ..arguments import real_array
from ..backends import is_array, to_host
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..model import Model
from ..torus.density import FunctionSpace

# Matrices up to this size are made and decomposed whole; larger kernels are only applied.
LARGEST_DENSE = 2000


class TangentKernel(OneLine, LinearOperator):
    """p -> DF(w) DF(w)* p on outputs, symmetric and not negative: a `scipy.sparse.linalg.LinearOperator`.

    As an operator it acts on flattened outputs, ``kernel @ p``; called, on outputs as they are, ``kernel(p)``. The
    outputs' inner product is a multiple of the dot product, so its matrix is symmetric as it stands.

    Parameters
    ----------
    model : Model
    w : array
        A control.

    Attributes
    ----------
    output_shape : tuple of int
        Of outputs.
    size : int
        Numbers in an output.
    shape : tuple of int
        (size, size).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> kernel = tfl.tangent_kernel(model, model.space.zeros())
    >>> kernel.shape, np.round(kernel @ np.ones(4), 6)
    ((4, 4), array([1., 1., 1., 1.]))
    """

    def __init__(self, model: Model, w):
        if not isinstance(model, Model) or isinstance(model, type):
            raise InputError(f"a tangent kernel is that of a model at a control, got a {type(model).__name__}.")
        self._linearisation = model.linearise(model.space.element(w))
        self._space = model.output_space
        self.output_shape = model.output_space.shape
        self.size = math.prod(self.output_shape)
        super().__init__(float, (self.size, self.size))

    def __call__(self, p) -> np.ndarray:
        """K p, array like an output."""
        if isinstance(p, np.ndarray) or not is_array(p):
            p = real_array(p, "an output")
        if p.shape != self.output_shape:
            raise InputError(f"outputs of this model have shape {self.output_shape}, got {p.shape}.")
        return self._linearisation.tangent(self._linearisation.adjoint(p))

    def _matvec(self, p):
        if isinstance(self._space, FunctionSpace):
            instead = "call kernel(p) with the part here of p."
            self._space.torus.refuse_divided("kernel @ p and eigenvalues are of", instead)
        return to_host(self(np.reshape(p, self.output_shape))).ravel()

    def _adjoint(self):
        return self

    def matrix(self) -> np.ndarray:
        """K as a matrix on flattened outputs, array (size, size).

        Raises
        ------
        InputError
            If the outputs hold more than 2000 numbers.
        """
        if self.size > LARGEST_DENSE:
            raise InputError(
                f"the tangent kernel on {self.size} outputs is too large to be written out (at most {LARGEST_DENSE}). "
                f"Use eigenvalues(), or apply it: kernel @ p."
            )
        columns = [self._matvec(unit) for unit in np.eye(self.size)]
        matrix = np.stack(columns, axis=1)
        return (matrix + matrix.T) / 2

    def eigenvalues(self, count: int = 6, which: str = "largest") -> np.ndarray:
        """The extreme eigenvalues, array (count,), largest or smallest first.

        Small kernels are decomposed, large ones by Lanczos iterations to round-off.

        Parameters
        ----------
        count : int
        which : {"largest", "smallest"}

        Raises
        ------
        InputError
            If the arguments make no sense.
        NumericalError
            If the iterations do not converge, as happens for the smallest of many that cluster at zero.
        """
        if not isinstance(which, str) or which not in ("largest", "smallest"):
            raise InputError(f"which must be 'largest' or 'smallest', got {which!r}.")
        most = self.size if self.size <= LARGEST_DENSE else self.size - 1
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 1 <= count <= most:
            raise InputError(f"count must be a whole number from 1 to {most}, got {count!r}.")
        if self.size <= LARGEST_DENSE:
            values = np.linalg.eigvalsh(self.matrix())
        else:
            values = _lanczos(self, count, "LA" if which == "largest" else "SA")
        return np.sort(values)[::-1][:count] if which == "largest" else np.sort(values)[:count]


def tangent_kernel(model: Model, w) -> TangentKernel:
    """The tangent kernel of a model at a control.

    Parameters
    ----------
    model : Model
    w : array

    Returns
    -------
    TangentKernel

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> kernel = tfl.tangent_kernel(model, model.space.zeros())
    >>> np.round(kernel.eigenvalues(2), 6)
    array([1., 1.])
    """
    return TangentKernel(model, w)


def drift(model: Model, w_0, w_1) -> float:
    """|K(w_1) - K(w_0)| / |K(w_0)| in the operator norm: zero for models linear in the control.

    Parameters
    ----------
    model : Model
    w_0, w_1 : array
        Controls.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the kernel at w_0 is zero, as it is where a network of several layers starts from zero.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> w = model.space.zeros()
    >>> tfl.drift(model, w, w)
    0.0
    """
    return drift_from(model, w_0)(w_1)


def drift_from(model: Model, w_0) -> Callable[[np.ndarray], float]:
    """w_1 -> `drift`, with what is about w_0 computed once."""
    first = TangentKernel(model, w_0)
    size = first.eigenvalues(1)[0]
    if size <= 0:
        raise InputError("the tangent kernel at w_0 is zero, so nothing drifts relative to it. Take another w_0.")
    matrix = first.matrix() if first.size <= LARGEST_DENSE else None

    def drifted(w_1) -> float:
        second = TangentKernel(model, w_1)
        if matrix is not None:
            return float(np.linalg.norm(second.matrix() - matrix, 2) / size)
        return float(abs(_lanczos(second - first, 1, "LM")[0]) / size)

    return drifted


def lazy_risk(matrix, residual, times) -> np.ndarray:
    """(1/2) |exp(-t K) r|^2: the half squared distance along the gradient flow of a linearised model.

    Parameters
    ----------
    matrix : array (n, n)
        K, the tangent kernel at the start.
    residual : array
        r = output - target at the start, n numbers; the output space must be Euclidean with weight one.
    times : array (n_times,)

    Returns
    -------
    array (n_times,)

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> np.round(tfl.lazy_risk(np.eye(2), np.array([1.0, 0.0]), [0.0, 1.0]), 4)
    array([0.5   , 0.0677])
    """
    matrix, residual = real_array(matrix, "the tangent kernel's matrix"), real_array(residual, "the residual").ravel()
    times = np.atleast_1d(real_array(times, "times"))
    if matrix.shape != (residual.size, residual.size):
        raise InputError(f"{residual.size} residuals need a matrix of {residual.size} rows, got {matrix.shape}.")
    if times.ndim != 1:
        raise InputError(f"lazy_risk: times must be a list of numbers, got an array {times.shape}.")
    if not all(np.all(np.isfinite(part)) for part in (matrix, residual, times)) or np.any(times < 0):
        raise InputError("lazy_risk: matrix, residual and times must be finite, and no time negative.")
    values, vectors = np.linalg.eigh(matrix)
    modes = vectors.T @ residual
    return 0.5 * np.array([np.sum((np.exp(-t * values) * modes) ** 2) for t in times])


def _lanczos(operator, count, which) -> np.ndarray:
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    start = np.random.default_rng(0).standard_normal(operator.shape[0])
    try:
        return cast(np.ndarray, eigsh(operator, k=count, which=which, v0=start, return_eigenvectors=False))
    except ArpackNoConvergence as error:
        raise NumericalError(
            f"Lanczos iterations found {len(error.eigenvalues)} of the {count} eigenvalues asked for: they cluster. "
            f"Ask for fewer, or for the largest."
        ) from None
