"""Flow maps: the exact map of C2, inverses, determinants, compositions, and agreement with the spectral solver."""

import numpy as np
import pytest
from tolerances import ADJOINT, LATTICE, NONUNIFORM, ORDER

import torusflow as tfl
from torusflow.errors import InputError, NumericalError
from torusflow.models.geodesic_node import GeodesicNODE

METRIC = tfl.SobolevMetric(3.0, 0.2)
DIMENSIONS = [(32,), (24, 25), (12, 13, 14)]
# Phi o Phi^(-1): the project's bound. Absolute.
ROUND_TRIP = 1e-9


def node(shape, layers=3, band=4, substeps=6):
    torus = tfl.Torus(shape)
    return tfl.MeasureNODE(
        torus, METRIC, tfl.densities.uniform(torus), layers, min(band, (min(shape) - 1) // 3), substeps
    )


def control(model, rng, speed=0.3):
    v = model.space.random(rng)
    return v * (speed / np.max(np.abs(model.space.to_grid(v))))


def compression(a, layers=2, substeps=60):
    """C2 in one dimension: v = a sin(2 pi x)/(2 pi)."""
    model = node((32,), layers, 3, substeps)
    return model, model.space.from_function(lambda s, x: (a * np.sin(2 * np.pi * x) / (2 * np.pi),))


@pytest.mark.slow
def test_c2_exactly(rng):
    a, x = 1.2, rng.random((40, 1)) - 0.5
    model, v = compression(a)
    flow = tfl.FlowMap(model, v)
    expected = np.arctan(np.exp(a) * np.tan(np.pi * x)) / np.pi
    np.testing.assert_allclose(flow(x), expected, rtol=0, atol=1e-10)
    slope = 1 / (np.exp(-a) * np.cos(np.pi * x) ** 2 + np.exp(a) * np.sin(np.pi * x) ** 2)
    np.testing.assert_allclose(flow.jacobian(x)[:, 0], slope, rtol=0, atol=1e-9)
    np.testing.assert_allclose(flow.log_determinant(x), np.log(slope[:, 0]), rtol=0, atol=1e-9)
    back = np.arctan(np.exp(-a) * np.tan(np.pi * x)) / np.pi
    np.testing.assert_allclose(flow.inverse(x), back, rtol=0, atol=1e-10)


def test_order_four_in_the_steps(rng):
    a, x = 1.2, rng.random((20, 1)) - 0.5
    expected, steps, errors = np.arctan(np.exp(a) * np.tan(np.pi * x)) / np.pi, [8, 16, 32], []
    model, v = compression(a)
    for substeps in steps:
        errors.append(np.max(np.abs(tfl.FlowMap(model, v, substeps)(x) - expected)))
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope + 4) < ORDER and errors[-1] < 1e-6


@pytest.mark.parametrize("at", [0.0, 0.2, 1 / 3, 0.77, 1.0])
def test_any_time(at):
    """C2 again: a field that does not change in time, cut within a layer."""
    x = np.linspace(-0.45, 0.45, 9)[:, None]
    model, v = compression(0.8)
    expected = np.arctan(np.exp(0.8 * at) * np.tan(np.pi * x)) / np.pi
    np.testing.assert_allclose(tfl.FlowMap(model, v)(x, at), expected, rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("shape", DIMENSIONS, ids=str)
def test_inverse_both_ways(shape, rng):
    model = node(shape)
    flow, x = tfl.FlowMap(model, control(model, rng)), 3 * rng.random((30, len(shape))) - 1
    assert np.max(np.abs(flow(x) - x)) > 0.05
    np.testing.assert_allclose(flow.inverse(flow(x)), x, rtol=0, atol=ROUND_TRIP)
    np.testing.assert_allclose(flow(flow.inverse(x)), x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(flow(flow.inverse(x, 0.4), 0.4), x, rtol=0, atol=1e-12)


def test_the_inverse_is_that_of_the_discrete_map(rng):
    """With a single long step a layer the flow run backwards is no inverse; Newton's method finds it all the same."""
    model = node((24, 25), substeps=1)
    v, x = control(model, rng, 0.5), rng.random((30, 2))
    flow = tfl.FlowMap(model, v)
    backwards = tfl.FlowMap(model, -v[::-1])
    assert np.max(np.abs(flow(backwards(x)) - x)) > 1e-6
    np.testing.assert_allclose(flow(flow.inverse(x)), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", DIMENSIONS, ids=str)
def test_jacobians_against_differences(shape, rng):
    model, d, h = node(shape, substeps=2), len(shape), 1e-3
    flow, x = tfl.FlowMap(model, control(model, rng)), rng.random((10, len(shape)))
    jacobian = flow.jacobian(x)
    for j, e in enumerate(np.eye(d)):
        near, far = flow(x + h * e) - flow(x - h * e), flow(x + 2 * h * e) - flow(x - 2 * h * e)
        np.testing.assert_allclose(jacobian[:, :, j], (8 * near - far) / (12 * h), rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.log_determinant(x), np.log(np.linalg.det(jacobian)), rtol=0, atol=ADJOINT)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(48,), (48, 49)], ids=str)
def test_densities_are_pushed_as_by_the_spectral_solver(shape, rng):
    """The map against the continuity equation, on the grid and off it."""
    torus = tfl.Torus(shape)
    initial = tfl.densities.von_mises(torus, 0.3, 0.4)
    model = tfl.MeasureNODE(torus, METRIC, initial, layers=2, band=2, substeps=40)
    v = control(model, rng, 0.1)
    flow, rho = tfl.FlowMap(model, v), model(v)
    assert model.tail(rho) < 1e-15
    x = np.stack([axis.ravel() for axis in torus.points], axis=1)
    np.testing.assert_allclose(flow.push_forward_density(initial, x), rho.ravel(), rtol=0, atol=LATTICE)
    off = rng.random((50, len(shape)))
    pushed = tfl.densities.from_array(torus, rho, normalise=True)
    identity = tfl.FlowMap(model, model.space.zeros())
    np.testing.assert_allclose(
        flow.push_forward_density(initial, off), identity.pull_back(pushed, off), rtol=0, atol=LATTICE
    )


@pytest.mark.slow
def test_composition_and_functions(rng):
    model = node((24, 25))
    first, second = (tfl.FlowMap(model, control(model, rng)) for _ in range(2))
    both, x = second @ first, rng.random((12, 2))
    assert both.duration == pytest.approx(2)
    np.testing.assert_allclose(both(x), second(first(x)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(both(x, 1.0), first(x), rtol=0, atol=1e-12)
    chained = second.log_determinant(first(x)) + first.log_determinant(x)
    np.testing.assert_allclose(both.log_determinant(x), chained, rtol=0, atol=1e-12)

    def wave(points):
        return np.sin(2 * np.pi * points[:, 0]) + points[:, 1] * 0

    np.testing.assert_allclose(first.pull_back(wave, x), wave(first(x)))
    np.testing.assert_allclose(first.push_forward(wave, first(x)), wave(x), atol=1e-10)


@pytest.mark.parametrize("shape", [(16,), (15,), (12, 15), (9, 10, 8)], ids=str)
def test_grid_functions_are_interpolated_by_their_series(shape, rng):
    from torusflow.torus.scattered import interpolate

    torus = tfl.Torus(shape)
    x = np.stack([axis.ravel() for axis in torus.points], axis=1)
    f = rng.standard_normal(shape)
    np.testing.assert_allclose(interpolate(torus, f, x), f.ravel(), rtol=0, atol=NONUNIFORM * 100)
    off = rng.random((9, len(shape)))
    wave = np.cos(2 * np.pi * (2 * torus.points[0] + 0.1))
    expected = np.cos(2 * np.pi * (2 * off[:, 0] + 0.1))
    np.testing.assert_allclose(interpolate(torus, wave, off), expected, rtol=0, atol=NONUNIFORM)


class TestBadInput:
    def test_folding_is_named_with_the_substeps_that_avoid_it(self):
        model = node((32,), layers=1, band=8, substeps=1)
        v = model.space.from_function(lambda s, x: (0.4 * np.sin(2 * np.pi * 6 * x),))
        flow, x = tfl.FlowMap(model, v), np.linspace(0, 1, 200)[:, None]
        with pytest.raises(NumericalError, match=r"folds at \d+ of 200 points.*Use substeps=(\d+)") as folded:
            flow.log_determinant(x)
        needed = int(str(folded.value).split("substeps=")[1].rstrip("."))
        better = tfl.FlowMap(model, v, needed)
        assert np.all(np.isfinite(better.log_determinant(x)))
        with pytest.raises(NumericalError, match="substeps="):
            flow.inverse(x)

    @pytest.mark.parametrize("shape", [(32,), (26, 27), (26, 27, 28)], ids=str)
    def test_a_folded_map_has_no_inverse_anywhere(self, shape):
        """Newton's method alone would find one of several inverse images of this point."""
        model, d = node(shape, layers=1, band=8, substeps=1), len(shape)
        v = model.space.from_function(lambda s, *x: [0.4 * np.sin(2 * np.pi * 6 * x[0]), *[0.0] * (d - 1)])
        words = r"folds at \d+ of \d+ points of a lattice .* so it has no inverse.*Use substeps=31"
        with pytest.raises(NumericalError, match=words):
            tfl.FlowMap(model, v).inverse(np.full((1, d), 0.02))

    def test_points_without_an_inverse_image_are_counted(self):
        """Folds that the lattice does not see: it meets every wave of the velocity at its zeros."""
        model = node((400,), layers=1, band=128, substeps=1)
        v = model.space.from_function(lambda s, x: (0.004 * np.sin(2 * np.pi * 128 * x),))
        flow = tfl.FlowMap(model, v)
        y = np.concatenate([np.arange(8) / 128, np.linspace(0, 1, 500)])[:, None]
        assert np.min(flow.jacobian(np.linspace(0, 1, 4001)[:, None])) < 0
        words = r"cannot be inverted at \d+ of 508 points, the first is row \d+: .* Use substeps=7"
        with pytest.raises(NumericalError, match=words):
            flow.inverse(y)

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda flow: flow([[0.1, 0.2, 0.3]]), r"have shape \(N, 2\), got \(1, 3\)"),
            (lambda flow: flow([0.1, 0.2]), r"have shape \(N, 2\)"),
            (lambda flow: flow([[0.1, np.nan], [0, 0]]), "1 of 2 points are not finite, the first is row 0"),
            (lambda flow: flow("ab"), "points must be an array of real numbers"),
            (lambda flow: flow([[0.1, 0.2]], 1.5), "0 <= s <= 1, got 1.5"),
            (lambda flow: flow([[0.1, 0.2]], "end"), "must be a time of the flow"),
            (lambda flow: flow @ (lambda x: x), "only flow maps"),
            (lambda flow: flow.pull_back(3, [[0.1, 0.2]]), "got a int"),
            (lambda flow: flow.pull_back(lambda x: x, [[0.1, 0.2]]), "must give 1 real numbers"),
        ],
    )
    def test_points_times_and_functions(self, call, words):
        model = node((12, 13))
        with pytest.raises(InputError, match=words):
            call(tfl.FlowMap(model, model.space.zeros()))

    def test_models_and_steps(self):
        with pytest.raises(InputError, match="got a LinearNODE"):
            tfl.FlowMap(tfl.LinearNODE(np.eye(2), 2), np.zeros((2, 2, 2)))
        torus = tfl.Torus((12,))
        along = GeodesicNODE(torus, METRIC, tfl.densities.uniform(torus))  # its velocity changes: no flow of one field
        with pytest.raises(InputError, match="got a GeodesicNODE"):
            tfl.FlowMap(along, along.space.zeros(), 4)
        model = node((12, 13))
        with pytest.raises(InputError, match="substeps must be a whole number"):
            tfl.FlowMap(model, model.space.zeros(), 0)
        with pytest.raises(InputError, match="a control of this model has shape"):
            tfl.FlowMap(model, np.zeros(3))

    def test_no_points_are_no_mistake(self):
        model = node((12, 13))
        flow = tfl.FlowMap(model, model.space.zeros())
        assert flow(np.zeros((0, 2))).shape == (0, 2)
