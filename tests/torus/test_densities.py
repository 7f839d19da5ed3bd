"""Densities from every source, against closed forms, direct sums over images, and brute-force cross-validation."""

import math

import numpy as np
import pytest
import tolerances
from PIL import Image

import torusflow as tfl
from torusflow import densities
from torusflow.torus.densities import characteristic_function, cross_validated_bandwidth


def test_unimodal_reference():
    """C17: normaliser and divergence from uniform."""
    torus = tfl.Torus((64, 64))
    rho = densities.von_mises(torus)
    a, b = (2 * np.pi * x for x in torus.points)
    unnormalised = np.exp(np.cos(a - 4.18) + np.cos(b - 5.96))
    normaliser = (2 * np.pi) ** 2 * np.mean(unnormalised)
    assert normaliser == pytest.approx(63.28085596, abs=1e-8)  # the last digit of the reference
    np.testing.assert_allclose(rho.values, unnormalised * (2 * np.pi) ** 2 / normaliser, rtol=tolerances.SAME)
    assert np.mean(rho.values * np.log(rho.values)) == pytest.approx(0.42095121, abs=5e-9)


def test_hundred_to_one_reference():
    """C18: contrast 100, mean 1, and the ridge where it should be."""
    torus = tfl.Torus((256, 256))
    rho = densities.banana(torus).values
    assert rho.max() / rho.min() == pytest.approx(100, rel=1e-12)
    assert np.mean(rho) == pytest.approx(1, abs=tolerances.MASS)
    x, y = (2 * np.pi * c[np.unravel_index(rho.argmax(), rho.shape)] - np.pi for c in torus.points)
    assert abs(y - (x**2 / 2 - 1)) < 0.2  # on the parabola
    assert densities.banana(torus, contrast=10).values.max() == pytest.approx(
        10 * densities.banana(torus, contrast=10).values.min()
    )


@pytest.mark.parametrize(("d", "shape"), [(1, (64,)), (2, (40, 33)), (3, (28, 24, 25))])
def test_samples_are_a_sum_of_periodic_gaussians(d, shape, rng):
    torus, h = tfl.Torus(shape), 0.07
    points = rng.random((7, d)) * 3 - 1  # any period
    rho = densities.from_samples(torus, points, bandwidth=h).values
    direct = np.ones((7, *shape))
    for axis, x in enumerate(torus.points):
        images = np.arange(-4, 5)[:, None]
        delta = x[None] - points[:, axis].reshape(-1, *[1] * d)
        gaussians = [np.exp(-((delta + m) ** 2) / (2 * h**2)) for m in images.ravel()]
        direct *= sum(gaussians) / math.sqrt(2 * math.pi * h**2)
    np.testing.assert_allclose(rho, direct.mean(axis=0), atol=1e-5 * direct.max())  # kernel tail beyond the grid
    assert np.mean(rho) == pytest.approx(1, abs=tolerances.MASS) and rho.min() >= 0


def test_characteristic_function_is_that_of_the_samples(rng):
    points = rng.random((50, 2))
    c = characteristic_function(points, (8, 9))
    direct = np.array(
        [
            [np.exp(-2j * np.pi * points @ [k, m]).mean() for m in np.fft.fftfreq(9, 1 / 9)]
            for k in np.fft.fftfreq(8, 1 / 8)
        ]
    )
    np.testing.assert_allclose(c, direct, atol=tolerances.NONUNIFORM)


@pytest.mark.slow
def test_cross_validation_minimises_the_leave_one_out_score(rng):
    """Against the score by pairs, with the periodic Gaussian summed over images."""
    points = rng.vonmises(0.0, 3.0, size=200) / (2 * np.pi)
    delta = points[:, None] - points[None]

    def kernel(h):
        return sum(np.exp(-((delta + m) ** 2) / (2 * h**2)) for m in range(-3, 4)) / math.sqrt(2 * math.pi * h**2)

    def score(h):
        n = len(points)
        off_diagonal = kernel(h).sum() - np.trace(kernel(h))
        return kernel(math.sqrt(2) * h).sum() / n**2 - 2 * off_diagonal / (n * (n - 1))

    best = cross_validated_bandwidth(points[:, None])
    assert score(best) <= min(score(h) for h in np.geomspace(0.004, 0.25, 200)) + 1e-6


def test_more_samples_take_a_smaller_bandwidth(rng):
    few, many = rng.vonmises(0, 2, (200, 2)), rng.vonmises(0, 2, (20000, 2))
    assert cross_validated_bandwidth(many / (2 * np.pi)) < cross_validated_bandwidth(few / (2 * np.pi))


def test_automatic_bandwidth_says_when_the_grid_is_the_limit(rng):
    points = 0.01 * rng.standard_normal((500, 2))
    rho = densities.from_samples(tfl.Torus((32, 32)), points)
    assert "least this grid resolves; cross-validation gives" in rho.name and rho.values.min() >= 0


def test_floor_is_mixed_in(rng):
    rho = densities.from_samples(tfl.Torus((64,)), rng.random(30) * 0.1, bandwidth=0.05, floor=0.2)
    assert rho.values.min() == pytest.approx(0.2, abs=1e-6) and np.mean(rho.values) == pytest.approx(1)


def test_an_image_lies_as_it_is_looked_at(tmp_path):
    """A bright spot at the left of the upper half lands at small x_1, large x_2; width and height may differ."""
    picture = np.zeros((40, 80), np.uint8)
    picture[8:12, 10:16] = 255
    Image.fromarray(picture).save(tmp_path / "spot.png")
    torus = tfl.Torus((48, 32))
    rho = densities.from_image(torus, tmp_path / "spot.png", floor=0.2)
    peak = np.unravel_index(rho.values.argmax(), rho.values.shape)
    assert peak[0] / 48 == pytest.approx(13 / 80, abs=1.5 / 48) and peak[1] / 32 == pytest.approx(
        1 - 10 / 40, abs=1.5 / 32
    )
    assert rho.values.min() == pytest.approx(0.2, abs=1e-3) and np.mean(rho.values) == pytest.approx(1)
    dark = densities.from_image(torus, tmp_path / "spot.png", dark=True)
    assert dark.values[peak] == pytest.approx(dark.values.min(), rel=1e-9)


def test_arrays_and_functions_are_normalised_only_when_asked():
    torus = tfl.Torus((16,))
    with pytest.raises(tfl.InputError, match=r"mass \(mean over the grid\) 2, not 1: give normalise=True"):
        densities.from_array(torus, np.full(16, 2.0))
    np.testing.assert_array_equal(densities.from_array(torus, np.full(16, 2.0), normalise=True).values, 1)
    f = densities.from_function(torus, lambda x: 1 + 0.5 * np.cos(2 * np.pi * x))
    assert f.values[0] == 1.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda t: densities.from_array(t, np.zeros((16, 16)), normalise=True), "mass 0, so it cannot be normalised"),
        (lambda t: densities.from_array(t, np.ones((4, 4))), r"shape \(..., 16, 16\), got \(4, 4\)"),
        (
            lambda t: densities.from_array(t, np.full((16, 16), np.nan), normalise=True),
            "256 values that are not finite",
        ),
        (lambda t: densities.from_samples(t, np.ones((5, 3))), r"shape \(N, 2\) with N >= 2, got \(5, 3\)"),
        (lambda t: densities.from_samples(t, [[0.1, 0.2]]), r"N >= 2, got \(1, 2\)"),
        (
            lambda t: densities.from_samples(t, [[0.1, np.nan], [0, 0]]),
            "1 of 2 points are not finite, the first is row 0",
        ),
        (lambda t: densities.from_samples(t, [["a", "b"]]), "must be an array of real numbers"),
        (
            lambda t: densities.from_samples(t, np.eye(2), bandwidth=1e-3),
            r"too small for 16 grid points.* or \d+ points",
        ),
        (lambda t: densities.from_samples(t, np.eye(2), bandwidth=-1), "'auto' or a number between 0 and 1"),
        (lambda t: densities.from_samples(t, np.eye(2), floor=1.0), r"floor must be a number in \[0, 1\)"),
        (lambda t: densities.from_image(t, __file__), "cannot read an image"),
        (lambda t: densities.from_image(t, "nowhere.png"), "cannot read an image from 'nowhere.png'"),
        (lambda t: densities.banana(tfl.Torus((16,))), "needs a torus of two dimensions"),
        (lambda t: densities.von_mises(t, mean=(1, 2, 3)), "must be numbers or 2 of them"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make(tfl.Torus((16, 16)))
