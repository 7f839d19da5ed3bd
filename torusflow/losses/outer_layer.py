"""The loss of a two-layer network, whose outer weights are regularised."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..arguments import is_positive, real_array, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from .points import checked_targets
from .regularisers import Regulariser, find_regulariser


@dataclass(frozen=True, eq=False)
class RidgeLoss(OneLine):
    """What losses have in common that compare sums of features, weighted by an outer layer, with targets.

    Parameters
    ----------
    targets : array (N,) or (N, e)
        y, one row for each input.
    ridge : float
        lambda > 0.
    regulariser : {"unbiased", "biased", "entropic"}
        f of the outer weights: (u - 1)^2/2, u^2/2, or u log u - u + 1.

    Raises
    ------
    InputError
        If the targets are no numbers in rows, the ridge is not positive, or there is no such regulariser.
    """

    targets: np.ndarray
    ridge: float = 1e-3
    regulariser: str = "unbiased"
    _columns: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        name = type(self).__name__
        targets = checked_targets(name, self.targets)
        if targets.ndim not in (1, 2):
            raise InputError(f"{name}: targets are numbers (N,) or rows (N, e), got an array {targets.shape}.")
        if not is_positive(self.ridge):
            raise InputError(
                f"{name}: ridge must be a positive number, got {self.ridge!r}: without it the outer weights need not "
                f"be determined. Write ridge=1e-3, say."
            )
        find_regulariser(name, self.regulariser)
        settle(self, targets=targets, ridge=float(self.ridge), _columns=targets.reshape(len(targets), -1))

    @property
    def _f(self) -> Regulariser:
        return find_regulariser(type(self).__name__, self.regulariser)

    def _matrix(self, output, rows: int, what: str) -> np.ndarray:
        """An output as a matrix with that many rows."""
        output = real_array(output, f"{type(self).__name__}: the output")
        self._check_shape(output.shape, rows, what)
        return output

    def _check_shape(self, shape, rows: int, what: str) -> None:
        if len(shape) != 2 or shape[0] != rows:
            raise InputError(
                f"{type(self).__name__}: for targets {self.targets.shape} outputs are {what}, an array ({rows}, M), "
                f"got {shape}."
            )

    def _penalty(self, weights) -> float:
        """lambda times the sum over the outputs of the mean over the neurons of f, for weights (e, M)."""
        return self.ridge * float(np.sum(self._f.value(weights))) / weights.shape[1]


@dataclass(frozen=True, eq=False)
class OuterLayer(RidgeLoss):
    """(1/2N) sum_i |y_i - (1/M) sum_m u_m phi_im|^2 + (lambda/M) sum_m f(u_m), of features and weights of a `TwoLayer`.

    Parameters
    ----------
    targets : array (N,) or (N, e)
        y, one row for each input.
    ridge : float
        lambda > 0.
    regulariser : {"unbiased", "biased", "entropic"}
        f of the outer weights: (u - 1)^2/2, u^2/2, or u log u - u + 1, which keeps them positive.

    Raises
    ------
    InputError
        If the targets are no numbers in rows, the ridge is not positive, or there is no such regulariser.
    NumericalError
        For entropic outer weights that are not positive.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> model = tfl.Neurons(x, count=10)
    >>> both, loss = tfl.TwoLayer(model), tfl.losses.OuterLayer(x[:, 0] ** 2)
    >>> risk = tfl.Risk(both, loss)
    >>> risk(both.space.zeros()) > 0
    True
    """

    def check(self, space) -> None:
        """Raise an InputError unless outputs are features (N, M) with e rows of weights below them."""
        self._check_shape(space.shape, self._rows, self._what)

    @property
    def _rows(self) -> int:
        return len(self.targets) + self._columns.shape[1]

    @property
    def _what(self) -> str:
        e = self._columns.shape[1]
        return f"those of a TwoLayer with outputs={e}, features and {e} row{'s' if e > 1 else ''} of weights"

    def __call__(self, output) -> float:
        _, weights, residual = self._split(output)
        return float(np.vdot(residual, residual)) / (2 * len(residual)) + self._penalty(weights)

    def gradient(self, output) -> np.ndarray:
        phi, u, residual = self._split(output)
        pull = self.ridge / phi.shape[1] * self._f.slope(u)
        return np.concatenate([residual @ u / phi.size, residual.T @ phi / phi.size + pull])

    def curvature(self, output, direction) -> np.ndarray:
        """The second derivative without its terms with residuals: not negative, and all of it where these vanish."""
        phi, u, _ = self._split(output)
        d_phi, d_u = np.split(direction, [len(phi)])
        change = (d_phi @ u.T + phi @ d_u.T) / phi.shape[1]
        stiff = self.ridge / phi.shape[1] / self._f.bend(u)
        return np.concatenate([change @ u / phi.size, change.T @ phi / phi.size + stiff * d_u])

    def predictions(self, output) -> np.ndarray:
        """(1/M) sum_m u_m phi_im, array like the targets."""
        phi, u, _ = self._split(output)
        return (phi @ u.T / phi.shape[1]).reshape(self.targets.shape)

    def _split(self, output) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features (N, M), weights (e, M) and predictions minus targets (N, e)."""
        phi, u = np.split(self._matrix(output, self._rows, self._what), [len(self.targets)])
        if not np.min(u) > self._f.least:
            raise NumericalError(
                f"{self.regulariser} outer weights must be above {self._f.least:g}, the least is {np.min(u):.3g}. "
                f"Start at ones, and take shorter steps."
            )
        return phi, u, phi @ u.T / phi.shape[1] - self._columns
