"""What counts as a density, and the space that densities vary in."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from tolerances import SUM

from torusflow.errors import InputError, TorusflowError
from torusflow.torus.density import Density, DensitySpace
from torusflow.torus.grid import Torus


@pytest.fixture
def torus():
    return Torus((8, 9))


def with_values(torus, **entries):
    """rho = 1 but for some entries, with mass one unless they forbid it."""
    values = np.ones(torus.shape)
    for index, value in entries.items():
        values.flat[int(index[1:])] = value
    return values


class TestDensity:
    def test_keeps_the_values_and_the_name(self, torus):
        values = with_values(torus, i0=0.0, i1=2.0)
        density = Density(torus, values, "checkers")
        np.testing.assert_array_equal(density.values, values)
        assert (density.torus, density.name) == (torus, "checkers")

    def test_is_an_array_for_numpy(self, torus):
        values = with_values(torus, i0=0.5, i1=1.5)
        density = Density(torus, values)
        np.testing.assert_array_equal(np.asarray(density), values)
        assert np.asarray(density, dtype=np.float32).dtype == np.float32
        np.testing.assert_array_equal(density - np.ones(torus.shape), values - 1)

    def test_cannot_be_changed(self, torus):
        density = Density(torus, np.ones(torus.shape))
        with pytest.raises(ValueError, match="read-only"):
            density.values[0, 0] = 2
        with pytest.raises(ValueError, match="read-only"):
            np.asarray(density)[0, 0] = 2
        with pytest.raises(FrozenInstanceError):
            density.values = np.ones(torus.shape)

    def test_copies_are_the_callers(self, torus):
        density = Density(torus, np.ones(torus.shape))
        np.array(density)[0, 0] = 2
        assert density.values[0, 0] == 1

    def test_does_not_see_later_changes_of_the_argument(self, torus):
        values = np.ones(torus.shape)
        density = Density(torus, values)
        values[0, 0] = 5
        assert density.values[0, 0] == 1
        assert values.flags.writeable

    def test_takes_whole_numbers(self, torus):
        assert Density(torus, np.ones(torus.shape, int)).values.dtype == np.float64

    def test_zero_is_allowed_somewhere(self, torus):
        assert Density(torus, with_values(torus, i3=0.0, i4=2.0)).values.min() == 0

    @pytest.mark.parametrize("shape", [(9, 8), (8,), (), (2, 8, 9)])
    def test_wrong_shape(self, torus, shape):
        with pytest.raises(InputError, match=r"has shape .*8, 9\), got"):
            Density(torus, np.ones(shape))

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_not_finite(self, torus, bad):
        with pytest.raises(InputError, match="the target holds 2 values that are not finite"):
            Density(torus, with_values(torus, i0=bad, i5=bad), "target")

    def test_negative(self, torus):
        with pytest.raises(InputError, match=r"target is negative at 1 of 72 grid points \(lowest -0\.5\)"):
            Density(torus, with_values(torus, i0=-0.5, i1=2.5), "target")

    @pytest.mark.parametrize("mass", [2.0, 0.5, 1 + 1e-11])
    def test_wrong_mass(self, torus, mass):
        with pytest.raises(InputError, match=r"the density has mass .* not 1: give normalise=True"):
            Density(torus, np.full(torus.shape, mass))

    def test_no_mass(self, torus):
        with pytest.raises(InputError, match="it cannot be normalised"):
            Density(torus, np.zeros(torus.shape))

    def test_round_off_in_the_mass_is_allowed(self, torus):
        Density(torus, np.full(torus.shape, 1 + 1e-13))

    def test_complex(self, torus):
        with pytest.raises(InputError, match="real numbers"):
            Density(torus, np.ones(torus.shape, complex))

    def test_errors_are_value_errors_of_this_package(self):
        assert issubclass(InputError, ValueError)
        assert issubclass(InputError, TorusflowError)


class TestDensitySpace:
    def test_zeros(self, torus):
        space = DensitySpace(torus)
        assert space.zeros().shape == space.shape == (8, 9)
        assert space.zeros().dtype == space.dtype == np.float64
        assert not space.zeros().any()

    def test_inner_product_is_the_mean_of_the_product(self, torus, rng):
        p, q = rng.normal(size=(2, 8, 9))
        assert DensitySpace(torus).inner(p, q) == pytest.approx(np.mean(p * q), abs=SUM)

    def test_random_has_norm_one(self, torus, rng):
        p = DensitySpace(torus).random(rng)
        assert np.mean(p**2) == pytest.approx(1, rel=SUM)
        assert not np.array_equal(p, DensitySpace(torus).random(rng))

    @pytest.mark.parametrize("bad", [np.ones((9, 8)), np.ones((2, 8, 9)), np.full((8, 9), np.nan)])
    def test_no_element(self, torus, bad):
        with pytest.raises(InputError, match=r"on th(is|e) torus"):
            DensitySpace(torus).element(bad)

    def test_elements_become_float64(self, torus):
        assert DensitySpace(torus).element(np.ones((8, 9), int)).dtype == np.float64

    def test_describes_mass_and_extremes(self, torus):
        density = with_values(torus, i0=0.25, i1=1.75)
        described = DensitySpace(torus).describe(density)
        assert described == {"mass": pytest.approx(1, abs=SUM), "minimum": 0.25, "maximum": 1.75}


class TestSamples:
    @pytest.mark.parametrize("shape", [(9,), (16, 17), (8, 9, 8)], ids=str)
    def test_have_the_moments_of_the_density(self, shape, rng):
        """1 + 0.8 sin 2 pi x_1: mean sin = 0.4, mean cos = 0, within five standard errors."""
        torus = Torus(shape)
        density = Density(torus, 1 + 0.8 * np.sin(2 * np.pi * torus.points[0]) * np.ones(shape))
        points = density.sample(40_000, rng)
        assert points.shape == (40_000, len(shape)) and points.min() >= 0 and points.max() < 1
        error = 5 * np.sqrt(0.5 / len(points))
        assert abs(np.mean(np.sin(2 * np.pi * points[:, 0])) - 0.4) < error
        for axis in range(len(shape)):
            assert abs(np.mean(np.cos(2 * np.pi * points[:, axis]))) < error

    def test_fall_between_grid_points_as_the_series_says(self, rng):
        """1 + cos 4 pi x on eight points: the density vanishes at 1/4, where a tenth of the width holds 3.2e-3."""
        torus = Torus((8,))
        density = Density(torus, 1 + np.cos(4 * np.pi * torus.points[0]))
        points = density.sample(40_000, rng)[:, 0]
        expected = 0.1 - np.sin(0.2 * np.pi) / (2 * np.pi)
        found = np.mean(np.abs(points - 0.25) < 0.05)
        assert abs(found - expected) < 5 * np.sqrt(expected / len(points))

    def test_may_be_none(self, rng):
        assert Density(Torus((8, 8)), np.ones((8, 8))).sample(0, rng).shape == (0, 2)
