"""The gradient flow against closed forms, its times, its status, and real against complex controls."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow.losses import SquaredDistance


def linear_risk():
    model = tfl.LinearNetwork(np.diag([1.0, 2.0]), (1,))
    return tfl.Risk(model, SquaredDistance(np.array([[1.0, 1.0]])))


def test_quadratics_relax_exponentially():
    """w_j(t) = (1 - exp(-x_j^2 t))/x_j."""
    times = (0.0, 0.3, 1.0, 2.5)
    result = tfl.descend(linear_risk(), np.zeros(2), tfl.GradientFlow(2.5, 1e-11, times))
    x, t = np.array([1.0, 2.0]), np.array(times)[:, None]
    np.testing.assert_array_equal(result.times, times)
    np.testing.assert_allclose(result.controls, (1 - np.exp(-(x**2) * t)) / x, atol=1e-9)
    np.testing.assert_array_equal(result.controls[-1], result.control)
    assert result.status.startswith("final time 2.5 reached")
    assert set(times) <= set(result.history["time"]) and np.all(np.diff(result.history["risk"]) < 0)


def test_small_steps_of_descent_follow_the_flow():
    """Order one in the step, on one time axis."""
    risk = linear_risk()
    flow = tfl.descend(risk, np.zeros(2), tfl.GradientFlow(1.0, 1e-11)).control
    gaps = []
    for step in (0.02, 0.01, 0.005):
        result = tfl.descend(risk, np.zeros(2), tfl.GradientDescent(step), iterations=round(1 / step))
        assert result.history["time"][-1] == pytest.approx(1.0)
        gaps.append(np.linalg.norm(result.control - flow))
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1) and gaps[1] / gaps[2] == pytest.approx(2, rel=0.1)


def test_complex_controls_flow_as_well():
    """On a density: the risk falls at the rate |grad|^2, and mass stays."""
    torus = tfl.Torus((24, 24))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=2, band=4)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 0.3)))
    h = 1e-3
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientFlow(2 * h, 1e-12, (0.0, h, 2 * h)))
    risks = [risk(w) for w in result.controls]
    _, gradient = risk.value_and_gradient(result.controls[1])
    rate = -model.space.inner(gradient, gradient)
    assert (risks[2] - risks[0]) / (2 * h) == pytest.approx(rate, rel=1e-3)
    assert np.max(np.abs(result.history["mass"] - 1)) <= tolerances.MASS


class Fenced:
    """w -> w, but an error beyond a distance from zero."""

    def __init__(self, fence):
        self.fence = fence
        self.space = self.output_space = tfl.LinearNetwork([[1.0]], (1,)).space

    def __call__(self, w):
        return self.linearise(w).output

    def linearise(self, w):
        if np.max(np.abs(w)) > self.fence:
            raise tfl.NumericalError(f"beyond the fence at {self.fence}.")
        self.output = np.array(w)
        return self

    def tangent(self, dw):
        return dw

    def adjoint(self, p):
        return p


def test_steps_too_long_by_far_are_taken_back():
    """With a loose tolerance a matrix exponential at a stage overflows; the flow itself has no such matrices."""
    rng = np.random.default_rng(5)
    model = tfl.LinearNODE(10 * rng.standard_normal((2, 4)), 3)
    risk = tfl.Risk(model, SquaredDistance(30 * rng.standard_normal((2, 4))))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientFlow(1e3, 1e-2), iterations=20)
    assert result.status.startswith("iteration limit") and np.all(np.diff(result.history["risk"]) < 0)


def test_a_flow_that_leaves_the_range_stalls_there_and_says_why():
    risk = tfl.Risk(Fenced(4.0), SquaredDistance([8.0]))
    result = tfl.descend(risk, np.array([1.0]), tfl.GradientFlow(60.0, 1e-9))
    assert result.status.startswith("stalled") and "beyond the fence at 4" in result.status
    assert result.control[0] == pytest.approx(4, rel=1e-6) and result.control[0] <= 4


def test_limits_stop_it_too():
    result = tfl.descend(linear_risk(), np.zeros(2), tfl.GradientFlow(1e6), iterations=3)
    assert result.status.startswith("iteration limit: 3")
    result = tfl.descend(linear_risk(), np.zeros(2), tfl.GradientFlow(1e6), gradient_tolerance=1e-4)
    assert result.status.startswith("converged") and result.times.shape == (0,) and result.controls.shape == (0, 2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tfl.GradientFlow(0), "final_time must be a positive number"),
        (lambda: tfl.GradientFlow(np.inf), "final_time must be a positive number"),
        (lambda: tfl.GradientFlow(1.0, 0.5), "tolerance must be a positive number below 0.1"),
        (lambda: tfl.GradientFlow(1.0, 1e-15), "below what doubles can give"),
        (lambda: tfl.GradientFlow(1.0, times=(0.5, 0.2)), r"times must increase within \[0, 1\]"),
        (lambda: tfl.GradientFlow(1.0, times=(0.5, 2.0)), r"times must increase within \[0, 1\]"),
        (lambda: tfl.GradientFlow(1.0, times=(np.nan,)), r"times must increase within \[0, 1\]"),
        (
            lambda: tfl.GradientFlow(1.0, times=0.5),
            r"times must be a sequence of numbers such as \(0.5, 1.0\), got 0.5",
        ),
        (lambda: tfl.GradientFlow(1.0, times=None), "times must be a sequence of numbers"),
        (lambda: tfl.GradientFlow(1.0, times="01"), "times must be a sequence of numbers"),
        (lambda: tfl.GradientFlow(1.0, times=(1j,)), "times must be a sequence of numbers"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()
