"""The likelihood of samples under a density pushed along the flow of a control."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..arguments import check_generator, checked_choice, checked_rows, checked_whole, copy_with, settle
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from ..torus.band import torus_of_band
from ..torus.control import VelocitySpace
from ..torus.coordinates import check_sides
from ..torus.density import LARGEST_SAMPLE, Density
from ..torus.grid import TWO_PI
from ..torus.scattered import BandField, TrigonometricPolynomial, momentum_coefficients
from ..torus.sobolev import SobolevMetric
from ..transport.flow_map import FlowMap
from ..transport.runge_kutta import Tableau, find_scheme, scheme_field
from ..transport.volumes import advance, advance_tangent, advance_transpose

# Below the accuracy of the Fourier series at points a density is zero.
VANISHING = 1e-11


@dataclasses.dataclass(frozen=True, eq=False)
class SampleNODE(OneLine):
    """v -> log rho_1(y) = log rho_0(Psi(y)) + log det DPsi(y), Psi the flow of v run backwards from s = 1 to 0.

    The logarithm of the density that the control makes of rho_0, at samples y on T^d: with the loss `LogLikelihood`
    training is maximum likelihood. Psi is the discrete map of Runge-Kutta steps and the determinant is that
    of this map, so rho_1 is a probability density whatever the steps, as long as Psi does not fold.

    Parameters
    ----------
    points : array (N, d)
        y, d = 1, 2 or 3, in sides of the torus, from -1 to 2.
    metric : SobolevMetric
    initial : Density, optional
        rho_0, between its grid points by its Fourier series; uniform if not given.
    layers : int
        L.
    band : int or tuple of int
        Largest |k_j| of the control.
    substeps : int
        Runge-Kutta steps per layer.
    threads : int, optional
        For the transforms; all processors if not given.
    scheme : str
        The Runge-Kutta method, "rk3", "rk4" or "rk5" by its order.

    Attributes
    ----------
    space : VelocitySpace
        As of a `MeasureNODE` or `TorusNODE` with the same metric, layers and band.
    output_space : Euclidean
        (N,), relative to the uniform density.

    Raises
    ------
    InputError
        If the points are not a matrix of finite numbers or in other units, the density lives on another torus, or a
        number is out of range.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> points = np.random.default_rng(0).random((50, 1))
    >>> model = tfl.SampleNODE(points, tfl.SobolevMetric(3.0, 0.1), layers=2, band=4)
    >>> float(abs(model(model.space.zeros())).max()) < 1e-12
    True
    """

    points: np.ndarray
    metric: SobolevMetric
    initial: Density | None = None
    layers: int = 10
    band: int | tuple[int, ...] = 16
    substeps: int = 2
    threads: int | None = None
    scheme: str = scheme_field()
    space: VelocitySpace = dataclasses.field(init=False, repr=False)
    output_space: Euclidean = dataclasses.field(init=False, repr=False)
    _scheme: Tableau = dataclasses.field(init=False, repr=False)
    _base: TrigonometricPolynomial | None = dataclasses.field(init=False, repr=False)

    def __post_init__(self):
        points = checked_rows(self.points)
        n, d = points.shape
        if d > 3 or not isinstance(self.metric, SobolevMetric):
            raise InputError(
                f"SampleNODE(points, metric, ...) takes points (N, 1..3) and a SobolevMetric, got {points.shape} and "
                f"{self.metric!r}."
            )
        check_sides(points, "SampleNODE: the points")
        initial = self.initial
        if initial is not None and (not isinstance(initial, Density) or initial.torus.dimension != d):
            raise InputError(f"the initial density must be a Density on a torus of dimension {d}, got {initial!r}.")
        torus = torus_of_band("SampleNODE", self.band, d, self.threads)
        space = VelocitySpace(torus, self.metric, self.layers, self.band)
        settle(
            self,
            points=points,
            band=space.band,
            substeps=checked_whole("substeps", self.substeps),
            _scheme=find_scheme(self.scheme),
            space=space,
            output_space=Euclidean((n,)),
            _base=initial and TrigonometricPolynomial(initial.torus, initial.values),
        )

    def __call__(self, v) -> np.ndarray:
        """log rho_1(y), array (N,).

        Raises
        ------
        NumericalError
            If Psi folds at a sample, a point leaves the range of numbers, or rho_0 vanishes where samples come from.
        """
        return self.log_density(v, self.points)

    @property
    def inputs(self) -> np.ndarray:
        """The samples."""
        return self.points

    def rows(self, output) -> np.ndarray:
        """An output, one number per sample, as a column."""
        return np.reshape(output, (-1, 1))

    def log_density(self, v, points) -> np.ndarray:
        """log rho_1 at any points (N, d), array (N,); raises as the call."""
        x, logarithm, _ = self._trace(self.space.element(v), self._rows(points))
        return logarithm + self._log_base(x)[0]

    def traced(self, v, points) -> tuple[np.ndarray, np.ndarray]:
        """Psi(y), not wrapped, and log det DPsi(y), arrays (N, d) and (N,), at any points (N, d)."""
        return self._trace(self.space.element(v), self._rows(points))[:2]

    def coarser(self) -> SampleNODE | None:
        """The model with half the band, and half the layers where they are even; None where that is too coarse."""
        if max(self.space.band) < 4:
            return None
        layers = self.layers // 2 if self.layers % 2 == 0 else self.layers
        substeps = self.substeps * (self.layers // layers)
        band = tuple(-(-b // 2) for b in self.space.band)
        return SampleNODE(self.points, self.metric, self.initial, layers, band, substeps, self.threads, self.scheme)

    def describe(self) -> dict[str, str]:
        """Initial density, samples, control and scheme in words."""
        return {
            "initial": self.initial.name if self.initial else "uniform density",
            "samples": f"{len(self.points)} for training",
            "control": str(self.space),
            "scheme": f"{self.scheme}, {self.substeps} steps per layer, {self.space.torus.threads} threads",
        }

    def part(self, rows) -> SampleNODE:
        """The same model at some of the points."""
        points = self.points[checked_choice(rows, len(self.points))]
        return copy_with(self, points=points, output_space=Euclidean((len(points),)))

    def sample(self, v, n: int, rng: np.random.Generator) -> np.ndarray:
        """n points of rho_1 in [0, 1)^d, array (n, d): points of rho_0 moved along the flow.

        The flow runs forwards with the steps of the model, so the points follow rho_1 up to the error of the steps.
        """
        n = checked_whole("n", n, most=LARGEST_SAMPLE)
        check_generator(rng)
        start = rng.random((n, self.points.shape[1])) if self.initial is None else self.initial.sample(n, rng)
        return FlowMap(self, v)(start) % 1.0

    def linearise(self, v) -> SampleLinearisation:
        """The map with tangent and adjoint; keeps the points and Jacobians at every stage."""
        v = self.space.element(v).copy()
        x, logarithm, steps = self._trace(v, self.points, keep=True)
        base, slope = self._log_base(x)
        return SampleLinearisation(self, v, logarithm + base, steps, slope)

    @property
    def step_length(self) -> float:
        """Negative: the flow runs backwards."""
        return -1 / (self.space.layers * self.substeps)

    def fields(self, v) -> list[tuple[int, BandField]]:
        """The layer and its field for every step, in the order of the steps."""
        fields = [BandField(self.space, layer) for layer in v]
        return [(layer, fields[layer]) for layer in reversed(range(len(fields))) for _ in range(self.substeps)]

    def _rows(self, points) -> np.ndarray:
        points, d = checked_rows(points), self.points.shape[1]
        if points.shape[1] != d:
            raise InputError(f"points on this torus have shape (N, {d}), got {points.shape}.")
        return points

    def _trace(self, v, points, keep: bool = False):
        x, logarithm, steps = np.array(points), np.zeros(len(points)), []
        for _, field in self.fields(v):
            x, derivative, stages = advance(self._scheme, x, field, self.step_length)
            sign, value = np.linalg.slogdet(derivative)
            if np.any(sign <= 0):
                raise NumericalError(
                    f"the flow folds at {np.count_nonzero(sign <= 0)} of {len(x)} samples (det <= 0): its steps are "
                    f"too long for this velocity. Use substeps={2 * self.substeps}, or a smaller control."
                )
            logarithm += value
            if keep:
                steps.append((stages, np.linalg.inv(derivative)))
        return x, logarithm, steps

    def _log_base(self, x) -> tuple[np.ndarray, np.ndarray]:
        """log rho_0 and its gradient, arrays (N,) and (N, d)."""
        if self._base is None:
            return np.zeros(len(x)), np.zeros_like(x)
        value, gradient = self._base.jet(x)
        vanishes = np.count_nonzero(value <= VANISHING)
        if vanishes:
            raise NumericalError(
                f"the initial density vanishes where {vanishes} of {len(x)} samples come from, so "
                f"their likelihood is zero. Use a positive one: the uniform, or add a floor."
            )
        return np.log(value), gradient / value[:, None]


class SampleLinearisation:
    """The log-density of traced samples at a control v with derivative and transpose."""

    def __init__(self, model: SampleNODE, v, output, steps, slope):
        self.output = output
        self._model, self._v, self._steps, self._slope = model, v, steps, slope

    def tangent(self, dv) -> np.ndarray:
        """The change of the output, array (N,): d log det = trace(D^(-1) dD) at every step."""
        model = self._model
        dx, logarithm = np.zeros_like(model.points), np.zeros(len(model.points))
        changes = model.fields(model.space.element(dv))
        for (stages, inverse), (_, field), (_, change) in zip(self._steps, model.fields(self._v), changes, strict=True):
            dx, d_derivative = advance_tangent(model._scheme, dx, stages, field, change, model.step_length)
            logarithm += np.einsum("nij,nji->n", inverse, d_derivative)
        return logarithm + np.einsum("nj,nj->n", self._slope, dx)

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dv>_H = sum p tangent(dv)."""
        model, space = self._model, self._model.space
        p = model.output_space.element(p)[:, None]
        weight = p * self._slope
        gradient, wavenumbers = space.zeros(), [TWO_PI * 1j * k for k in space.wavenumbers]

        def take(layer):
            def add(points, q, jacobian_bar):
                # <Q, Dv'> is <q, v'> for q = -div of the measure Q: both in one transform.
                d = points.shape[1]
                columns = np.concatenate([q[:, :, None], jacobian_bar], axis=2).reshape(len(q), -1)
                sums = momentum_coefficients(space, points, columns).reshape(d, d + 1, *space.shape[2:])
                momentum = sums[:, 0] - sum(k * sums[:, 1 + j] for j, k in enumerate(wavenumbers))
                gradient[layer] += space.layers * space.riesz(momentum)

            return add

        for (stages, inverse), (layer, field) in zip(
            reversed(self._steps), reversed(model.fields(self._v)), strict=True
        ):
            derivative_bar = p[..., None] * np.swapaxes(inverse, 1, 2)
            step = stages, field, model.step_length, take(layer)
            weight = advance_transpose(model._scheme, weight, derivative_bar, *step)
        return gradient
