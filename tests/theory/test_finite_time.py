"""The flow of the unsquared distance through its minimum."""

import numpy as np
import pytest
from scipy.integrate import simpson

import torusflow as tfl
from torusflow.losses import L2, SquaredL2
from torusflow.theory.lojasiewicz import predicted_exponent, time_to_minimum

pytestmark = pytest.mark.filterwarnings("ignore:smoothness", "ignore:the grid hardly resolves")


def flow_to(target, metric=None, loss=L2):
    return tfl.TangentFlow(target.torus, metric or tfl.SobolevMetric(3.0, 0.1), loss(target))


def start_on(torus, eps=0.3):
    return tfl.densities.from_function(
        torus, lambda x: 1 + eps * np.cos(2 * np.pi * x) + eps / 2 * np.sin(4 * np.pi * x)
    )


def test_a_small_wave_arrives_when_its_closed_form_says():
    """L falls at the constant rate |grad L|^2 = (a^2/2) K(1), a = 2 pi sqrt 2: 3.8143^2 for s = 3, l = 0.1."""
    torus, eps = tfl.Torus((48,)), 1e-5
    start = tfl.densities.from_function(torus, lambda x: 1 + eps * np.cos(2 * np.pi * x))
    rate = 4 * np.pi**2 / (1 + 0.01 * 4 * np.pi**2) ** 3
    found = time_to_minimum(flow_to(tfl.densities.uniform(torus)), start, tolerance=1e-12)
    assert found == pytest.approx(eps / np.sqrt(2) / rate, rel=1e-6)


@pytest.mark.slow
def test_it_is_the_integral_of_the_distance_along_the_flow_of_its_square():
    torus, metric = tfl.Torus((25,)), tfl.SobolevMetric(1.5, 0.05)
    target, start = tfl.densities.von_mises(torus, 0.4, 0.5), start_on(torus)
    times = np.linspace(0, 0.4, 121)
    squared = flow_to(target, metric, SquaredL2).solve(start, times, 1e-8)
    distance = np.sqrt(2 * squared.loss)
    expected = simpson(distance, x=times)
    assert time_to_minimum(flow_to(target, metric), start, 1e-7) == pytest.approx(expected, rel=1e-4)


def test_the_flow_can_be_followed_until_then_and_not_beyond():
    torus = tfl.Torus((25,))
    flow, start = flow_to(tfl.densities.uniform(torus), tfl.SobolevMetric(1.5, 0.05)), start_on(torus)
    end = time_to_minimum(flow, start)
    near = flow.solve(start, [0.0, 0.999 * end])
    assert near.loss[1] < 2e-3 * near.loss[0] and near.dissipation[1] > 0.01 * near.dissipation[0]
    with pytest.raises(tfl.NumericalError, match="minimum, reached in finite time"):
        flow.solve(start, [1.01 * end])


def test_a_descent_with_finite_steps_passes_through_the_minimum():
    torus = tfl.Torus((25,))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(1.5, 0.05), start_on(torus), layers=2)
    risk = tfl.Risk(model, L2(tfl.densities.uniform(torus)))
    losses = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(1e-3), iterations=60).history["risk"]
    assert losses[-20:].min() > 0.01 * losses[0] and np.any(np.diff(losses[-20:]) > 0)


@pytest.mark.parametrize(("p", "finite"), [(4.0, True), (1.6, False)])
def test_with_finer_grids_it_stays_finite_where_the_exponent_is_below_one_half(p, finite):
    """R falls like t^(-1/(2 theta - 1)) as long as there are modes, and sqrt R has an integral where theta < 3/4."""
    metric, ends = tfl.SobolevMetric(2.0, 1.0), []
    assert (predicted_exponent(2.0, p, squared=False) < 0.5) == finite
    for n in (16, 32, 64):
        torus = tfl.Torus((n,))
        k = np.arange(1, 6 * n // 16)[: (n - 1) // 3]
        values = 1 + (1e-3 * k**-p) @ np.cos(2 * np.pi * k[:, None] * torus.points[0])
        target = tfl.densities.from_array(torus, values)
        ends.append(time_to_minimum(flow_to(target, metric), tfl.densities.uniform(torus)))
    growth = np.diff(ends)
    assert (growth[1] < 0.7 * growth[0]) if finite else (growth[1] > growth[0] > 0)


def test_at_the_target_it_is_zero():
    torus = tfl.Torus((16,))
    assert time_to_minimum(flow_to(tfl.densities.uniform(torus)), tfl.densities.uniform(torus)) == 0


@pytest.mark.slow
def test_what_never_arrives_is_refused():
    torus = tfl.Torus((28,))
    uniform = tfl.densities.uniform(torus)
    beyond = tfl.densities.from_function(
        torus, lambda x: 1 + 0.1 * np.cos(16 * np.pi * x) + 0.1 * np.cos(2 * np.pi * x)
    )
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(1.5, 0.05), L2(beyond), band=2)
    with pytest.raises(tfl.NumericalError, match="does not come to its target: at time"):
        time_to_minimum(flow, uniform)
    with pytest.raises(tfl.InputError, match="a SquaredL2 takes for ever"):
        time_to_minimum(flow_to(uniform, loss=SquaredL2), uniform)
    with pytest.raises(tfl.InputError, match="flow must be a TangentFlow"):
        time_to_minimum(None, uniform)
