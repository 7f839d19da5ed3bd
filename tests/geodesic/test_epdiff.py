"""EPDiff with a density carried along: derivative and transpose of the rate and of the steps, order, refusals."""

import numpy as np
import pytest
from geodesics import c15, c16
from tolerances import ADJOINT, FINITE_DIFFERENCE, ORDER

import torusflow as tfl
from torusflow.errors import NumericalError, UnstableError
from torusflow.geodesic.epdiff import EPDiff
from torusflow.transport.runge_kutta import SCHEMES

SHAPES = [(16,), (17,), (12, 13), (13, 16), (8, 9, 10)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def noise(equation, rng):
    """A state with every kept mode, velocities smooth enough for the metric."""
    torus = equation.torus
    fields = rng.standard_normal((torus.dimension + 1, *torus.shape))
    u_hat = equation.kept * torus.transform(fields[:-1]) / equation.symbol
    return np.concatenate([u_hat, equation.project(fields[-1])[None]])


def inner(equation, a, b):
    """<., .>_V of velocities plus the mean of products of densities."""
    torus = equation.torus
    weights = np.concatenate([np.repeat(equation.symbol[None], torus.dimension, axis=0), np.ones_like(a[-1:].real)])
    return torus.inner(torus.inverse(weights * a), torus.inverse(b))


def size(equation, a):
    return np.sqrt(inner(equation, a, a))


@every_shape
def test_the_transpose_is_that_of_the_derivative(shape, rng):
    equation = EPDiff(tfl.Torus(shape), tfl.SobolevMetric(2.0, 0.1), densities=1)
    at = equation.fields(noise(equation, rng))
    for _ in range(3):
        change, weight = noise(equation, rng), noise(equation, rng)
        forth, back = equation.tangent(at, equation.fields(change)), equation.transpose(at, weight)
        gap = inner(equation, forth, weight) - inner(equation, change, back)
        assert abs(gap) <= ADJOINT * size(equation, back) * size(equation, change)


@every_shape
def test_the_rate_is_quadratic(shape, rng):
    """So a central difference is its derivative, whatever the step."""
    equation = EPDiff(tfl.Torus(shape), tfl.SobolevMetric(2.0, 0.1), densities=1)
    state, change = noise(equation, rng), noise(equation, rng)
    sides = [equation.rate(equation.fields(state + sign * change)) for sign in (1, -1)]
    tangent = equation.tangent(equation.fields(state), equation.fields(change))
    assert size(equation, (sides[0] - sides[1]) / 2 - tangent) <= ADJOINT * size(equation, tangent)


@every_shape
def test_steps_have_an_exact_transpose(shape, rng):
    equation = EPDiff(tfl.Torus(shape), tfl.SobolevMetric(3.0, 0.3), densities=1)
    start = noise(equation, rng)
    start[:-1] *= 0.1 / np.max(np.abs(equation.fields(start).velocity))
    states = equation.push(start, 5)
    change, weight = noise(equation, rng), noise(equation, rng)
    forth, back = equation.push_tangent(states, change), equation.push_transpose(states, weight)
    gap = inner(equation, forth, weight) - inner(equation, change, back)
    assert abs(gap) <= ADJOINT * size(equation, back) * size(equation, change)
    e = 1e-3 * size(equation, start) / size(equation, change)
    near, far = (np.diff([equation.push(start + h * change, 5)[-1] for h in (-s, s)], axis=0)[0] for s in (e, 2 * e))
    error = (8 * near - far) / (12 * e) - forth
    assert size(equation, error) <= FINITE_DIFFERENCE * size(equation, forth)


def test_a_density_moves_as_by_the_continuity_equation(rng):
    """A constant field is a geodesic and moves the density as it is: by five cells of the grid."""
    torus = tfl.Torus((30,))
    equation = EPDiff(torus, tfl.SobolevMetric(2.0, 0.1), densities=1)
    density = equation.project(tfl.densities.von_mises(torus, 0.3, 1.0).values)
    start = np.stack([torus.transform(np.full(30, 5 / 30)), density])
    end = equation.push(start, 400)[-1]
    np.testing.assert_allclose(end[0], start[0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(torus.inverse(end[1]), np.roll(torus.inverse(density), 5), rtol=0, atol=1e-8)


@pytest.mark.parametrize("case", [c15, c16])
def test_order_four_against_adaptive_steps(case):
    torus, metric, u0 = case(48)
    equation, counts = EPDiff(torus, metric), [10, 20, 40]
    exact = tfl.geodesic.shoot(torus, metric, 0.5 * u0, tolerance=1e-13).velocity[0]
    errors = [torus.norm(torus.inverse(equation.push(torus.transform(0.5 * u0), n)[-1]) - exact) for n in counts]
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope + 4) < ORDER and errors[-1] < 1e-7


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_order_of_every_scheme(scheme):
    torus, metric, u0 = c15(48)
    equation, counts = EPDiff(torus, metric, scheme=scheme), [20, 30, 40]
    exact = tfl.geodesic.shoot(torus, metric, 0.5 * u0, tolerance=1e-13).velocity[0]
    errors = [torus.norm(torus.inverse(equation.push(torus.transform(0.5 * u0), n)[-1]) - exact) for n in counts]
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope + scheme.order) < ORDER and errors[0] < 1e-6


class TestRefusals:
    def test_a_step_that_is_too_long_names_the_time_and_the_steps(self):
        torus, metric, u0 = c15(48)
        equation = EPDiff(torus, metric, densities=1)
        start = np.concatenate([torus.transform(2 * u0), equation.project(np.ones(48))[None]])
        with pytest.raises(UnstableError, match=r"at time 0 of 1 the Courant number .* use steps=\d+") as caught:
            equation.push(start, 4)
        gentle = np.concatenate([start[:-1] / 4, start[-1:]])
        assert caught.value.courant > 2.83 and caught.value.substeps > 4
        assert equation.push(gentle, caught.value.substeps)[-1].shape == start.shape

    def test_what_becomes_finer_than_the_grid(self):
        torus = tfl.Torus((48,))
        u0 = torus.transform(np.sin(2 * np.pi * torus.points[0])[None])
        with pytest.raises(NumericalError, match=r"at time 0\.\d+ of 1 the geodesic is finer than the grid \(48,\)"):
            EPDiff(torus, tfl.SobolevMetric(1.0, 0.05)).push(u0, 100)

    def test_energy_that_drifts(self, monkeypatch):
        monkeypatch.setattr("torusflow.geodesic.epdiff.LARGEST_DRIFT", 1e-6)
        torus, metric, u0 = c15(32)
        with pytest.raises(NumericalError, match=r"at time .* energy has drifted by .* in steps of 1/8. Use steps=16"):
            EPDiff(torus, metric).push(torus.transform(0.9 * u0), 8)

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("size", [1e20, 1e200])
    def test_what_leaves_the_range_of_numbers(self, size):
        torus, metric, u0 = c15(32)
        with pytest.raises(NumericalError):
            EPDiff(torus, metric).push(torus.transform(size * u0), 4)
