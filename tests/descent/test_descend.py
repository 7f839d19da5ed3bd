"""The loop and gradient descent: exact rates on quadratics, statuses, limits, and the two reference targets."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow import NumericalError


class Euclidean:
    """R^n with the dot product."""

    dtype = np.dtype(float)

    def __init__(self, n):
        self.shape = (n,)

    def zeros(self):
        return np.zeros(self.shape)

    def inner(self, u, w):
        return float(np.dot(u, w))

    def random(self, rng):
        u = rng.standard_normal(self.shape)
        return u / np.linalg.norm(u)

    def element(self, u):
        return np.asarray(u, float)

    def describe(self, u):
        return {"first": float(u[0])}


@dataclass(frozen=True)
class Diagonal:
    """The linear model w -> a w."""

    a: np.ndarray
    output_limit: float = np.inf

    @property
    def space(self):
        return Euclidean(len(self.a))

    output_space = space

    def __call__(self, w):
        if np.max(np.abs(w)) > self.output_limit:
            raise NumericalError("out of range")
        return self.a * w

    def linearise(self, w):
        model = self

        class Linear:
            output = model(w)

            def tangent(self, dw):
                return model.a * dw

            def adjoint(self, p):
                return model.a * p

        return Linear()


@dataclass(frozen=True)
class Distance:
    """(1/2) |y - target|^2."""

    target: np.ndarray

    def __call__(self, y):
        return float(np.dot(y - self.target, y - self.target)) / 2

    def gradient(self, y):
        return y - self.target

    def check(self, space):
        pass


def quadratic(a=(1.0, 2.0), target=(1.0, 1.0), **model):
    return tfl.Risk(Diagonal(np.array(a), **model), Distance(np.array(target)))


def test_fixed_steps_contract_as_the_eigenvalues_say():
    """On a quadratic with eigenvalues a^2 the error shrinks by |1 - step a^2| in each coordinate."""
    risk = quadratic()
    result = tfl.descend(risk, np.zeros(2), tfl.GradientDescent(0.3), iterations=5)
    expected = np.array([1.0, 0.5]) * (1 - np.array([1 - 0.3, 1 - 1.2]) ** 5)
    np.testing.assert_allclose(result.control, expected, rtol=tolerances.SAME)
    assert result.iterations == 5 and result.status.startswith("iteration limit: 5 iterations")


def test_history_has_one_entry_per_iterate_and_means_what_it_says():
    risk = quadratic()
    seen = []
    result = tfl.descend(
        risk, np.zeros(2), tfl.GradientDescent(0.3), iterations=3, callback=lambda i, row: seen.append((i, row["risk"]))
    )
    history = result.history
    assert {len(column) for column in history.values()} == {4}
    assert seen == list(enumerate(history["risk"]))
    np.testing.assert_allclose(history["pl_ratio"], history["gradient_norm"] ** 2 / (2 * history["risk"]))
    np.testing.assert_array_equal(history["step"], [0, 0.3, 0.3, 0.3])
    assert history["risk"][-1] == result.value == risk(result.control)
    assert history["control_norm"][-1] == pytest.approx(np.linalg.norm(result.control))
    assert history["first"][-1] == result.output[0]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"gradient_tolerance": 1e-3}, "converged after .* gradient norm"),
        ({"risk_tolerance": 1e-3}, "converged after .* risk"),
        ({"max_time": 0.0}, "time limit: 0 s after 0 iterations"),
        ({"iterations": 0}, "iteration limit: 0 iterations"),
    ],
)
def test_every_limit_stops_and_is_named(limits, words):
    result = tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(0.3), **{"iterations": 500} | limits)
    import re

    assert re.match(words, result.status)


def test_armijo_lowers_the_risk_whatever_the_first_step():
    for step in (1e-3, 1.0, 1e6):
        result = tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(step, "armijo"), iterations=100)
        risk = result.history["risk"]
        assert all(after < before for before, after in itertools.pairwise(risk[risk > 1e-25]))
        assert result.value < 1e-12


def test_armijo_counts_steps_the_model_refuses_as_too_long():
    result = tfl.descend(quadratic(output_limit=3.0), np.zeros(2), tfl.GradientDescent(1e4, "armijo"), iterations=60)
    assert result.value < 1e-10


def test_divergence_is_reported_with_the_last_good_iterate():
    result = tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(10.0), iterations=50)
    assert result.status.startswith("diverged at iteration 1: the risk is")
    np.testing.assert_array_equal(result.control, 0)
    result = tfl.descend(quadratic(output_limit=0.9), np.zeros(2), tfl.GradientDescent(0.3), iterations=50)
    assert result.status.startswith("diverged at iteration") and "out of range" in result.status
    assert np.max(result.control) <= 0.9


def test_rounding_is_no_divergence():
    """A residual of one unit in the last place grows nineteenfold an iteration; 1e-13 of the output is no rounding."""
    risk = tfl.Risk(tfl.LinearResNet(np.eye(1), 1), tfl.losses.SquaredDistance(np.array([[1 + 2.0**-52]])))
    result = tfl.descend(risk, np.zeros((1, 1, 1)), tfl.GradientDescent(20.0), 20)
    risks = result.history["risk"]
    assert result.status.startswith("diverged at iteration 3") and 1e-28 < risks[-1] < 1e-26
    np.testing.assert_allclose(risks[1:] / risks[:-1], 19.0**2, rtol=1e-3)


def test_a_gradient_that_is_wrong_stalls_the_line_search():
    class Uphill(Distance):
        def gradient(self, y):
            return -(y - self.target)

    risk = tfl.Risk(Diagonal(np.ones(2)), Uphill(np.ones(2)))
    result = tfl.descend(risk, np.zeros(2), tfl.GradientDescent(1.0, "armijo"), iterations=5)
    assert result.status.startswith("stalled at iteration 1: no step")


def test_an_interrupt_returns_what_was_reached():
    def interrupt(iteration, row):
        if iteration == 3:
            raise KeyboardInterrupt

    result = tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(0.3), iterations=50, callback=interrupt)
    assert result.status == "interrupted at iteration 4" and result.iterations == 3


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"iterations": -1}, "iterations must be a whole number >= 0, got -1"),
        ({"iterations": 1.5}, "iterations must be a whole number"),
        ({"gradient_tolerance": float("nan")}, "gradient_tolerance must be a number >= 0, got nan"),
        ({"max_time": -1.0}, "max_time must be a number >= 0"),
    ],
)
def test_limits_that_make_no_sense(keywords, words):
    with pytest.raises(tfl.InputError, match=words):
        tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(), **keywords)


@pytest.mark.parametrize("step", [0, -1, np.nan, np.inf, "0.1", True])
def test_steps_that_make_no_sense(step):
    with pytest.raises(tfl.InputError, match="step must be a positive number"):
        tfl.GradientDescent(step)


def test_unknown_line_search():
    with pytest.raises(tfl.InputError, match="line_search must be None or 'armijo', got 'wolfe'"):
        tfl.GradientDescent(0.1, "wolfe")


def measure_risk(n, target, **model):
    torus = tfl.Torus((n, n))
    metric = tfl.SobolevMetric(3.0, 0.1)
    return tfl.Risk(
        tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), **model), tfl.losses.SquaredL2(target(torus))
    )


@pytest.mark.slow
def test_armijo_reaches_the_unimodal_target():
    """C17 at 64^2 with s = 3, l = 0.1, 8 layers: 0.5112 falls by 10^4 within 200 iterations, monotonically."""
    risk = measure_risk(64, tfl.densities.von_mises, layers=8, band=16, substeps=4)
    start = risk.space.zeros()
    assert risk(start) == pytest.approx(0.5112, abs=5e-5)
    result = tfl.descend(risk, start, tfl.GradientDescent(0.1, "armijo"), 200, risk_tolerance=risk(start) * 1e-4)
    assert result.status.startswith("converged")
    assert np.all(np.diff(result.history["risk"]) < 0)
    assert np.max(np.abs(result.history["mass"] - 1)) <= tolerances.MASS


@pytest.mark.slow
def test_hundred_to_one():
    """C18: the fixed step diverges and says so; Armijo makes progress at every iteration."""
    risk = measure_risk(64, tfl.densities.banana, layers=10, band=16, substeps=None)
    fixed = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05), iterations=30)
    assert fixed.status.startswith("diverged at iteration")
    armijo = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05, "armijo"), iterations=30)
    assert armijo.status.startswith("iteration limit: 30 iterations")
    assert np.all(np.diff(armijo.history["risk"]) < 0) and armijo.value < 0.1 * armijo.history["risk"][0]


def test_a_velocity_at_the_stability_limit_is_named_as_the_reason():
    """Too few substeps for what the target asks for: the descent stalls and names the substeps."""
    risk = measure_risk(48, tfl.densities.banana, layers=2, band=8, substeps=1)
    result = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.1, "armijo"), iterations=200)
    assert result.status.startswith("stalled") and "use substeps=" in result.status


def test_validation_ends_the_descent_and_gives_back_the_best_iterate():
    """Towards 1 past 1/2, where validation is smallest: the result is the iterate nearest to 1/2."""
    seen = []

    def validation(w):
        seen.append(abs(w[0] - 0.5))
        return seen[-1]

    risk = quadratic(a=(1.0, 1.0))
    result = tfl.descend(risk, np.zeros(2), tfl.GradientDescent(0.1), iterations=100, validation=validation, patience=4)
    best = int(np.argmin(seen))
    assert best > 0 and len(seen) == result.iterations + 1 == best + 5
    np.testing.assert_array_equal(result.history["validation"], seen)
    np.testing.assert_allclose(result.control, 1 - 0.9**best, rtol=tolerances.SAME)
    assert result.value == risk(result.control) == result.history["risk"][best]
    assert result.status.startswith(
        f"validation: {seen[best]:.6g} at iteration {best}, not lowered in the 4 iterations"
    )


def test_a_control_that_validation_refuses_is_not_the_best():
    def validation(w):
        if w[0] > 0.3:
            raise NumericalError("out of range")
        return np.nan if w[0] == 0 else 1.0

    result = tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(0.1), validation=validation, patience=3)
    np.testing.assert_array_equal(result.history["validation"][:2], [np.inf, 1.0])
    assert result.control[0] == pytest.approx(0.1) and result.iterations == 4


@pytest.mark.parametrize(
    ("keywords", "words"),
    [({"validation": 3.0}, "validation must be a Risk or a function"), ({"patience": 0}, "patience must be a whole")],
)
def test_validation_that_makes_no_sense(keywords, words):
    with pytest.raises(tfl.InputError, match=words):
        tfl.descend(quadratic(), np.zeros(2), tfl.GradientDescent(0.1), **keywords)


@pytest.mark.slow
def test_substeps_are_refined_where_stability_stops_the_descent(tmp_path):
    """What stalls at the stability limit goes on with more substeps, says so in the history, and is resumed exactly."""
    torus = tfl.Torus((24, 24), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=2, substeps=1)
    risk, start = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.banana(torus))), model.space.zeros()
    stalled = tfl.descend(risk, start, tfl.LBFGS(), 30)
    assert stalled.status.startswith("stalled") and "stability of the transport" in stalled.status
    refined = tfl.descend(risk, start, tfl.LBFGS(), 30, refine=True)
    substeps = refined.history["substeps"]
    assert substeps[0] == 1 and substeps[-1] >= 2 and refined.value < 0.8 * stalled.value
    path = tmp_path / "run.h5"
    tfl.descend(risk, start, tfl.LBFGS(), int(np.argmax(substeps > 1)) + 1, refine=True, store=path)
    again = tfl.descend(risk, start, tfl.LBFGS(), 30, refine=True, store=path, resume=True)
    np.testing.assert_array_equal(again.history["risk"], refined.history["risk"])
    assert tfl.load(path).risk.model.substeps == substeps[-1]
    with pytest.raises(tfl.InputError, match=r"lacks\. Leave refine out"):
        tfl.descend(quadratic(), np.zeros(2), tfl.LBFGS(), refine=True)


def test_trouble_with_densities_is_said_with_the_iteration_it_began(rng):
    """A control that the grid does not resolve leaves a density with undershoots and a heavy tail."""
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(1.5, 0.05), tfl.densities.uniform(torus), layers=2, substeps=8)
    target = tfl.densities.von_mises(torus, 0.5, 60.0)
    result = tfl.descend(tfl.Risk(model, tfl.losses.SquaredL2(target)), model.space.zeros(), tfl.LBFGS(), 10)
    assert result.history["minimum"][-1] < 0 and result.history["tail"][-1] > 0.01
    first = int(np.argmax(result.history["minimum"] < -1e-8))
    assert f"the density is negative somewhere, down to {result.history['minimum'][-1]:.2g}" in result.status
    assert f"(since iteration {first})" in result.status and "outer third of the modes" in result.status
