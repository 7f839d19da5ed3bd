"""What gradient descent at v = 0 does to a density: the tangent flow of a kernel and a loss."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ..arguments import checked_times, checked_tolerance, settle
from ..display import OneLine
from ..errors import InputError, NumericalError, UnfinishedError
from ..losses.loss import HasCurvature, Loss
from ..torus.band import checked_band
from ..torus.density import Density, DensitySpace
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from .exponential_steps import SHARE_OF_THE_DIFFUSIVITY
from .local_inverse import LocalInverse
from .time_steps import Derivative, Path, Semilinear, solve

# Relative change of the density by which the second variation of a loss is seen; only the step's efficiency depends
# on it.
PROBE = 1e-7
TINY = float(np.finfo(float).tiny)
# Of the part of a density in the outer third of its modes, in L2, relative to the uniform density: more is warned of.
LARGEST_ROUGHNESS = 5e-4
# Loss and dissipated loss may drift apart by this many tolerances; resolved runs of thousands of steps stay below 30.
LARGEST_IMBALANCE = 1000


@dataclass(frozen=True, eq=False)
class TangentSolution(OneLine):
    """What a tangent flow did.

    Attributes
    ----------
    times : array (n_times,)
    density : array (n_times, *n)
    loss : array (n_times,)
    dissipation : array (n_times,)
        |grad|^2 = <rho grad l', K*(rho grad l')>.
    rate : array (n_times,)
        d loss/dt = <l', d rho/dt>; minus the dissipation, to round-off.
    dissipated : array (n_times,)
        The integral of the dissipation from 0, integrated along with the density; loss + dissipated is constant up to
        the tolerance.
    tail : array (n_times,)
        Share of the density's variance in the outer third of the modes, as `Torus.tail`: its root is about the error
        of the grid, of which the tolerance, that of time steps, says nothing.
    steps : int
        Time steps taken.
    implicit_steps : int
        How many of these were implicit, which are taken where stability keeps the others short.
    """

    times: np.ndarray
    density: np.ndarray
    loss: np.ndarray
    dissipation: np.ndarray
    rate: np.ndarray
    dissipated: np.ndarray
    tail: np.ndarray
    steps: int
    implicit_steps: int = 0


@dataclass(frozen=True, eq=False)
class TangentFlow(OneLine):
    """d rho/dt = div(rho K*(rho grad l'(rho))), the flow of which a descent step at v = 0 is an Euler step.

    For K = delta_0 (smoothness 0), the half squared L2 loss and the uniform target it is the porous medium equation
    d rho/dt = (1/3) Laplacian(rho^3). The scheme in space is that of `MeasureNODE`: the right-hand side is what
    ``model.linearise(0)`` makes of minus the gradient, to round-off.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
        Its kernel K; any smoothness, 0 included.
    loss : Loss
        On densities on this torus.
    band : int or tuple of int, optional
        Largest |k_j| of the velocity; by default (n_j - 1) // 3. The density keeps |k_j| <= (n_j - band_j - 1) // 2.

    Raises
    ------
    InputError
        If the loss is not one on densities on this torus, or the band does not fit.

    Notes
    -----
    Time steps are exponential (`torusflow.porous_medium.exponential_steps`): they are explicit, and as long as accuracy
    allows whether or not the kernel smooths. The diffusion they take out is 3/4 of the largest diffusivity
    rho^2 l''(rho) times |2 pi k|^2 K^_k. Where that keeps them short, because the density varies a hundredfold or modes
    decay at very different rates, implicit steps (`torusflow.porous_medium.implicit_steps`) go on.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> start = tfl.densities.from_function(torus, lambda x: 1 + 0.5 * np.cos(2 * np.pi * x), normalise=True)
    >>> flow = tfl.TangentFlow(torus, tfl.SobolevMetric(3.0, 0.1), tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    >>> round(float(flow.solve(start, times=[0.01]).loss[0]), 8)
    0.04694316
    """

    torus: Torus
    metric: SobolevMetric
    loss: Loss
    band: int | tuple[int, ...] | None = None
    modes: tuple[int, ...] = field(init=False, repr=False)
    _kept: np.ndarray = field(init=False, repr=False)
    _kernel: np.ndarray = field(init=False, repr=False)
    _rough: np.ndarray = field(init=False, repr=False)
    _diffusion: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.torus, Torus) or not isinstance(self.metric, SobolevMetric):
            raise InputError("TangentFlow(torus, metric, loss) takes a Torus and a SobolevMetric first.")
        if isinstance(self.loss, type) or not isinstance(self.loss, Loss):
            raise InputError(
                f"TangentFlow: the loss must be one of tfl.losses, got a {type(self.loss).__name__}. "
                f"Write tfl.losses.SquaredL2(tfl.densities.uniform(torus)), say."
            )
        self.loss.check(DensitySpace(self.torus))
        band = checked_band(self.torus, self.band)
        modes = tuple((n - b - 1) // 2 for n, b in zip(self.torus.shape, band, strict=True))
        rough = np.random.default_rng(0).choice([-1.0, 1.0], self.torus.shape)
        smoothing = 1 / self.metric.symbol(self.torus.laplacian_symbol)
        settle(
            self,
            band=band,
            modes=modes,
            _kept=self.torus.within(modes),
            _kernel=smoothing * self.torus.within(band),
            _rough=self.torus.asarray(self.torus.part(rough)),
            _diffusion=SHARE_OF_THE_DIFFUSIVITY * self.torus.laplacian_symbol * smoothing,
        )

    def velocity(self, rho) -> np.ndarray:
        """-K*(rho grad l'(rho)), array (d, *n): the direction of steepest descent at v = 0."""
        return self._velocity(self.torus.field(rho))[0]

    def rate(self, rho) -> np.ndarray:
        """d rho/dt = div(rho K*(rho grad l'(rho))), array (*n).

        Parameters
        ----------
        rho : array (*n)
            Its modes above ``modes`` are dropped first.
        """
        return self.torus.inverse(self._rate(self._project(rho))[0])

    def solve(self, rho0, times, tolerance: float = 1e-8) -> TangentSolution:
        """The density at the given times, with the loss and its dissipation.

        Parameters
        ----------
        rho0 : Density, array (*n) or TangentSolution
            At time 0; or a solution to go on from, at its last time.
        times : sequence of float
            Increasing, not negative.
        tolerance : float
            Largest error of a time step: of the density (relative to the uniform one) at any point, and of the
            dissipated loss.

        Returns
        -------
        TangentSolution

        Raises
        ------
        InputError
            If rho0 is not a density on this torus, the times do not increase, or the tolerance is out of range.
        UnfinishedError
            If the tolerance cannot be met, 20,000 steps are not enough, or loss and dissipated loss no longer add up,
            as where a loss that is not smooth at its minimum, such as L2, comes there in finite time. Its ``solution``
            is that until then, from which ``solve`` can go on.

        Warns
        -----
        UserWarning
            If the grid hardly resolves the density.
        """
        times, tolerance = checked_times(times), checked_tolerance(tolerance, 1e-14, 0.1)
        since, start, energy = self._begun(rho0, times[0])
        first = self.loss(self.torus.inverse(start)) + energy

        def accept(time, state):
            rho_hat, dissipated = self._part(state)
            imbalance = abs(self.loss(self.torus.inverse(rho_hat)) + dissipated - first)
            if not imbalance <= LARGEST_IMBALANCE * tolerance * max(1.0, first):
                raise NumericalError(
                    f"at time {time:.6g} of {times[-1]:g} the loss and what was dissipated of it differ from the first "
                    f"loss by {imbalance:.1e}: the loss is not smooth where the flow has come (as L2 at its minimum, "
                    f"reached in finite time), or the tolerance {tolerance:.1e} is too large. Stop earlier or lower it."
                )

        equation = Semilinear(
            self._joint_rate,
            self._joint_stiffness,
            self._joint_size,
            accept,
            self._joint_derivative,
            self._joint_inner,
        )
        try:
            solution = self._solution(solve(equation, self._join(start, energy), times, tolerance, since))
        except UnfinishedError as error:
            raise UnfinishedError(error, self._solution(error.solution)) from None
        self._warn_of_roughness(solution)
        return solution

    def _begun(self, rho0, first_time: float) -> tuple[float, np.ndarray, float]:
        """The time, the coefficients and the dissipated loss to start from."""
        if isinstance(rho0, TangentSolution):
            since = float(rho0.times[-1])
            if not first_time > since:
                raise InputError(
                    f"the solution to go on from is at time {since:.6g}, times must be later: got {first_time:g}."
                )
            return since, self._project(rho0.density[-1]), float(rho0.dissipated[-1])
        rho0 = rho0 if isinstance(rho0, Density) else Density(self.torus, rho0, "initial density")
        if rho0.torus != self.torus:
            raise InputError(f"the initial density lives on {rho0.torus!r}, the flow on {self.torus!r}.")
        return 0.0, self._project(rho0.values), 0.0

    def _solution(self, path: Path) -> TangentSolution:
        parts = [self._part(state) for state in path.states]
        rows = [self._report(rho_hat) for rho_hat, _ in parts]
        density, *numbers = zip(*rows, strict=True)
        loss, dissipation, rate = map(np.array, numbers)
        dissipated = np.array([energy for _, energy in parts])
        tail = np.array([self.torus.tail(rho, self.modes) for rho in density])
        times, density = np.array(path.times), np.stack(density)
        return TangentSolution(times, density, loss, dissipation, rate, dissipated, tail, path.steps, path.implicit)

    def _warn_of_roughness(self, solution: TangentSolution) -> None:
        deviations = [self.torus.norm(rho - self.torus.mean(rho)) for rho in solution.density]
        sizes = np.sqrt(solution.tail) * deviations
        roughest = int(np.argmax(sizes))
        if sizes[roughest] > LARGEST_ROUGHNESS and self.torus.division.rank == 0:
            warnings.warn(
                f"the grid hardly resolves the density at time {solution.times[roughest]:.6g}: its part in the outer "
                f"third of the modes has the size {sizes[roughest]:.1e}, relative to the uniform density, and errors "
                f"may be as large whatever the tolerance. Use a finer grid.",
                stacklevel=3,
            )

    def _project(self, rho) -> np.ndarray:
        return self.torus.transform(rho) * self._kept

    def _slope(self, pressure) -> np.ndarray:
        """The gradient of the kept modes, array (d, *n)."""
        torus = self.torus
        pressure_hat = torus.transform(pressure) * self._kept
        return torus.inverse(np.stack([symbol * pressure_hat for symbol in torus.derivative_symbols]))

    def _velocity(self, rho) -> tuple[np.ndarray, float]:
        """The velocity, and |grad|^2 in the metric."""
        momentum = rho * self._slope(self.loss.gradient(rho))
        velocity = -self.torus.filter(momentum, self._kernel)
        return velocity, -self.torus.inner(momentum, velocity)

    def _inflow(self, flux) -> np.ndarray:
        """Minus the divergence of a flux (d, *n), coefficients of the kept modes."""
        flux_hat = self.torus.transform(flux) * self._kept
        divergence = sum(symbol * f for symbol, f in zip(self.torus.derivative_symbols, flux_hat, strict=True))
        return -cast(np.ndarray, divergence)

    def _rate(self, rho_hat) -> tuple[np.ndarray, float]:
        rho = self.torus.inverse(rho_hat)
        velocity, dissipation = self._velocity(rho)
        return self._inflow(rho * velocity), dissipation

    def _report(self, rho_hat) -> tuple[np.ndarray, float, float, float]:
        rate_hat, dissipation = self._rate(rho_hat)
        rho = self.torus.inverse(rho_hat)
        rate = self.torus.inner(self.loss.gradient(rho), self.torus.inverse(rate_hat))
        return rho, self.loss(rho), dissipation, rate

    # The density's coefficients and the dissipated loss, one after another in one array.

    def _join(self, rho_hat, energy) -> np.ndarray:
        return np.append(rho_hat.ravel(), energy)

    def _part(self, state) -> tuple[np.ndarray, float]:
        return state[:-1].reshape(self.torus.spectral_shape), float(state[-1].real)

    def _joint_rate(self, state) -> np.ndarray:
        return self._join(*self._rate(self._part(state)[0]))

    def _joint_derivative(self, state) -> Derivative:
        torus, rho = self.torus, self.torus.inverse(self._part(state)[0])
        slope, curvature = self._slope(self.loss.gradient(rho)), self._curvature(rho)
        velocity = -torus.filter(rho * slope, self._kernel)
        diffusivity = self._diffusivity(rho)

        def apply(change):
            d_rho = torus.inverse(self._part(change)[0])
            d_momentum = d_rho * slope + rho * self._slope(curvature(d_rho))
            d_velocity = -torus.filter(d_momentum, self._kernel)
            return self._join(self._inflow(d_rho * velocity + rho * d_velocity), -2 * torus.inner(d_momentum, velocity))

        def inverse(step):
            local = LocalInverse(torus, diffusivity, step * self._diffusion / SHARE_OF_THE_DIFFUSIVITY)

            def inverted(r):
                r_hat, energy = self._part(r)
                return self._join(local(r_hat) * self._kept, energy)

            return inverted

        return Derivative(apply, inverse)

    def _curvature(self, rho) -> Callable[[np.ndarray], np.ndarray]:
        """d -> l''(rho) d, by a difference where the loss does not say it."""
        loss = self.loss
        if isinstance(loss, HasCurvature):
            with contextlib.suppress(InputError):  # of some losses, as they are set, there is none
                loss.curvature(rho, 0 * rho)
                return lambda d: loss.curvature(rho, d)
        gradient = loss.gradient(rho)

        def difference(d):
            length = PROBE / max(self.torus.maximum(np.abs(d)), TINY)
            return (loss.gradient(rho + length * d) - gradient) / length

        return difference

    def _diffusivity(self, rho) -> np.ndarray:
        """rho^2 l''(rho) at each point."""
        # The second variation in a rough direction: seen exactly at every point where the loss is an integral of a
        # function of rho, and as small as it is on high modes where it smooths.
        second = (self.loss.gradient(rho + PROBE * rho * self._rough) - self.loss.gradient(rho)) / PROBE
        return np.abs(rho * second)

    def _joint_inner(self, one, other) -> float:
        products = one[:-1].view(float) * other[:-1].view(float)
        *rows, _ = self.torus.spectral_shape
        return self.torus.total(products.reshape(*rows, -1)) + float((one[-1] * other[-1]).real)

    def _joint_stiffness(self, state) -> np.ndarray:
        rho = self.torus.inverse(self._part(state)[0])
        return self._join(self.torus.maximum(self._diffusivity(rho)) * self._diffusion, 0.0)

    def _joint_size(self, state) -> float:
        rho_hat, energy = self._part(state)
        return max(self.torus.maximum(np.abs(self.torus.inverse(rho_hat))), abs(energy))
