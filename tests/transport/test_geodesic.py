"""EPDiff: C15 and C16, what is conserved, symmetries, particles that carry momentum, refusals."""

import numpy as np
import pytest
from tolerances import REFERENCE_EQUATION

import torusflow as tfl
from torusflow.errors import InputError, NumericalError
from torusflow.transport.geodesic import shoot

# The project's bounds for the reference geodesics and for the drift of the energy. Absolute.
REFERENCE_GEODESIC = 1e-7
DRIFT = 1e-8
TWO_PI = 2 * np.pi


def c15(n):
    torus = tfl.Torus((n,))
    x = torus.points[0]
    return torus, tfl.SobolevMetric(2.0, 0.3), (0.2 * (np.sin(TWO_PI * x) + 0.5 * np.cos(2 * TWO_PI * x)) + 0.1)[None]


def c16(n):
    torus = tfl.Torus((n, n))
    x, y = torus.points
    u0 = 0.1 * np.stack([np.sin(TWO_PI * y) + 0.5 * np.cos(TWO_PI * x), np.sin(TWO_PI * (x + y))])
    return torus, tfl.SobolevMetric(3.0, 0.15), u0


@pytest.mark.parametrize("n", [80, 92])
def test_c15(n):
    path = shoot(*c15(n), times=[0.0, 0.5])
    np.testing.assert_allclose(path.energy, 1.581666426552, rtol=0, atol=REFERENCE_EQUATION)
    values = path.velocity[1, 0, 0], path.velocity[1, 0, n // 4]
    np.testing.assert_allclose(values, (0.152343765, 0.294036194), rtol=0, atol=REFERENCE_GEODESIC)


@pytest.mark.parametrize("n", [64, 75])
def test_c16(n):
    path = shoot(*c16(n), times=[1.0], tolerance=1e-11)
    np.testing.assert_allclose(path.energy, 0.149102151651, rtol=0, atol=REFERENCE_EQUATION)
    np.testing.assert_allclose(path.velocity[0, :, 0, 0], (0.023478248, -0.001134733), rtol=0, atol=REFERENCE_GEODESIC)


@pytest.mark.parametrize("case", [c15, c16])
def test_energy_and_mean_momentum_are_conserved(case):
    torus, metric, u0 = case(64)
    path = shoot(torus, metric, u0, times=np.linspace(0, 1, 6))
    assert np.ptp(path.energy) <= DRIFT and np.max(np.abs(path.velocity[-1] - u0)) > 0.01
    for component in range(torus.dimension):
        means = [torus.mean(m[component]) for m in path.momentum]
        assert np.ptp(means) < 1e-12
    assert path.length == pytest.approx(np.sqrt(path.energy[0]))


def test_the_drift_is_that_of_the_time_steps():
    """On a grid far too coarse the energy is still conserved to the tolerance: the equation in space conserves it."""
    torus, metric, u0 = c15(16)
    coarse, fine = (shoot(torus, metric, u0, [0.0, 0.3], tolerance=t).energy for t in (1e-4, 1e-12))
    assert np.ptp(fine) < 1e-11 < 1e-9 < np.ptp(coarse) < 1e-5


@pytest.mark.parametrize("shape", [(16,), (9, 12), (8, 9, 7)], ids=str)
def test_constant_fields_are_geodesics(shape):
    torus = tfl.Torus(shape)
    u0 = np.ones((len(shape), *shape)) * np.arange(1, len(shape) + 1).reshape(-1, *[1] * len(shape))
    path = shoot(torus, tfl.SobolevMetric(2.0), u0, times=[3.0])
    # Steps as long as the tolerance allows, so round-off grows to it and no further.
    np.testing.assert_allclose(path.velocity[0], u0, rtol=0, atol=DRIFT)


@pytest.mark.parametrize("case", [c15, c16])
def test_time_reversal_returns_to_the_start(case):
    torus, metric, u0 = case(64)
    there = shoot(torus, metric, u0, times=[0.5]).velocity[0]
    back = shoot(torus, metric, -there, times=[0.5]).velocity[0]
    np.testing.assert_allclose(-back, u0, rtol=0, atol=DRIFT)


def test_translations_and_a_third_axis_change_nothing():
    torus, metric, u0 = c16(36)
    plain = shoot(torus, metric, u0, times=[0.4]).velocity[0]
    moved = shoot(torus, metric, np.roll(u0, (3, 5), (1, 2)), times=[0.4]).velocity[0]
    np.testing.assert_allclose(moved, np.roll(plain, (3, 5), (1, 2)), rtol=0, atol=1e-10)
    thick = np.zeros((3, 36, 36, 5))
    thick[:2] = u0[..., None]
    cube = shoot(tfl.Torus((36, 36, 5)), metric, thick, times=[0.4]).velocity[0]
    np.testing.assert_allclose(cube[:2], np.broadcast_to(plain[..., None], cube[:2].shape), rtol=0, atol=1e-9)
    np.testing.assert_allclose(cube[2], 0, atol=1e-12)


def test_momentum_is_carried_by_the_flow():
    """m_t(Phi(x)) Phi'(x)^2 = m_0(x) in one dimension: the conservation law that EPDiff states, by another solver."""
    torus, metric, u0 = c15(96)
    layers = 100
    middles = (np.arange(layers) + 0.5) / layers * 0.2
    path = shoot(torus, metric, u0, times=[0.0, *middles, 0.2])
    model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers, band=30, substeps=1)
    flow = tfl.FlowMap(model, model.space.from_grid(0.2 * path.velocity[1:-1]))
    x = torus.points[0][:, None]
    from torusflow.torus.evaluation import interpolate

    carried = interpolate(torus, path.momentum[-1, 0], flow(x)) * flow.jacobian(x)[:, 0, 0] ** 2
    error = np.max(np.abs(carried - path.momentum[0, 0]))
    assert error < 1e-4 * np.max(np.abs(path.momentum[0]))


class TestBadInput:
    def test_what_becomes_finer_than_the_grid(self):
        torus = tfl.Torus((48,))
        u0 = np.sin(TWO_PI * torus.points[0])[None]
        with pytest.raises(NumericalError, match=r"at time 0\.\d+ of 5 the geodesic is finer than the grid \(48,\)"):
            shoot(torus, tfl.SobolevMetric(1.0, 0.05), u0, times=[5.0], tolerance=1e-6)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"torus": (16,)}, "takes a Torus and a SobolevMetric first"),
            ({"metric": tfl.SobolevMetric(0.5)}, "smoothness >= 1, got 0.5"),
            ({"u0": np.zeros(16)}, r"finite velocity \(1, 16\)"),
            ({"u0": np.full((1, 16), np.nan)}, "finite velocity"),
            ({"u0": np.zeros((1, 15))}, "has shape"),
            ({"times": [0.2, 0.1]}, "times must increase"),
            ({"times": [-1.0]}, "shoot with -u0"),
            ({"times": ["a"]}, "times must be numbers"),
            ({"tolerance": 0}, "tolerance must be a number between"),
        ],
    )
    def test_arguments(self, arguments, words):
        given = {"torus": tfl.Torus((16,)), "metric": tfl.SobolevMetric(2.0), "u0": np.zeros((1, 16)), **arguments}
        with pytest.raises(InputError, match=words):
            shoot(**given)

    def test_rest_stays_at_rest(self):
        path = shoot(tfl.Torus((16,)), tfl.SobolevMetric(2.0), np.zeros((1, 16)), times=[0.0, 1.0])
        assert not np.any(path.velocity) and path.length == 0
