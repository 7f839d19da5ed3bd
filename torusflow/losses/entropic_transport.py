"""Entropic optimal transport on the grid: the potentials of two measures, and of one with itself, to round-off.

Measures are non-negative arrays (*n) of mean one; potentials are over epsilon, so without units.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..errors import NumericalError
from ..torus.grid import Torus
from .gibbs_kernel import GibbsKernel

# Epsilon is halved from the largest cost on, each with at most this many pairs of half steps, fewer if marginals are
# right to this.
SWEEPS, ROUGH = 4, 1e-2
# Newton's steps; smooth densities took up to eight. While marginals are this far off, in logarithms, half steps.
NEWTON_STEPS, FAR = 60, 1.0
# Newton's steps are quartered until they help, or are as short as this: where only whole points change their goals the
# equation is nearly singular, and its solution far too long.
LEAST_STEP = 1e-2
# Of one Newton equation; up to 300 were seen. An inexact solution is a good direction all the same.
CONJUGATE_STEPS = 1000
# Errors of self-potentials fall by three in a step, or faster.
SELF_STEPS = 200
# Converged when marginals are right, in logarithms and in the mean, to this many roundings of the largest potential.
ROUNDINGS = 8 * np.finfo(float).eps
# Where no step helps any more, this is enough for all digits of a loss, which errs by its square.
SUFFICIENT = 1e-10


class Plan:
    """The plan exp(f + g - c/epsilon) mu nu that Sinkhorn's half step g = -log K exp(f + log mu) makes of f.

    Parameters
    ----------
    kernel : GibbsKernel
    mu, nu : array (*n)
    f : array (*n)

    Attributes
    ----------
    g : array (*n)
        With it the second marginal is nu.
    after : array (*n)
        The other half step, -log K exp(g + log nu): with it the first marginal is mu.
    residual : array (*n)
        after - f, the logarithm of mu over the first marginal.
    error : float
        <|residual|, mu>.
    """

    def __init__(self, kernel: GibbsKernel, mu, nu, f):
        self.torus, self.kernel, self.mu, self.nu, self.f = kernel.torus, kernel, mu, nu, f
        self._weights = f + logarithm(mu)
        self.g = -kernel.log(self._weights)
        self.after = -kernel.log(self.g + logarithm(nu))
        self.residual = self.after - f
        self.error = self.torus.inner(np.abs(self.residual), mu)

    @property
    def attainable(self) -> float:
        """The error that is round-off."""
        return ROUNDINGS * (1 + self.torus.maximum(np.abs(self.f)))

    def at(self, f) -> Plan:
        """The plan that another f makes."""
        return Plan(self.kernel, self.mu, self.nu, f)

    @cached_property
    def _expectations(self):
        return self.kernel.conditional(self._weights), self.kernel.conditional(self.g + logarithm(self.nu))

    def there_and_back(self, v) -> np.ndarray:
        """E[E[v(X) | Y] | X]: symmetric in L2 of the first marginal, with eigenvalues between 0 and 1."""
        given_y, given_x = self._expectations
        return given_x(given_y(v))

    def solve(self, right, tolerance: float) -> np.ndarray:
        """d with d - E[E[d(X) | Y] | X] = right up to constants, by conjugate gradients in L2 of the first marginal."""
        marginal = np.exp(logarithm(self.mu) - self.residual)
        right = right - self.torus.inner(right, marginal) / self.torus.mean(marginal)
        return conjugate_gradients(self.torus, marginal, lambda v: v - self.there_and_back(v), right, tolerance)

    def newton(self) -> Plan:
        """The plan after a step of Newton's method for a first marginal mu, or after part of it."""
        tolerance = max(min(0.1, self.error), 0.1 * self.attainable / self.error)
        step = self.solve(np.expm1(np.minimum(self.residual, 1.0)), tolerance)
        while True:
            trial = self.at(self.f + step)
            trial = trial.at(trial.after)
            if trial.error < self.error:
                return trial
            if not self.torus.maximum(np.abs(step)) > LEAST_STEP:
                return self.at(self.after)
            step = step / 4


def optimal_plan(torus: Torus, mu, nu, epsilon: float) -> Plan:
    """The plan of least <c, plan> + epsilon KL(plan | mu x nu): epsilon scaling [1]_, then Newton's method [2]_.

    Half steps alone converge like (1 - O(epsilon))^k. Newton's equation has the same spectrum, so conjugate gradients
    take the square root of their number, and the last steps converge quadratically.

    Parameters
    ----------
    torus : Torus
    mu, nu : array (*n)
    epsilon : float

    Raises
    ------
    NumericalError
        If the marginals are not met.

    References
    ----------
    .. [1] B. Schmitzer, Stabilized sparse scaling algorithms for entropy regularized transport problems, SIAM J. Sci.
       Comput. 41 (2019) A1443-A1481, doi:10.1137/16M1106018, section 3.
    .. [2] C. Brauer, C. Clason, D. Lorenz, B. Wirth, A Sinkhorn-Newton method for entropic optimal transport (2017),
       arXiv:1710.06635.
    """
    scale, f = max(epsilon, torus.dimension / 4), torus.zeros(torus.local_shape)
    while True:
        plan = Plan(GibbsKernel(torus, scale), mu, nu, f)
        for _ in range(SWEEPS):
            if plan.error < ROUGH:
                break
            plan = plan.at(plan.after)
        if scale == epsilon:
            break
        smaller = max(epsilon, scale / 2)
        scale, f = smaller, plan.after * (scale / smaller)
    for _ in range(NEWTON_STEPS):
        if plan.error <= plan.attainable:
            return plan
        better = plan.newton() if plan.error < FAR else plan.at(plan.after)
        if plan.error < SUFFICIENT and not better.error < plan.error:
            return plan
        plan = better
    raise NumericalError(
        f"optimal transport with epsilon={epsilon:.3g} has not converged: the marginals of the plan are still wrong by "
        f"{plan.error:.1e}. Use a larger epsilon, or densities with a larger floor."
    )


def self_potential(torus: Torus, mu, epsilon: float) -> np.ndarray:
    """p with p = -log K exp(p + log mu), the potential of mu and mu, array (*n).

    The half step has a derivative with eigenvalues between -1 and 0 in L2(mu), so going two thirds of it takes two
    thirds off the error.

    Raises
    ------
    NumericalError
        If it does not converge.
    """
    kernel, log_mu, p = GibbsKernel(torus, epsilon), logarithm(mu), torus.zeros(torus.local_shape)
    for _ in range(SELF_STEPS):
        residual = -kernel.log(p + log_mu) - p
        p = p + residual * (2 / 3)
        error = torus.inner(np.abs(residual), mu)
        if error <= ROUNDINGS * (1 + torus.maximum(np.abs(p))):
            return p
    raise NumericalError(
        f"the potential of a density with itself at epsilon={epsilon:.3g} is still wrong by {error:.1e} after "
        f"{SELF_STEPS} steps. Use a larger epsilon, or densities with a larger floor."
    )


def conjugate_gradients(torus: Torus, weight, operator, right, tolerance: float) -> np.ndarray:
    """d with operator(d) = right, symmetric and semidefinite in L2(weight), to a relative residual."""
    d, residual, direction = torus.zeros(torus.local_shape), right, right
    squared = first = torus.inner(weight * right, right)
    for _ in range(CONJUGATE_STEPS):
        if not squared > tolerance**2 * first:
            break
        image = operator(direction)
        curvature = torus.inner(weight * direction, image)
        if not curvature > 0:  # singular to round-off
            break
        length = squared / curvature
        d = d + length * direction
        residual = residual - length * image
        before, squared = squared, torus.inner(weight * residual, residual)
        direction = residual + squared / before * direction
    return d


def logarithm(mu) -> np.ndarray:
    """log mu, minus infinity where mu vanishes."""
    with np.errstate(divide="ignore"):
        return np.log(mu)
