"""The porous medium equation for positive smooth densities, by Fourier series."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.fft import next_fast_len

from ..arguments import checked_times, checked_tolerance, is_number, settle
from ..backends import Transform
from ..backends.turns import Turn
from ..display import OneLine
from ..errors import InputError, NumericalError, UnfinishedError
from ..torus.density import Density
from ..torus.grid import TWO_PI, Torus
from .exponential_steps import SHARE_OF_THE_DIFFUSIVITY
from .time_steps import Path, Semilinear, solve


@dataclass(frozen=True, eq=False)
class SpectralSolution(OneLine):
    """What the spectral solver found.

    Attributes
    ----------
    times : array (n_times,)
    density : array (n_times, *n)
    tail : array (n_times,)
        Share of |rho - 1|^2 in the outer third of the modes: above 1e-12 errors in space are to be reckoned with.
    steps : int
        Time steps taken.
    """

    times: np.ndarray
    density: np.ndarray
    tail: np.ndarray
    steps: int


@dataclass(frozen=True, eq=False)
class Spectral(OneLine):
    """d rho/dt = div(rho^(m-1) grad rho) = (1/m) Laplacian(rho^m) for positive smooth rho, by Fourier series.

    All modes of the grid but the Nyquist ones are kept, and the power is formed on a finer grid, of more than (m + 1)/2
    times as many points per axis: for whole m nothing is aliased. Time steps as in `TangentFlow`. Fronts, where a
    density vanishes, are for `FiniteVolume`.

    Parameters
    ----------
    torus : Torus
    exponent : float
        m > 1.

    Raises
    ------
    InputError
        If the exponent is not above 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((48,))
    >>> start = tfl.densities.from_function(torus, lambda x: 1 + 0.5 * np.cos(2 * np.pi * x), normalise=True)
    >>> found = tfl.porous_medium.Spectral(torus).solve(start, times=[0.01])
    >>> round(float(found.density[0, 0]), 6)
    1.288194
    """

    torus: Torus
    exponent: float = 3.0
    fine: Torus = field(init=False, repr=False)
    modes: tuple[int, ...] = field(init=False, repr=False)
    _plan: Transform = field(init=False, repr=False)
    _own_plan: Transform = field(init=False, repr=False)
    _laplacian: np.ndarray = field(init=False, repr=False)
    _turn: Turn = field(init=False, repr=False)

    def __post_init__(self):
        m = self.exponent
        if not isinstance(self.torus, Torus):
            raise InputError(f"Spectral(torus, exponent) takes a Torus first, got a {type(self.torus).__name__}.")
        if not is_number(m) or not 1 < m <= 10:
            raise InputError(
                f"the porous medium equation has an exponent above 1 (and here at most 10), got {m!r}. "
                f"The heat equation is exponent 1: use FiniteVolume with Heat()."
            )
        modes = tuple((n - 1) // 2 for n in self.torus.shape)
        fine = self.torus.resized(tuple(next_fast_len((math.ceil(m) + 1) * k + 1) for k in modes))
        plan = fine.plan(1, modes)
        along = np.ix_(*plan.wavenumbers)
        settle(
            self,
            fine=fine,
            _plan=plan,
            _own_plan=self.torus.plan(1, modes),
            _laplacian=self.torus.asarray(sum((TWO_PI * k) ** 2 for k in along)),
            modes=modes,
            _turn=Turn(),
        )

    def solve(self, rho0, times, tolerance: float = 1e-8) -> SpectralSolution:
        """The density at the given times.

        Parameters
        ----------
        rho0 : Density or array (*n)
            At time 0; positive.
        times : sequence of float
            Increasing, not negative.
        tolerance : float
            Largest error of a time step at any point; densities are relative to the uniform one.

        Returns
        -------
        SpectralSolution

        Raises
        ------
        InputError
            If rho0 is not a positive density on this torus, times do not increase, or the tolerance is out of range.
        UnfinishedError
            If the tolerance cannot be met, or the density does not stay positive: then the grid does not resolve it.
            Its ``solution`` is that until then.
        """
        times, tolerance = checked_times(times), checked_tolerance(tolerance, 1e-14, 0.1)
        rho0 = rho0 if isinstance(rho0, Density) else Density(self.torus, rho0, "initial density")
        if rho0.torus != self.torus:
            raise InputError(f"the initial density lives on {rho0.torus!r}, the solver on {self.torus!r}.")
        if self.torus.minimum(rho0.values) <= 0:
            raise InputError(
                "the spectral solver is for positive densities, and this one vanishes somewhere: it has a front. "
                "Use tfl.porous_medium.FiniteVolume."
            )
        equation = Semilinear(self._rate, self._stiffness, self._size, self._accept)
        with self._turn.take():  # of the plans
            try:
                return self._solution(solve(equation, self._project(rho0.values), times, tolerance))
            except UnfinishedError as error:
                raise UnfinishedError(error, self._solution(error.solution)) from None

    def _solution(self, path: Path) -> SpectralSolution:
        density = np.stack([self._values(state, self._own_plan) for state in path.states])
        tail = np.array([self.torus.tail(rho, self.modes) for rho in density])
        return SpectralSolution(np.array(path.times), density, tail, path.steps)

    def _project(self, rho) -> np.ndarray:
        """Coefficients |k_j| < n_j / 2, array (K_0, K_1, K_2) with k_2 >= 0."""
        plan = self._own_plan
        plan.real[...] = rho.reshape(plan.real.shape)
        plan.forward()
        return plan.spectral[0].copy()

    def _values(self, rho_hat, plan) -> np.ndarray:
        plan.spectral[0] = rho_hat
        plan.inverse()
        torus = self.torus if plan is self._own_plan else self.fine
        return plan.real.reshape(torus.local_shape).copy()

    def _rate(self, rho_hat) -> np.ndarray:
        plan = self._plan
        power = self._values(rho_hat, plan) ** self.exponent
        plan.real[...] = power.reshape(plan.real.shape)
        plan.forward()
        return -self._laplacian / self.exponent * plan.spectral[0]

    def _stiffness(self, rho_hat) -> np.ndarray:
        largest = self.fine.maximum(self._values(rho_hat, self._plan))
        return SHARE_OF_THE_DIFFUSIVITY * largest ** (self.exponent - 1) * self._laplacian

    def _size(self, rho_hat) -> float:
        return self.fine.maximum(np.abs(self._values(rho_hat, self._plan)))

    def _accept(self, time, rho_hat) -> None:
        lowest = self.fine.minimum(self._values(rho_hat, self._plan))
        if not lowest > 0:
            raise NumericalError(
                f"at time {time:.6g} the density between grid points falls to {lowest:.3g}: {self.torus.shape} points "
                f"do not resolve it. Use a finer grid, or tfl.porous_medium.FiniteVolume, which keeps fronts."
            )
