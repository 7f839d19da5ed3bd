"""Where stochastic gradient descent with a constant step comes to rest: the covariance about a minimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import check_kind, checked_flag, is_number, is_positive
from ..display import OneLine
from ..errors import InputError
from ..risk import Risk
from ..torus.isometry import isometry
from .gradient_noise import covariance
from .hessian import NEGLIGIBLE, hessian

# The part of the law's variance that noise in flat directions, or the way to the minimum, may have.
FLAT, OFFSET = 1e-6, 1e-2


@dataclass(frozen=True, eq=False)
class StationaryLaw(OneLine):
    """The covariance of w - w* once stochastic descent has forgotten where it began.

    Matrices are in orthonormal coordinates of the controls, ``coordinates.of(w)``; ``coordinates.element(x)`` leads
    back.

    Attributes
    ----------
    minimum : array
        w*.
    coordinates : isometry of the controls and R^n
    hessian, noise, covariance : array (n, n)
        Of the risk at w*; C of the batches; of the stationary law.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> X = np.random.default_rng(0).standard_normal((2, 40))
    >>> risk = tfl.Risk(tfl.LinearNetwork(X, (1,)), tfl.losses.SquaredDistance(X[:1] - X[1:]))
    >>> minimum = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 50).control
    >>> law = tfl.noise.stationary(risk, minimum, step=2e-3, batch=5)
    >>> law.hessian.shape
    (2, 2)
    """

    minimum: np.ndarray
    coordinates: object
    hessian: np.ndarray
    noise: np.ndarray
    covariance: np.ndarray

    @property
    def spread(self) -> float:
        """The mean of |w - w*|^2."""
        return float(np.trace(self.covariance))

    @property
    def excess(self) -> float:
        """By how much the mean of the risk is above R(w*), to second order."""
        return float(np.sum(self.hessian * self.covariance)) / 2

    def __str__(self):
        return f"mean |w - w*|^2 = {self.spread:.4g}, mean risk {self.excess:.4g} above the minimum"


def stationary(
    risk: Risk,
    control,
    step: float,
    batch: int = 1,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    draw: str = "subsets",
    continuous: bool = False,
) -> StationaryLaw:
    """The stationary law of stochastic descent with a constant step t about a minimum, of the linear equation.

    Parameters
    ----------
    risk : Risk
        With controls of at most 1000 numbers.
    control : array
        w*, a minimum.
    step, batch, momentum, nesterov, draw
        As of `StochasticGradientDescent`; batches must be independent, so draw is "subsets" or "replacement".
    continuous : bool
        Whether to give the law of the diffusion that is the limit of small steps (`noise.diffusion`), for momentum
        with the step t / (1 - momentum).

    Returns
    -------
    StationaryLaw

    Raises
    ------
    InputError
        If the control is no minimum, the step too long, or there is noise in a direction in which the risk is flat;
        then there is no such law.

    Notes
    -----
    Near w* the gradient is H (w - w*), and its noise C is taken at w*: exact if all samples have the same second
    derivative, otherwise up to a part of the order of t |H| / B. Then S = cov(w) solves

        S H + H S - t H S H = t C,        S H + H S = t C as t -> 0,

    the discrete Lyapunov equation [2]_ and the continuous one, [1]_ equation (13). With momentum the pair (w - w*, v)
    moves by the matrix [[1 - t H, m], [-t H, m]], where m is the momentum, for Nesterov's times 1 - t H. In
    eigenvectors of H each pair of coordinates has an equation of its own, which is solved as it stands. Directions in
    which neither the risk nor the gradients change are left out.

    The batches of one pass are not independent and spread less in flat directions [3]_.

    References
    ----------
    .. [1] S. Mandt, M. D. Hoffman, D. M. Blei, Stochastic gradient descent as approximate Bayesian inference, J. Mach.
       Learn. Res. 18 (2017) no. 134, arXiv:1704.04289, section 3.
    .. [2] K. Liu, L. Ziyin, M. Ueda, Noise and fluctuation of finite learning rate stochastic gradient descent, ICML
       2021, arXiv:2012.03636.
    .. [3] M. Kuhn, B. Rosenow, Correlated noise in epoch-based stochastic gradient descent, arXiv:2306.05300.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> X = np.random.default_rng(0).standard_normal((2, 40))
    >>> risk = tfl.Risk(tfl.LinearNetwork(X, (1,)), tfl.losses.SquaredDistance(X[:1] - X[1:]))
    >>> minimum = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 50).control
    >>> law = tfl.noise.stationary(risk, minimum, step=2e-3, batch=5)
    >>> law.covariance.shape
    (2, 2)
    """
    check_kind("the first argument", risk, Risk, "tfl.noise.stationary(tfl.Risk(model, loss), minimum, step)")
    _check(step, momentum, nesterov, continuous)
    noise = covariance(risk, control, batch, draw=draw)
    coordinates, second, C = isometry(risk.space), hessian(risk, control), noise.matrix()
    values, vectors = np.linalg.eigh(second)
    flat = _checked_flat(values, vectors, C)
    values, vectors = values[~flat], vectors[:, ~flat]
    inner = vectors.T @ C @ vectors
    if continuous:
        S = step / (1 - momentum) * inner / (values[:, None] + values)
    else:
        S = _second_moments(values, inner, step, momentum, nesterov)
    offset = float(np.sum((vectors.T @ coordinates.of(noise.gradient) / values) ** 2))
    if offset > OFFSET * np.trace(S) + NEGLIGIBLE**2 * max(1.0, float(np.sum(coordinates.of(control) ** 2))):
        raise InputError(
            f"the control is {offset**0.5:.3g} away from the minimum, and the law about that {np.trace(S) ** 0.5:.3g} "
            f"wide. Go on with the descent, by LBFGS say."
        )
    return StationaryLaw(control, coordinates, second, C, vectors @ S @ vectors.T)


def _check(step, momentum, nesterov, continuous) -> None:
    if not is_positive(step):
        raise InputError(f"step must be a positive number, got {step!r}.")
    if not is_number(momentum) or not 0 <= momentum < 1:
        raise InputError(f"momentum must be a number in [0, 1), got {momentum!r}.")
    checked_flag("nesterov", nesterov)
    checked_flag("continuous", continuous)


def _checked_flat(values, vectors, C) -> np.ndarray:
    """Which eigenvalues of the Hessian are zero to round-off, array of bool, where no gradient has noise."""
    negligible = NEGLIGIBLE * float(np.max(np.abs(values)))
    if values[0] < -negligible or negligible == 0:
        raise InputError(f"the control is no minimum: the least eigenvalue of the Hessian is {values[0]:.3g}.")
    flat = values <= negligible
    lost = float(np.trace(vectors[:, flat].T @ C @ vectors[:, flat]))
    if lost > FLAT * np.trace(C):
        raise InputError(
            f"{np.count_nonzero(flat)} eigenvalues of the Hessian are zero and the gradients have noise there, so the "
            f"control drifts and there is no stationary law. Add a penalty to the risk."
        )
    return flat


def _second_moments(values, C, step: float, momentum: float, nesterov: bool) -> np.ndarray:
    """E[x_i x_j] in eigenvectors of H, from the equation of the moments of (x_i, v_i) and (x_j, v_j) for every i, j."""
    longest = 2 * (1 + momentum) / (1 + 2 * momentum if nesterov else 1) / float(np.max(values))
    if step >= longest:  # then an eigenvalue of the moves is not below one
        raise InputError(
            f"steps of {step:.3g} do not settle down where the Hessian has the eigenvalue {np.max(values):.3g}. "
            f"Take steps below {longest:.3g}."
        )
    pull = step * values
    carry = momentum * (1 - pull if nesterov else np.ones_like(pull))
    move = np.stack([np.stack([1 - pull, carry], -1), np.stack([-pull, carry], -1)], -2)
    system = np.eye(4) - np.einsum("iab,jcd->ijacbd", move, move).reshape(*C.shape, 4, 4)
    # Moments of v are smaller than those of x by the step: in these units short steps cost no digits.
    system[..., 0] /= step
    system[..., 0, 0] = values[:, None] + values - step * values[:, None] * values
    moments = np.linalg.solve(system, np.broadcast_to(C[..., None, None], (*C.shape, 4, 1)))
    return step * moments[..., 0, 0]
