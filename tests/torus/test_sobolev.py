"""The metric's symbol, its kernel and what it accepts."""

import math
import warnings

import numpy as np
import pytest
import reference
from reference import SHAPES, TWO_PI, relative_error
from tolerances import SYMBOL, TRANSFORM

from torusflow.errors import InputError
from torusflow.torus.grid import Torus
from torusflow.torus.sobolev import SobolevMetric

METRICS = [SobolevMetric(3.0, 0.1), SobolevMetric(1.0, 1.0), SobolevMetric(0.5, 0.03), SobolevMetric(2.5, 0.3)]


def largest_weight(metric, torus):
    return metric.symbol(torus.laplacian_symbol.max())


def test_symbol_by_hand():
    """(1 + l^2 |2 pi k|^2)^s with l = 0.1, s = 3, k = (1, 2)."""
    expected = (1 + 0.01 * 5 * TWO_PI**2) ** 3
    assert SobolevMetric(3.0, 0.1).symbol(5 * TWO_PI**2) == pytest.approx(expected, rel=SYMBOL)


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_smoothing_a_wave_divides_it_by_the_symbol(metric):
    torus = Torus((12, 15))
    wave = np.cos(TWO_PI * (2 * torus.points[0] - 3 * torus.points[1]) + 0.3)
    weight = (1 + metric.length**2 * 13 * TWO_PI**2) ** metric.smoothness
    assert np.max(np.abs(metric.smooth(torus, wave) - wave / weight)) < TRANSFORM  # round-off of k = 0 is not divided
    assert relative_error(metric.roughen(torus, wave), wave * weight) < TRANSFORM * largest_weight(metric, torus)


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_smoothing_white_noise_is_numpys(shape, metric, rng):
    m = rng.normal(size=(len(shape), *shape))
    assert relative_error(metric.smooth(Torus(shape), m), reference.smooth(m, shape, metric)) < TRANSFORM


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_smooth_and_roughen_are_inverse(shape, metric, rng):
    torus = Torus(shape)
    u = rng.normal(size=(2, *shape))
    tolerance = TRANSFORM * largest_weight(metric, torus)
    assert relative_error(metric.roughen(torus, metric.smooth(torus, u)), u) < tolerance
    assert relative_error(metric.smooth(torus, metric.roughen(torus, u)), u) < tolerance


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_the_kernel_represents_the_metric(shape, metric, rng):
    """<K*m, u>_V = mean(m . u), with the inner product summed by numpy."""
    torus = Torus(shape)
    m, u = rng.normal(size=(2, len(shape), *shape))
    got = reference.sobolev_inner(metric.smooth(torus, m), u, shape, metric)
    scale = torus.norm(m) * torus.norm(u) * largest_weight(metric, torus)
    assert abs(got - torus.inner(m, u)) < TRANSFORM * scale


@pytest.mark.parametrize("length", [0.0, 0.1, 10.0])
def test_smoothness_zero_is_the_trivial_kernel(length, rng):
    torus, m = Torus((8, 9)), rng.normal(size=(2, 8, 9))
    assert relative_error(SobolevMetric(0.0, length).smooth(torus, m), m) < TRANSFORM
    assert np.all(SobolevMetric(0.0, length).symbol(torus.laplacian_symbol) == 1)


def test_length_zero_is_the_trivial_kernel(rng):
    torus, m = Torus((8, 9)), rng.normal(size=(2, 8, 9))
    assert relative_error(SobolevMetric(3.0, 0.0).smooth(torus, m), m) < TRANSFORM


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_warns_up_to_the_edge_of_diffeomorphisms(dimension):
    edge = dimension / 2 + 1
    with pytest.warns(UserWarning, match=rf"<= d/2 \+ 1 = {edge:g}"):
        SobolevMetric(edge).warn_if_rough(dimension)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SobolevMetric(edge + 0.01).warn_if_rough(dimension)


@pytest.mark.parametrize("name", ["smoothness", "length"])
@pytest.mark.parametrize("value", [-0.1, 10.1, math.nan, math.inf, "3", None, True, 1j, (3.0,)])
def test_numbers_out_of_range(name, value):
    with pytest.raises(InputError, match=f"{name} must be a number between 0 and 10"):
        SobolevMetric(**{name: value})


def test_whole_numbers_are_numbers():
    metric = SobolevMetric(3, np.float32(0.5))
    assert (metric.smoothness, metric.length) == (3.0, 0.5)
    assert isinstance(metric.smoothness, float)
    assert metric == SobolevMetric(3.0, 0.5)


def test_frozen():
    with pytest.raises(AttributeError):
        SobolevMetric().smoothness = 2.0
