"""Bands of resampled rows: that they cover, and what blocks and bad input do."""

import warnings

import numpy as np
import pytest
from scipy.stats import vonmises

import torusflow as tfl
from torusflow.errors import InputError
from torusflow.estimators.bootstrap import _times_drawn

SETTING = {"smoothness": 3.0, "length": 0.2, "penalty": 100.0, "band": 5, "grid": 16, "max_iter": 20}


@pytest.fixture(scope="module")
def fitted():
    rows = np.random.default_rng(0).vonmises([0.5, 2.0], [2.0, 1.0], (600, 2))
    return tfl.TorusDensity("radians", **SETTING).fit(rows)


@pytest.mark.slow
def test_bands_hold_the_quantiles_of_the_fits(fitted):
    fits = fitted.bootstrap(8, random_state=1)
    values = np.stack([density.density(6) for density in fits])
    low, high = fits.density_band(6, level=0.8)
    np.testing.assert_allclose([low, high], np.quantile(values, [0.1, 0.9], axis=0))
    assert len(fits) == 8 and np.all(low < high)
    for band in (fits.score_band([[0.5, 2.0]]), fits.contour_band((0.5, 0.9))):
        assert np.all(band[0] < band[1])
    one = next(iter(fits))
    assert not hasattr(one, "validation_score_") and "600 rows" in repr(one)
    again = fitted.bootstrap(1, random_state=1).replicates[0]
    np.testing.assert_array_equal(again.control, fits.replicates[0].control)


def covered(n, seed):
    """The share of a grid on which the band of 90 % has the density, of two independent von Mises angles."""
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.vonmises(4.18 - 2 * np.pi, 1.0, n), rng.vonmises(5.96 - 2 * np.pi, 1.0, n)], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        density = tfl.TorusDensity("radians", threads=1).fit(rows)
    low, high = density.bootstrap(40, random_state=seed).density_band(16)
    a, b = density.axes(16)
    exact = np.outer(vonmises.pdf(a, 1.0, loc=4.18), vonmises.pdf(b, 1.0, loc=5.96))
    return np.mean((low <= exact) & (exact <= high))


@pytest.mark.slow
def test_bands_cover_the_density_about_as_often_as_they_say():
    """90 of 100 said; the mean of four tables, of which one may be as far off as 0.78, is known to some 0.03."""
    assert 0.8 <= np.mean([covered(1000, seed) for seed in range(4)]) <= 0.97


def test_blocks_of_rows_are_drawn_together():
    rng = np.random.RandomState(0)
    for rows, length in ((20, 1), (20, 5), (21, 4)):
        times = _times_drawn(rows, length, rng)
        assert times.sum() == rows
    # Neighbours are drawn alike.
    times = np.array([_times_drawn(40, 10, rng) for _ in range(500)])
    alike = np.corrcoef(times[:, 5], times[:, 6])[0, 1], np.corrcoef(times[:, 5], times[:, 25])[0, 1]
    assert alike[0] > 0.8 and abs(alike[1]) < 0.4


@pytest.mark.slow
def test_rows_that_come_in_tens_have_wider_bands_by_blocks(rng):
    rows = np.repeat(rng.vonmises(0.0, 1.0, (60, 1)), 10, axis=0) + 0.01 * rng.standard_normal((600, 1))
    density = tfl.TorusDensity("radians", **SETTING).fit(rows)
    widths = [np.mean(np.diff(density.bootstrap(12, block).density_band(12), axis=0)) for block in (None, 20)]
    assert widths[1] > 1.7 * widths[0]


def test_bad_input(fitted):
    for block in (0, 301, 1.5, "x"):
        with pytest.raises(InputError, match="block"):
            fitted.bootstrap(2, block)
    with pytest.raises(InputError, match="n must be"):
        fitted.bootstrap(0)
    with pytest.raises(InputError, match="level must be between 0 and 1"):
        fitted.bootstrap(1).density_band(4, level=90)
