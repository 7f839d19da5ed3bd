"""Every check of losses fails on one that is broken in its way, with a sentence that says how."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from broken import TARGET, TORUS, Half, assert_found

import torusflow as tfl
from torusflow import testing
from torusflow.hilbert import Euclidean


def half(**body):
    kind = type("Loss", (Half,), {name.replace("call", "__call__"): value for name, value in body.items()})
    return dataclasses.dataclass(frozen=True, eq=False)(kind)(TARGET)


def sinking(self, rho):
    rho -= self.target.values
    return self.torus.inner(rho, rho) / 2


class Remembered(Half):
    """Gives out its own array."""

    @cached_property
    def table(self):
        return {}

    def gradient(self, rho):
        key = np.asarray(rho).tobytes()
        if key not in self.table:
            self.table[key] = super().gradient(rho)
        return self.table[key]


def skew(self, rho, direction):
    return self.weight * direction + np.roll(direction, 1) - np.roll(direction, -1)


@dataclass(frozen=True, eq=False)
class Skew(Half):
    """Of a gradient that is none: its derivative is not symmetric; only the curvature looks at it."""

    def gradient(self, rho):
        d = self.checked(rho) - self.target.values
        return self.weight * d + np.roll(d, 1) - np.roll(d, -1)

    curvature = skew


@dataclass(frozen=True, eq=False)
class Concave(Half):
    def __call__(self, rho):
        return -super().__call__(rho)

    def gradient(self, rho):
        return -super().gradient(rho)

    def curvature(self, rho, direction):
        return -super().curvature(rho, direction)


@dataclass(frozen=True, eq=False)
class Anything(Half):
    def __post_init__(self):
        pass


N = TORUS.size
LOSSES = {
    "no check": (lambda: len, "is_a_loss", "gradient, check is missing here"),
    "an array": (lambda: half(call=lambda self, rho: np.ones(3)), "value_is_a_number", "return float(...)"),
    "not finite": (lambda: half(call=lambda self, rho: np.inf), "value_is_a_number", "the loss is inf"),
    "refuses its own": (
        lambda: half(check=lambda self, space: Half.check(self, Euclidean((2,)))),
        "takes_its_outputs_only",
        "refuses the space of the outputs it is to take",
    ),
    "takes all": (lambda: half(check=lambda self, space: None), "takes_its_outputs_only", "accepted without an error"),
    "sign": (lambda: half(gradient=lambda self, rho: -Half.gradient(self, rho)), "gradient", "the wrong sign"),
    "sum": (lambda: half(gradient=lambda self, rho: Half.gradient(self, rho) / N), "gradient", f"multiplied by {N}"),
    "mean": (lambda: half(gradient=lambda self, rho: Half.gradient(self, rho) * N), "gradient", f"divided by {N}"),
    "factor": (lambda: half(gradient=lambda self, rho: 1.0001 * Half.gradient(self, rho)), "gradient", "a factor"),
    "shape": (lambda: half(gradient=lambda self, rho: rho[:3]), "gradient", "has shape (3,)"),
    "curvature": (
        lambda: half(curvature=lambda self, rho, d: 1.0001 * d),
        "curvature",
        "differs from differences of the gradient",
    ),
    "not convex": (lambda: Concave(TARGET), "curvature", "is negative, and Gauss-Newton"),
    "changes rho": (lambda: half(call=sinking), "arguments_stay", "the output is changed by the loss"),
    "a view": (
        lambda: dataclasses.dataclass(frozen=True, eq=False)(Remembered)(TARGET),
        "arguments_stay",
        "overwritten",
    ),
    "another grid": (
        lambda: half(on=lambda self, torus: self),
        "is_itself_on_other_grids",
        "does not take densities there",
    ),
    "another loss": (
        lambda: half(on=lambda self, torus: tfl.losses.L2(self.target.on(torus))),
        "is_itself_on_other_grids",
        "is another loss",
    ),
    "any parameter": (lambda: Anything(TARGET), "refuses_bad_parameters", "weight=nan is accepted"),
    "no pickle": (half, "copies_compute_the_same", "pickle raises"),
}


@pytest.mark.parametrize(("make", "check", "words"), LOSSES.values(), ids=LOSSES)
def test_broken_losses_are_found(make, check, words):
    loss = make()
    space = tfl.MeasureNODE(TORUS, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(TORUS), 2, 2).output_space
    assert_found(lambda: testing.check_loss(loss, space), check, words)


def test_a_curvature_that_is_not_symmetric_is_found():
    from torusflow.testing.losses import curvature
    from torusflow.torus.density import DensitySpace

    with pytest.raises(AssertionError, match="the curvature is not symmetric"):
        testing.check_loss(Skew(TARGET), DensitySpace(TORUS), checks=[curvature])
