"""Conjugate points, and the norm of a displacement."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow import geodesic

TWO_PI = 2 * np.pi


def first_length(metric, modes=10):
    """Along a constant velocity on the line: min over k of (1 + (2 pi k l)^2)^s / (2 k)."""
    k = np.arange(1, modes + 1)
    return np.min(metric.symbol((TWO_PI * k) ** 2) / (2 * k))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "s", "length"), [(16, 2.0, 0.1), (17, 3.0, 0.05), (13, 1.5, 0.1)])
def test_the_conjugate_point_of_a_rotation(n, s, length):
    torus, metric = tfl.Torus((n,)), tfl.SobolevMetric(s, length)
    first = first_length(metric, (n - 1) // 3)
    found = geodesic.minimality(torus, metric, np.full((1, n), first), until=1.1)
    assert found.conjugate_time == pytest.approx(1.0, abs=1e-4) and not found.minimal
    assert "conjugate point at time 1" in str(found)
    omega = 2 * np.pi * found.times  # of the mode that is first
    np.testing.assert_allclose(found.stretch[:-8], np.abs(np.sinc(omega / TWO_PI))[:-8], atol=1e-3)
    before = geodesic.minimality(torus, metric, np.full((1, n), first), until=0.97)
    assert before.minimal and before.conjugate_time is None and "no conjugate point up to time 0.97" in str(before)


def energy_of_circling(metric, speed, eps, n=48, steps=40):
    """The integral of |u|_V^2 along x + c t + eps ((1 - cos 2 pi t) cos 2 pi x + sin 2 pi t sin 2 pi x)."""
    torus, total = tfl.Torus((n,)), 0.0
    for t in TWO_PI * (np.arange(steps) + 0.5) / steps:
        b = TWO_PI * torus.points[0]
        xi = eps * ((1 - np.cos(t)) * np.cos(b) + np.sin(t) * np.sin(b))
        phi = tfl.Diffeomorphism(torus, (speed * t / TWO_PI + xi)[None])
        b = TWO_PI * phi.inverse(torus.points[0][:, None])[:, 0]
        velocity = speed + TWO_PI * eps * (np.sin(t) * np.cos(b) + np.cos(t) * np.sin(b))
        total += torus.inner(velocity, metric.roughen(torus, velocity)) / steps
    return total


@pytest.mark.slow
@pytest.mark.parametrize(("part", "shorter"), [(0.9, False), (1.1, True)])
def test_beyond_the_conjugate_point_there_is_a_shorter_path_and_before_there_is_not(part, shorter):
    """The path that circles about the rotation has the same ends, x and x + c."""
    metric = tfl.SobolevMetric(2.0, 0.1)
    speed = part * first_length(metric)
    gains = [energy_of_circling(metric, sign * speed, 1e-3) - speed**2 for sign in (1, -1)]
    assert np.abs(gains).min() > 1e-7 and (min(gains) < 0) == shorter
    assert geodesic.minimality(tfl.Torus((16,)), metric, np.full((1, 16), speed)).minimal != shorter


@pytest.mark.slow
def test_the_conjugate_point_of_a_translation_of_the_plane():
    """Mode k has two frequencies, 2 pi (k.c +- |k| |c|) / (1 + l^2 |2 pi k|^2)^s: after one turn of the fastest."""
    torus, metric, c = tfl.Torus((8, 7)), tfl.SobolevMetric(2.0, 0.1), np.array([0.8, 0.6])
    k = np.stack(np.meshgrid([-2, -1, 0, 1, 2], [-2, -1, 0, 1, 2]), axis=-1).reshape(-1, 2)
    size = np.linalg.norm(k, axis=1)
    turns = (k @ c + size) / metric.symbol((TWO_PI * size) ** 2)
    found = geodesic.minimality(torus, metric, c[:, None, None] + np.zeros((2, 8, 7)), until=1.1 / turns.max())
    assert found.conjugate_time == pytest.approx(1 / turns.max(), rel=2e-4)


@pytest.mark.slow
def test_the_stretch_is_that_of_differences_of_geodesics():
    """The matrix by differences of `exponential`, pulled back and projected in another way."""
    torus, metric, n, time, h = tfl.Torus((14,)), tfl.SobolevMetric(2.5, 0.1), 14, 0.8, 1e-4
    x = torus.points[0][:, None]
    u0 = 0.4 + 0.05 * np.sin(TWO_PI * x.T)
    found = geodesic.minimality(torus, metric, u0, until=time)
    root = np.sqrt(metric.symbol(torus.laplacian_symbol))

    def end(u):
        return geodesic.exponential(torus, metric, time * u, 1e-10)(x).T

    phi, columns = tfl.Diffeomorphism(torus, end(u0) - x.T), []
    waves = [np.ones(n), *(f(TWO_PI * k * x[:, 0]) * np.sqrt(2) for k in range(1, 5) for f in (np.cos, np.sin))]
    for wave in waves:
        w = torus.filter(wave[None], 1 / root)
        moved = (end(u0 + h * w) - end(u0 - h * w)) / (2 * h * time)
        pulled = torus.filter(moved / phi.jacobians[:, 0, 0], root)
        columns.append([torus.inner(pulled[0], other) for other in waves])
    least = np.linalg.svd(np.array(columns), compute_uv=False)[-1]
    assert found.stretch[0] == 1 and found.stretch[-1] == pytest.approx(least, rel=1e-4) and least < 0.8


@pytest.mark.slow
def test_it_does_not_depend_on_the_grid():
    times = []
    for n in (20, 26):
        torus, metric = tfl.Torus((n,)), tfl.SobolevMetric(2.0, 0.1)
        u0 = 1.2 + 0.1 * np.sin(TWO_PI * torus.points[0])[None]
        times.append(geodesic.minimality(torus, metric, u0).conjugate_time)
    assert times[0] == pytest.approx(times[1], abs=1e-3) and times[0] < 1


def test_the_norm_of_a_displacement(rng):
    torus, metric = tfl.Torus((32,)), tfl.SobolevMetric(3.0, 0.1)
    for k in (1, 3):
        wave = tfl.Diffeomorphism(torus, 0.02 * np.sin(TWO_PI * k * torus.points[0])[None])
        expected = 0.02 * np.sqrt(metric.symbol((TWO_PI * k) ** 2) / 2)
        assert geodesic.displacement_norm(torus, metric, wave) == pytest.approx(expected, rel=1e-12)
    model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=1)
    v = model.space.random(rng, norm=1e-5)
    assert geodesic.displacement_norm(torus, metric, tfl.FlowMap(model, v)) == pytest.approx(1e-5, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t, m: geodesic.minimality(t, m, np.zeros((1, 16)), until=0), "until must be a number > 0"),
        (lambda t, m: geodesic.minimality(t, m, np.zeros(16)), "u0 must be a finite velocity"),
        (lambda t, m: geodesic.minimality(tfl.Torus((64, 64)), m, np.zeros((2, 64, 64))), "Use a coarser grid"),
        (lambda t, m: geodesic.displacement_norm(t, m, 3), "a map of this torus takes points"),
        (lambda t, m: geodesic.displacement_norm(t, 3, np.copy), "metric must be a SobolevMetric"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call(tfl.Torus((16,)), tfl.SobolevMetric(2.0, 0.1))


def test_at_rest_nothing_is_conjugate():
    found = geodesic.minimality(tfl.Torus((16,)), tfl.SobolevMetric(2.0, 0.1), np.zeros((1, 16)))
    np.testing.assert_allclose(found.stretch, 1, atol=1e-9)
    assert found.minimal
