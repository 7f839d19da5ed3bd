"""Samples traced back along the flow of a control, with the volume they carry: the likelihood of a flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from ..torus.control import VelocitySpace
from ..torus.evaluation import BandField, momentum_coefficients
from ..torus.grid import TWO_PI, Torus
from ..torus.sobolev import SobolevMetric
from ..transport.volumes import advance, advance_tangent, advance_transpose
from .inputs import checked_count, checked_rows


@dataclass(frozen=True, eq=False)
class SampleNODE:
    """v -> (Psi(y), log det DPsi(y)), Psi the flow of v run backwards from s = 1 to 0, at samples y on T^d.

    If rho_1 is a density rho_0 pushed along the flow, log rho_1(y) = log rho_0(Psi(y)) + log det DPsi(y): with the loss
    `LogLikelihood` training is maximum likelihood. Psi is the discrete map of classical Runge-Kutta steps and the
    determinant is that of this map, so exp of the sum is a probability density whatever the steps, as long as Psi does
    not fold.

    Parameters
    ----------
    points : array (N, d)
        y, d = 1, 2 or 3, in sides of the torus.
    metric : SobolevMetric
    layers : int
        L.
    band : int or tuple of int
        Largest |k_j| of the control.
    substeps : int
        Runge-Kutta steps per layer.
    threads : int, optional
        For the transforms; all processors if not given.

    Attributes
    ----------
    space : VelocitySpace
        As of a `MeasureNODE` or `TorusNODE` with the same metric, layers and band.
    output_space : Euclidean
        (N, d + 1): positions, not wrapped, and the logarithm.

    Raises
    ------
    InputError
        If the points are no matrix of finite numbers, or a number is out of range.
    """

    points: np.ndarray
    metric: SobolevMetric
    layers: int = 10
    band: int | tuple[int, ...] = 16
    substeps: int = 2
    threads: int | None = None

    def __post_init__(self):
        points = checked_rows(self.points)
        n, d = points.shape
        if d > 3 or not isinstance(self.metric, SobolevMetric):
            raise InputError(
                f"SampleNODE(points, metric, ...) takes points (N, 1..3) and a SobolevMetric, got {points.shape} and "
                f"{self.metric!r}."
            )
        bands = np.atleast_1d(self.band)
        if bands.dtype.kind not in "iu":
            raise InputError(f"SampleNODE: band must be a whole number >= 0, or one for each axis, got {self.band!r}.")
        torus = Torus((max(4, 3 * int(bands.max()) + 1),) * d, threads=self.threads)
        space = VelocitySpace(torus, self.metric, self.layers, self.band)
        for name, value in (
            ("points", points),
            ("band", space.band),
            ("substeps", checked_count("substeps", self.substeps)),
            ("space", space),
            ("output_space", Euclidean((n, d + 1))),
        ):
            object.__setattr__(self, name, value)

    def __call__(self, v) -> np.ndarray:
        """Psi(y) and log det DPsi(y), array (N, d + 1).

        Raises
        ------
        NumericalError
            If Psi folds at a sample, or a point leaves the range of numbers.
        """
        return self._run(self.space.element(v), self.points)[0]

    def log_density(self, v, points) -> np.ndarray:
        """log rho_1 at any points (N, d), array (N,), for the uniform rho_0."""
        return self._run(self.space.element(v), checked_rows(points))[0][:, -1]

    def linearise(self, v) -> SampleLinearisation:
        """The map with tangent and adjoint; keeps the points and Jacobians at every stage."""
        v = self.space.element(v).copy()
        output, steps = self._run(v, self.points, keep=True)
        return SampleLinearisation(self, v, output, steps)

    @property
    def step_length(self) -> float:
        """Negative: the flow runs backwards."""
        return -1 / (self.space.layers * self.substeps)

    def fields(self, v) -> list[tuple[int, BandField]]:
        """The layer and its field for every step, in the order of the steps."""
        fields = [BandField(self.space, layer) for layer in v]
        return [(layer, fields[layer]) for layer in reversed(range(len(fields))) for _ in range(self.substeps)]

    def _run(self, v, points, keep: bool = False):
        x, logarithm, steps = np.array(points), np.zeros(len(points)), []
        for _, field in self.fields(v):
            x, derivative, stages = advance(x, field, self.step_length)
            sign, value = np.linalg.slogdet(derivative)
            if np.any(sign <= 0):
                raise NumericalError(
                    f"the flow folds at {np.count_nonzero(sign <= 0)} of {len(x)} samples (det <= 0): its steps are "
                    f"too long for this velocity. Use substeps={2 * self.substeps}, or a smaller control."
                )
            logarithm += value
            if keep:
                steps.append((stages, np.linalg.inv(derivative)))
        return np.column_stack([x, logarithm]), steps


class SampleLinearisation:
    """Traced samples at a control v with derivative and transpose (`torusflow.model.Linearisation`)."""

    def __init__(self, model: SampleNODE, v, output, steps):
        self.output = output
        self._model, self._v, self._steps = model, v, steps

    def tangent(self, dv) -> np.ndarray:
        """The change of the output, array (N, d + 1): d log det = trace(D^(-1) dD) at every step."""
        model = self._model
        dx, logarithm = np.zeros_like(model.points), np.zeros(len(model.points))
        changes = model.fields(model.space.element(dv))
        for (stages, inverse), (_, field), (_, change) in zip(self._steps, model.fields(self._v), changes, strict=True):
            dx, d_derivative = advance_tangent(dx, stages, field, change, model.step_length)
            logarithm += np.einsum("nij,nji->n", inverse, d_derivative)
        return np.column_stack([dx, logarithm])

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dv>_H = sum p tangent(dv)."""
        model, space = self._model, self._model.space
        p = model.output_space.element(p)
        weight, on_logarithm = p[:, :-1], p[:, -1, None, None]
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
            derivative_bar = on_logarithm * np.swapaxes(inverse, 1, 2)
            weight = advance_transpose(weight, derivative_bar, stages, field, model.step_length, take(layer))
        return gradient
