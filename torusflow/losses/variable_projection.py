"""Variable projection: the loss of a two-layer network whose outer weights are always the best ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..errors import NumericalError
from .outer_layer import RidgeLoss

# Newton's steps, of which a dozen are usual, and the shortest part of one.
MOST_STEPS, SHORTEST = 100, 1e-12
# The dual is concave along a step: at its end it may fall at most this part as steeply as it rises at its beginning.
OVERSHOOT = 0.5
# Relative error from where one more of Newton's steps, which square it, leaves round-off.
CLOSE = 1e-10


@dataclass(frozen=True, eq=False)
class VariableProjection(RidgeLoss):
    """min_u (1/2N) sum_i |y_i - (1/M) sum_m u_m phi_im|^2 + (lambda/M) sum_m f(u_m), a function of features phi (N, M).

    Outputs of any model can be the features: of `Neurons`, or points that have flowed. As lambda vanishes, descent on
    neurons becomes a diffusion of their distribution in the time lambda t [1]_: `torusflow.two_timescales`.

    Parameters
    ----------
    targets : array (N,) or (N, e)
        y, one row for each input.
    ridge : float
        lambda > 0.
    regulariser : {"unbiased", "biased", "entropic"}
        f of the outer weights: (u - 1)^2/2, zero for the teacher's own neurons whatever lambda; u^2/2, plain ridge
        regression; u log u - u + 1, which keeps weights positive.

    Raises
    ------
    InputError
        If the targets are no numbers in rows, the ridge is not positive, or there is no such regulariser.

    Notes
    -----
    The weights are u = (f*)'(phi^T a) with the a that maximises the concave dual a.y - (lambda N/2) |a|^2 -
    (1/M) sum_m f*((phi^T a)_m), and N lambda a are the residuals. Newton's method finds it: one step and another
    against round-off where f is quadratic. By the envelope theorem the gradient is the one with u held fixed.

    References
    ----------
    .. [1] R. Barboni, G. Peyre, F.-X. Vialard, Ultra-fast feature learning for the training of two-layer neural
       networks in the two-timescale regime, arXiv:2504.18208.
    .. [2] G. H. Golub, V. Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose
       variables separate, SIAM J. Numer. Anal. 10 (1973) 413-432, doi:10.1137/0710036.
    .. [3] L. Kaufman, A variable projection method for solving separable nonlinear least squares problems, BIT 15
       (1975) 49-57, doi:10.1007/BF01932995.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> neurons = tfl.Neurons(np.linspace(-1, 1, 20)[:, None], count=30)
    >>> loss = tfl.losses.VariableProjection(np.sin(3 * neurons.inputs[:, 0]), ridge=1e-4)
    >>> risk = tfl.Risk(neurons, loss)
    >>> result = tfl.descend(risk, neurons.initial(np.random.default_rng(0)), tfl.LBFGS(), 5)
    >>> loss.weights(result.output).shape
    (1, 30)
    """

    def check(self, space) -> None:
        """Raise an InputError unless outputs are features, a row for each target."""
        self._check_shape(space.shape, len(self.targets), "features of the inputs")

    def __call__(self, output) -> float:
        _, dual, weights = self._best(output)
        return len(dual) * self.ridge**2 / 2 * float(np.vdot(dual, dual)) + self._penalty(weights)

    def gradient(self, output) -> np.ndarray:
        phi, dual, weights = self._best(output)
        return -self.ridge / phi.shape[1] * dual @ weights

    def curvature(self, output, direction) -> np.ndarray:
        """Kaufman's part of the second derivative, which is not negative, and all of it where residuals vanish."""
        phi, _, weights = self._best(output)
        parts = (np.outer(self._newton(phi, self._f.bend(u))(direction @ u), u) for u in weights)
        return self.ridge / phi.shape[1] ** 2 * np.asarray(sum(parts))

    def weights(self, output) -> np.ndarray:
        """The best outer weights for features (N, M), array (e, M)."""
        return self._best(output)[2]

    def predictions(self, output) -> np.ndarray:
        """(1/M) sum_m u_m phi_im with the best weights, array like the targets."""
        phi, _, weights = self._best(output)
        return (phi @ weights.T / phi.shape[1]).reshape(self.targets.shape)

    def _best(self, output) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, the dual variables a (N, e) and the best weights (e, M)."""
        phi = self._matrix(output, len(self.targets), "features of the inputs")
        dual = np.stack([self._maximise(phi, y) for y in self._columns.T], axis=1)
        return phi, dual, self._f.weight(dual.T @ phi)

    @np.errstate(over="ignore", invalid="ignore")  # a step too long is cut, what overflows else is refused
    def _maximise(self, phi, y) -> np.ndarray:
        """The a of the dual for one column of targets, array (N,)."""
        n, count = phi.shape

        def at(a):
            u = self._f.weight(phi.T @ a)
            return u, y - n * self.ridge * a - phi @ u / count

        a = np.zeros(n)
        u, slope = at(a)
        enough = CLOSE**2 * (y @ y + slope @ slope) / (n * self.ridge)
        for _ in range(MOST_STEPS):
            step, length = self._newton(phi, self._f.bend(u))(slope), 1.0
            rise = float(slope @ step)
            if not np.isfinite(rise + enough):
                raise self._unsolved()
            if rise <= enough:
                return a + step
            while not (following := at(a + length * step))[1] @ step >= -OVERSHOOT * rise:
                length /= 2
                if length < SHORTEST:
                    raise self._unsolved()
            a = a + length * step
            u, slope = following
        raise self._unsolved()

    def _newton(self, phi, bend):
        """x -> (N lambda Id + phi diag(bend) phi^T / M)^-1 x, by the smaller one of two matrices."""
        n, count = phi.shape
        half, shift = phi * np.sqrt(bend / count), n * self.ridge
        small = half @ half.T if n <= count else half.T @ half
        small.flat[:: len(small) + 1] += shift
        try:
            factor = cho_factor(small, lower=True, overwrite_a=True)
        except (LinAlgError, ValueError):
            raise self._unsolved() from None
        if n <= count:
            return lambda x: cho_solve(factor, x)
        return lambda x: (x - half @ cho_solve(factor, half.T @ x)) / shift

    def _unsolved(self) -> NumericalError:
        return NumericalError(
            f"VariableProjection: the outer weights are not found to round-off with ridge {self.ridge:g} for these "
            f"features and targets. Take a larger ridge, a shorter step, or numbers of the size of one."
        )
