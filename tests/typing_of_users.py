"""What users write, for a type checker: see `test_typing.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import torusflow as tfl
from torusflow import checks, densities, losses, model, plotting
from torusflow.testing import check_loss, check_model


@dataclass(frozen=True, eq=False)
class FourthPower:
    """A loss of your own."""

    target: tfl.Density

    def __call__(self, rho: np.ndarray) -> float:
        return float(np.mean((rho - self.target.values) ** 4) / 4)

    def gradient(self, rho: np.ndarray) -> np.ndarray:
        return (rho - self.target.values) ** 3

    def check(self, space: Any) -> None:
        if space.shape != self.target.values.shape:
            raise tfl.InputError(f"densities have shape {space.shape}, the target has {self.target.values.shape}.")

    def on(self, torus: tfl.Torus) -> FourthPower:
        return FourthPower(self.target.on(torus))


@dataclass(frozen=True, eq=False)
class Shift:
    """A model of your own: points moved by w."""

    points: np.ndarray

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.points)):
            raise tfl.InputError("Shift: points must be numbers.")

    @property
    def space(self) -> tfl.Euclidean:
        return tfl.Euclidean((self.points.shape[1],))

    @property
    def output_space(self) -> tfl.Euclidean:
        return tfl.Euclidean(self.points.shape)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        return self.points + self.space.element(w)

    def linearise(self, w: np.ndarray) -> Shifted:
        return Shifted(self, self(w))


@dataclass(frozen=True, eq=False)
class Shifted:
    shift: Shift
    output: np.ndarray

    def tangent(self, dw: np.ndarray) -> np.ndarray:
        return self.shift.space.element(dw) + 0 * self.output

    def adjoint(self, p: np.ndarray) -> np.ndarray:
        return np.sum(self.shift.output_space.element(p), axis=0)


@dataclass(frozen=True)
class Plain:
    """A method of your own."""

    step: float = 0.1

    def init(self, risk: tfl.Risk, control: np.ndarray) -> tfl.State:
        return tfl.State.at(risk.at(control), 0.0, self.step)

    def update(self, risk: tfl.Risk, state: tfl.State) -> tfl.State:
        point = risk.at(state.control - self.step * state.gradient)
        return tfl.State.at(point, self.step, self.step, state.time + self.step)


def densities_on_the_torus(path: Path) -> float:
    torus = tfl.Torus((16, 12), threads=1)
    x, y = torus.points
    target = densities.from_array(torus, 1 + 0.3 * np.cos(2 * np.pi * x) * np.sin(2 * np.pi * y))
    node = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), densities.uniform(torus), layers=2, band=2)
    own, loss = FourthPower(target), losses.SquaredL2(target)
    check_loss(own, node)
    risk = tfl.Risk(node, loss, penalty=1e-6)
    control = tfl.coarse_to_fine(tfl.Risk(node, own), tfl.GradientDescent(0.1), levels=1, iterations=1)
    value, gradient = risk.value_and_gradient(control)
    print(value, gradient.shape, checks.taylor(risk, control), node.space.band)
    both = losses.WeightedSum([loss, losses.L2(target)], [0.5, 2.0])
    print(both(target.values), tfl.Torus(8).shape[0])
    result = tfl.descend(risk, control, tfl.LBFGS(), iterations=2, store=path, callback=told)
    run = tfl.load(path)
    plotting.save(plotting.plot_run(run), str(path.with_suffix(".png")))
    again = tfl.descend(run.risk, run.control, run.method, 3, store=str(path), resume=True)
    print(result.history["risk"][-1], result.status, again.iterations, run.limits)
    flow = tfl.FlowMap(node, result.control)
    return float(flow(np.zeros((1, 2)))[0, 0])


def told(iteration: int, row: dict[str, float]) -> None:
    print(iteration, row["risk"])


def points_in_the_plane() -> float:
    x = np.random.default_rng(0).random((5, 2))
    shift = Shift(x)
    check_model(shift)
    risk = tfl.Risk(shift, losses.SquaredDistance(x + 0.5))
    result = tfl.descend(risk, np.zeros(2), Plain(), iterations=3)
    for method in (tfl.GradientDescent(0.1), tfl.Nesterov(0.1), tfl.GaussNewton(), tfl.LBFGS()):
        tfl.descend(risk, risk.space.zeros(), method, iterations=1)
    theirs = tfl.scipy_minimize(risk, result.control, "L-BFGS-B", iterations=3)
    if isinstance(risk.model, model.OnPoints):
        print(risk.model.inputs)
    return theirs.value


def likelihood_of_samples() -> str:
    samples = np.random.default_rng(0).random((30, 1))
    node = tfl.SampleNODE(samples, tfl.SobolevMetric(2.5, 0.1), layers=2, band=2, threads=1)
    risk = tfl.Risk(node, losses.LogLikelihood())
    try:
        result = tfl.descend(risk, node.space.zeros(), tfl.LBFGS(), iterations=1)
    except tfl.NumericalError as error:
        return str(error)
    scores: np.ndarray = node.log_density(result.control, samples)
    torus = tfl.Torus(32)
    on_a_grid = tfl.LogDensityNODE(torus, tfl.SobolevMetric(2.5, 0.1), layers=2, band=2)
    other = tfl.descend(
        tfl.Risk(on_a_grid, losses.NormalisedLikelihood(samples, torus)), on_a_grid.space.zeros(), tfl.LBFGS(), 1
    )
    print(on_a_grid.sample(other.control, 3, np.random.default_rng(0)).shape)
    return f"{scores.mean():.3f} {checks.likelihood(node, result.control)}"
