"""Implicit steps: their order, their linear systems, and the flows that they are for."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import torusflow as tfl
from torusflow import InputError, UnfinishedError
from torusflow.losses.loss import HasCurvature
from torusflow.porous_medium import implicit_steps, time_steps
from torusflow.porous_medium.local_inverse import LocalInverse

TRIVIAL = tfl.SobolevMetric(0.0)
UNRESOLVED = pytest.mark.filterwarnings("ignore:the grid hardly resolves")


def to_uniform(torus):
    return tfl.losses.SquaredL2(tfl.densities.uniform(torus))


def hill(torus, contrast):
    """exp(k cos 2 pi x), its largest value so many times the smallest."""
    k = np.log(contrast) / 2
    return tfl.densities.from_function(torus, lambda x: np.exp(k * np.cos(2 * np.pi * x)), normalise=True)


@dataclass(frozen=True, eq=False)
class WithoutCurvature:
    """A loss of which nothing but the value and the gradient is known."""

    loss: tfl.losses.SquaredL2

    def check(self, space):
        self.loss.check(space)

    def __call__(self, rho):
        return self.loss(rho)

    def gradient(self, rho):
        return self.loss.gradient(rho)


def losses_on(torus):
    target = tfl.densities.von_mises(torus, 0.3, 0.8)
    return {
        "SquaredL2": tfl.losses.SquaredL2(target),
        "KL": tfl.losses.KullbackLeibler(target),
        "MMD": tfl.losses.SobolevMMD(target),
        "without curvature": WithoutCurvature(tfl.losses.SquaredL2(target)),
    }


def of_numbers(rate, derivative):
    """dy/dt = rate(y) for an array of one number."""

    def linearise(y):
        slope = derivative(y)
        return time_steps.Derivative(lambda dy: slope * dy, lambda h: lambda r: r)

    return time_steps.Semilinear(
        rate,
        lambda y: 0.0,
        lambda y: float(np.max(np.abs(y))),
        linearise=linearise,
        inner=lambda a, b: float(np.sum(a * b)),
    )


def test_order_of_a_step():
    """Its error is that of order six, h^7, and the estimate is larger."""
    equation, start = of_numbers(lambda y: -(y**2), lambda y: -2 * y), np.array([1.0])
    lengths = np.array([0.1, 0.05])
    found = [implicit_steps.attempt(equation, start, -(start**2), h, 1e-13) for h in lengths]
    errors = [abs(y[0] - 1 / (1 + h)) for h, (y, _) in zip(lengths, found, strict=True)]
    assert np.log2(errors[0] / errors[1]) > 6.4 and errors[0] < 1e-9
    assert all(error < estimate < 20 * error for error, (_, estimate) in zip(errors, found, strict=True))


def test_a_stiff_equation_needs_no_short_steps():
    """dy/dt = -1e8 (y - y^-1): from 2 to 1 at once."""
    equation = of_numbers(lambda y: -1e8 * (y - 1 / y), lambda y: -1e8 * (1 + 1 / y**2))
    path = time_steps.solve(equation, np.array([2.0]), (1.0,), 1e-8)
    assert path.states[0][0] == pytest.approx(1, abs=1e-8)
    assert path.steps < 150 and path.implicit > 0


class TestSystems:
    def systems(self, size, h=0.7, tolerance=1e-10):
        matrix = np.random.default_rng(0).standard_normal((size, size)) - 8 * np.eye(size)
        derivative = time_steps.Derivative(lambda x: matrix @ x, lambda h: lambda r: r / (1 + 8 * h))
        return np.eye(size) - h * matrix, implicit_steps.Systems(derivative, h, np.dot, tolerance)

    def test_they_are_solved(self):
        matrix, systems = self.systems(30)
        for b in np.random.default_rng(1).standard_normal((3, 30)):
            np.testing.assert_allclose(matrix @ systems(b), b, rtol=0, atol=1e-9)

    def test_what_is_known_of_one_right_hand_side_serves_the_next(self):
        matrix, systems = self.systems(30)
        b = np.ones(30)
        systems(b)
        most = len(systems._pairs) + 1  # round-off may ask for one
        np.testing.assert_allclose(matrix @ systems(-3 * b), -3 * b, rtol=0, atol=1e-9)
        assert 10 < len(systems._pairs) <= most < 30

    @pytest.mark.parametrize("b", [np.full(300, np.nan), np.ones(300)])
    def test_what_they_do_not_solve(self, b, monkeypatch):
        monkeypatch.setattr(implicit_steps, "MOST_DIRECTIONS", 10)
        with pytest.raises(tfl.NumericalError, match="too many directions"):
            self.systems(300)[1](b)


@pytest.mark.parametrize("shape", [(31,), (15, 16)], ids=str)
def test_the_local_inverse_is_exact_for_one_diffusivity(shape):
    torus = tfl.Torus(shape, threads=1)
    r = np.random.default_rng(0).standard_normal(shape)
    inverse = LocalInverse(torus, np.full(shape, 0.3), torus.laplacian_symbol)
    applied = torus.inverse(inverse(torus.transform(r)))
    np.testing.assert_allclose(applied + 0.3 * torus.filter(applied, torus.laplacian_symbol), r, atol=1e-10)


@pytest.mark.parametrize("smoothness", [0.0, 2.0])
@pytest.mark.parametrize("name", losses_on(tfl.Torus((8,), threads=1)))
@pytest.mark.parametrize("shape", [(24,), (9, 10), (8, 9, 6)], ids=str)
def test_the_derivative_of_the_rate(shape, name, smoothness):
    torus = tfl.Torus(shape, threads=1)
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(smoothness, 0.1), losses_on(torus)[name])
    rng = np.random.default_rng(0)
    state = flow._join(flow._project(tfl.densities.von_mises(torus, 0.6, 0.5).values), 0.0)
    change = flow._join(flow._project(rng.standard_normal(shape)), 0.0)
    h = 1e-4
    difference = (flow._joint_rate(state + h * change) - flow._joint_rate(state - h * change)) / (2 * h)
    found = flow._joint_derivative(state).apply(change)
    np.testing.assert_allclose(found, difference, rtol=0, atol=1e-6 * np.max(np.abs(difference)))


@UNRESOLVED
@pytest.mark.parametrize("smoothness", [0.0, 2.0])
@pytest.mark.parametrize("name", losses_on(tfl.Torus((8,), threads=1)))
@pytest.mark.parametrize("shape", [(24,), (9, 10), (8, 9, 6)], ids=str)
def test_both_kinds_of_steps_lead_to_the_same(shape, name, smoothness, monkeypatch):
    torus = tfl.Torus(shape, threads=1)
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(smoothness, 0.1), losses_on(torus)[name])
    start = tfl.densities.von_mises(torus, 0.6, 0.5)
    exponential = flow.solve(start, [0.001], tolerance=1e-9)
    monkeypatch.setattr(time_steps, "EXPONENTIAL", time_steps.IMPLICIT)
    implicit = flow.solve(start, [0.001], tolerance=1e-8)
    assert exponential.implicit_steps == 0 < implicit.implicit_steps
    np.testing.assert_allclose(implicit.density, exponential.density, rtol=0, atol=1e-7)
    np.testing.assert_allclose(implicit.dissipated, exponential.dissipated, rtol=0, atol=1e-7)


@pytest.mark.slow
@UNRESOLVED
def test_a_hill_of_contrast_60():
    """Against Radau's method of SciPy on the same rate; with exponential steps alone it takes thousands."""
    torus = tfl.Torus((48,), threads=1)
    flow, start, times = tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)), hill(torus, 60), [0.05]
    found = flow.solve(start, times)
    np.testing.assert_allclose(found.density, by_scipy(flow, start.values, times), rtol=0, atol=1e-7)
    assert found.steps <= 200 and 0 < found.implicit_steps < found.steps


def by_scipy(flow, start, times):
    start = flow.torus.truncate(start, flow.modes)
    found = solve_ivp(
        lambda time, rho: flow.rate(rho), (0, times[-1]), start, method="Radau", t_eval=times, rtol=1e-7, atol=1e-8
    )
    return found.y.T


@pytest.mark.slow
@UNRESOLVED
def test_the_hill_in_two_dimensions():
    """Over a thousand steps without implicit ones; the reference is from the same flow with those."""
    torus = tfl.Torus((48, 48))
    flow = tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus))
    start = tfl.densities.von_mises(torus)
    found = flow.solve(start, [0.02])
    assert found.steps <= 160
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_steps, "FIRST_TRIAL", time_steps.MOST_STEPS)
        exact = flow.solve(start, [0.02], tolerance=1e-9)
    assert exact.steps > 1000 and exact.implicit_steps == 0
    np.testing.assert_allclose(found.density, exact.density, rtol=0, atol=1e-7)


def slow_flow():
    """Modes decay a hundred million times slower the one than the other."""
    torus = tfl.Torus((63,), threads=1)
    target = tfl.densities.from_function(
        torus, lambda x: 1 + 0.1 * sum(np.cos(2 * np.pi * k * x) / k**2 for k in range(1, 21))
    )
    return tfl.TangentFlow(torus, tfl.SobolevMetric(4.0, 0.3), tfl.losses.SquaredL2(target))


@pytest.mark.slow
def test_a_flow_of_very_different_rates():
    """Against SciPy as well; 20,000 exponential steps do not reach the last time."""
    flow, times = slow_flow(), [1e2, 1e4, 1e6]
    found = flow.solve(tfl.densities.uniform(flow.torus), times)
    np.testing.assert_allclose(found.density, by_scipy(flow, np.ones(63), times), rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.loss + found.dissipated, flow.loss(np.ones(63)), rtol=0, atol=1e-7)
    assert found.steps <= 200


class TestGoingOn:
    def flow(self):
        torus = tfl.Torus((32,), threads=1)
        return tfl.TangentFlow(torus, tfl.SobolevMetric(1.0, 0.1), to_uniform(torus)), hill(torus, 5)

    def test_from_where_it_had_to_stop(self, monkeypatch):
        flow, start = self.flow()
        times = [0.001, 0.01, 0.1]
        whole = flow.solve(start, times, tolerance=1e-10)
        monkeypatch.setattr(time_steps, "MOST_STEPS", whole.steps // 2)
        with pytest.raises(
            UnfinishedError, match=r"steps led to time 0\.0.* of 0\.1, .* solution of this error"
        ) as found:
            flow.solve(start, times, tolerance=1e-10)
        reached = found.value.solution
        assert reached.steps == whole.steps // 2 and times[0] < reached.times[-1] < times[-1]
        np.testing.assert_array_equal(reached.density[0], whole.density[0])
        monkeypatch.undo()
        rest = flow.solve(reached, [time for time in times if time > reached.times[-1]], tolerance=1e-10)
        np.testing.assert_allclose(rest.density[-1], whole.density[-1], rtol=0, atol=1e-9)
        np.testing.assert_allclose(rest.dissipated[-1], whole.dissipated[-1], rtol=0, atol=1e-9)

    def test_from_a_solution(self):
        flow, start = self.flow()
        whole = flow.solve(start, [0.01, 0.02])
        rest = flow.solve(flow.solve(start, [0.01]), [0.02])
        np.testing.assert_allclose(rest.density[-1], whole.density[-1], rtol=0, atol=1e-7)
        np.testing.assert_allclose(rest.loss + rest.dissipated, whole.loss[0] + whole.dissipated[0], rtol=0, atol=1e-7)

    def test_only_forwards(self):
        flow, start = self.flow()
        with pytest.raises(InputError, match=r"to go on from is at time 0\.01, times must be later: got 0\.005"):
            flow.solve(flow.solve(start, [0.01]), [0.005, 0.02])

    def test_before_the_first_step_there_is_the_start(self, monkeypatch):
        flow, start = self.flow()
        monkeypatch.setattr(time_steps, "MOST_STEPS", 0)
        with pytest.raises(UnfinishedError) as found:
            flow.solve(start, [0.01])
        np.testing.assert_allclose(found.value.solution.density, [flow.torus.truncate(start.values, flow.modes)])
        np.testing.assert_array_equal(found.value.solution.times, [0])

    def test_a_kink_is_where_it_ends(self):
        torus = tfl.Torus((16,), threads=1)
        flow = tfl.TangentFlow(torus, TRIVIAL, tfl.losses.L2(tfl.densities.uniform(torus)))
        start = 1 + 0.5 * np.cos(2 * np.pi * torus.points[0])
        with pytest.raises(UnfinishedError, match=r"not smooth where the flow has come|cannot be met") as found:
            flow.solve(start, [0.3], tolerance=1e-5)
        solution = found.value.solution
        assert 0 < solution.times[-1] < 0.3 and solution.loss[-1] < 0.1

    def test_the_spectral_solver_gives_what_it_has(self, monkeypatch):
        torus = tfl.Torus((32,), threads=1)
        monkeypatch.setattr(time_steps, "MOST_STEPS", 5)
        with pytest.raises(UnfinishedError) as found:
            tfl.porous_medium.Spectral(torus).solve(hill(torus, 5), [0.0, 0.1])
        assert found.value.solution.steps == 5 and len(found.value.solution.times) == 2


def test_a_finer_grid_is_nothing_to_warn_of():
    """As `test_the_tail_says_that_a_grid_is_too_coarse`, on twice the points; warnings are errors here."""
    torus = tfl.Torus((257,), threads=1)
    start = tfl.densities.from_function(torus, lambda x: 1 + 0.9 * np.cos(2 * np.pi * x))
    found = tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)).solve(start, [0.02], tolerance=1e-4)
    assert found.tail[0] < 1e-8


def test_the_loss_of_these_tests_has_no_curvature():
    torus = tfl.Torus((8,), threads=1)
    assert not isinstance(losses_on(torus)["without curvature"], HasCurvature)
