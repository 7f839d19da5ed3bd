"""Calculus on the grid: exact on trigonometric polynomials, exactly skew on every field."""

import numpy as np
import pytest
import reference
from reference import SHAPES, TWO_PI, TrigonometricPolynomial, relative_error
from tolerances import SUM, SYMBOL, TRANSFORM

from torusflow.errors import InputError
from torusflow.torus.grid import Torus

on_every_grid = pytest.mark.parametrize("shape", SHAPES, ids=reference.name)


def highest(shape):
    """Modes just below the Nyquist frequency, the highest that the grid represents together with its derivative."""
    return tuple((n - 1) // 2 for n in shape)


def largest_symbol(torus):
    """The largest |2 pi k_j|: what round-off is multiplied by in a derivative."""
    return TWO_PI * max(torus.shape) / 2


class TestCoordinates:
    @on_every_grid
    def test_points_are_j_over_n(self, shape):
        np.testing.assert_array_equal(Torus(shape).points, reference.points(shape))

    @on_every_grid
    def test_wavenumbers_are_those_of_a_real_transform(self, shape):
        torus = Torus(shape)
        got = np.broadcast_arrays(*torus.wavenumbers)
        every = reference.wavenumbers(shape)
        for k, full in zip(got, every, strict=True):
            half = full[..., : shape[-1] // 2 + 1]
            # The Nyquist mode of the last axis counts as +n/2 in a real transform.
            expected = np.abs(half) if full is every[-1] else half
            np.testing.assert_array_equal(k, expected)

    def test_laplacian_symbol_by_hand(self):
        symbol = Torus((6, 4)).laplacian_symbol
        assert symbol.shape == (6, 3)
        assert symbol[0, 0] == 0
        assert symbol[4, 1] == pytest.approx(TWO_PI**2 * (2**2 + 1**2))

    def test_a_number_is_a_circle(self):
        assert Torus(12) == Torus((12,))

    def test_equal_where_the_grid_is(self):
        assert Torus((8, 9), threads=1) == Torus((8, 9), threads=2)
        assert hash(Torus((8, 9))) == hash(Torus((8, 9)))
        assert Torus((8, 9)) != Torus((9, 8))
        assert Torus((8, 9)) != (8, 9)


class TestDerivatives:
    @on_every_grid
    def test_gradient_is_exact_on_trigonometric_polynomials(self, shape, rng):
        torus = Torus(shape)
        f = TrigonometricPolynomial.random(rng, highest(shape))
        exact = np.stack([f.derivative(axis, torus.points) for axis in range(len(shape))])
        assert relative_error(torus.gradient(f(torus.points)), exact) < SYMBOL

    @on_every_grid
    def test_divergence_is_exact_on_trigonometric_polynomials(self, shape, rng):
        torus = Torus(shape)
        u = [TrigonometricPolynomial.random(rng, highest(shape)) for _ in shape]
        exact = sum(component.derivative(axis, torus.points) for axis, component in enumerate(u))
        got = torus.divergence(np.stack([component(torus.points) for component in u]))
        assert relative_error(got, exact) < SYMBOL

    @on_every_grid
    def test_gradient_of_white_noise_is_numpys(self, shape, rng):
        """White noise holds the Nyquist modes, alone and next to others."""
        f = rng.normal(size=shape)
        assert relative_error(Torus(shape).gradient(f), reference.gradient(f, shape)) < SYMBOL

    @on_every_grid
    def test_each_derivative_is_exactly_skew(self, shape, rng):
        """<g, d_j f> = -<d_j g, f> for white noise, Nyquist modes included."""
        torus = Torus(shape)
        f, g = rng.normal(size=(2, *shape))
        scale = largest_symbol(torus) * torus.norm(f) * torus.norm(g)
        for df, dg in zip(torus.gradient(f), torus.gradient(g), strict=True):
            assert abs(torus.inner(g, df) + torus.inner(dg, f)) < SYMBOL * scale

    @on_every_grid
    def test_divergence_is_minus_the_transpose_of_the_gradient(self, shape, rng):
        torus = Torus(shape)
        f, u = rng.normal(size=shape), rng.normal(size=(len(shape), *shape))
        scale = largest_symbol(torus) * torus.norm(f) * torus.norm(u)
        assert abs(torus.inner(torus.gradient(f), u) + torus.inner(f, torus.divergence(u))) < SYMBOL * scale

    @pytest.mark.parametrize("shape", [(16,), (12, 16), (8, 10, 12)], ids=reference.name)
    def test_the_nyquist_mode_has_derivative_zero(self, shape):
        torus = Torus(shape)
        for axis, n in enumerate(shape):
            f = np.cos(np.pi * n * torus.points[axis])
            assert np.max(np.abs(torus.gradient(f))) < SYMBOL * largest_symbol(torus)
            assert np.max(np.abs(torus.derivative_symbols[axis])) == pytest.approx(TWO_PI * (n / 2 - 1))


class TestSums:
    @on_every_grid
    def test_mean_is_the_zeroth_coefficient(self, shape, rng):
        f = rng.normal(size=shape)
        assert Torus(shape).mean(f) == pytest.approx(reference.coefficients(f, shape).flat[0].real, abs=SUM)

    @on_every_grid
    def test_inner_product_is_parsevals_sum(self, shape, rng):
        f, g = rng.normal(size=(2, *shape))
        spectral = np.sum(reference.coefficients(f, shape) * reference.coefficients(g, shape).conj()).real
        assert Torus(shape).inner(f, g) == pytest.approx(spectral, abs=SUM)

    def test_vector_fields_sum_over_components(self, rng):
        torus = Torus((8, 9))
        u, w = rng.normal(size=(2, 2, 8, 9))
        assert torus.inner(u, w) == pytest.approx(torus.inner(u[0], w[0]) + torus.inner(u[1], w[1]), abs=SUM)

    def test_norm_by_hand(self):
        """|3 cos 2 pi x| = 3 / sqrt 2."""
        torus = Torus((8, 9))
        assert torus.norm(3 * np.cos(TWO_PI * torus.points[0])) == pytest.approx(3 / np.sqrt(2), rel=SUM)

    def test_extremes(self, rng):
        torus, f = Torus((8, 9)), rng.normal(size=(8, 9))
        assert (torus.minimum(f), torus.maximum(f)) == (f.min(), f.max())

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_is_finite(self, bad):
        torus, f = Torus(8), np.ones(8)
        assert torus.is_finite(f)
        f[3] = bad
        assert not torus.is_finite(f)


class TestTruncation:
    @on_every_grid
    @pytest.mark.parametrize("modes", [0, 2, 99])
    def test_truncate_drops_the_other_modes(self, shape, modes, rng):
        f = rng.normal(size=(2, *shape))
        expected = reference.truncate(f, shape, modes)
        assert relative_error(Torus(shape).truncate(f, modes), expected) < TRANSFORM

    def test_modes_per_axis(self, rng):
        f = rng.normal(size=(12, 15))
        expected = reference.truncate(f, f.shape, (1, 6))
        assert relative_error(Torus(f.shape).truncate(f, (1, 6)), expected) < TRANSFORM

    @on_every_grid
    def test_within_counts_the_modes(self, shape):
        torus = Torus(shape)
        kept = torus.within(2)
        assert kept.shape == torus.spectral_shape
        assert np.count_nonzero(kept) == 5 ** (torus.dimension - 1) * 3

    def test_filter_is_a_fourier_multiplier(self):
        """The heat kernel damps cos 2 pi (2 x - y) by exp(-5 (2 pi)^2 t)."""
        torus = Torus((12, 11))
        x, y = torus.points
        f = np.cos(TWO_PI * (2 * x - y))
        got = torus.filter(f, np.exp(-0.01 * torus.laplacian_symbol))
        assert relative_error(got, np.exp(-0.05 * TWO_PI**2) * f) < TRANSFORM


to_another_grid = pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((16,), (24,)),
        ((16,), (15,)),
        ((15,), (16,)),
        ((12, 16), (13, 32)),
        ((9, 14), (20, 13)),
        ((8, 9, 10), (9, 8, 14)),
    ],
    ids=reference.name,
)


class TestResample:
    @to_another_grid
    def test_exact_on_what_both_grids_resolve(self, shape, other, rng):
        coarse, fine = Torus(shape), Torus(other)
        f = TrigonometricPolynomial.random(rng, np.minimum(highest(shape), highest(other)))
        assert relative_error(coarse.resample(f(coarse.points), fine), f(fine.points)) < TRANSFORM

    @to_another_grid
    def test_keeps_the_mean(self, shape, other, rng):
        coarse, fine = Torus(shape), Torus(other)
        f = rng.normal(size=shape)
        assert fine.mean(coarse.resample(f, fine)) == pytest.approx(coarse.mean(f), abs=SUM)

    @on_every_grid
    @pytest.mark.parametrize("extra", [1, 2, 5])
    def test_up_and_down_again_is_the_identity(self, shape, extra, rng):
        """For white noise too: the Nyquist mode of an even axis is split on the way up and joined on the way down."""
        coarse, fine = Torus(shape), Torus(tuple(n + extra for n in shape))
        f = rng.normal(size=(2, *shape))
        assert relative_error(fine.resample(coarse.resample(f, fine), coarse), f) < TRANSFORM

    @on_every_grid
    def test_interpolates_the_values(self, shape, rng):
        """On a grid twice as fine every other point keeps its value."""
        coarse, fine = Torus(shape), Torus(tuple(2 * n for n in shape))
        f = rng.normal(size=shape)
        every_other = (slice(None, None, 2),) * len(shape)
        assert relative_error(coarse.resample(f, fine)[every_other], f) < TRANSFORM

    def test_other_dimension(self):
        with pytest.raises(InputError, match="from 1 to 2 dimensions"):
            Torus(8).resample(np.ones(8), Torus((8, 8)))


class TestBadInput:
    @pytest.mark.parametrize("shape", [(), (8, 8, 8, 8), 3, 0, -8, (8, 2), 8.0, True, (8, True), "8", None, ((8, 8),)])
    def test_shapes_that_are_no_torus(self, shape):
        with pytest.raises(InputError, match=r"1, 2 or 3 axes of at least 4 grid points"):
            Torus(shape)

    @pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
    def test_threads(self, threads):
        with pytest.raises(InputError, match="threads must be a positive whole number"):
            Torus(8, threads=threads)

    @pytest.mark.parametrize("library", ["cupy", "FFTW", 1, ""])
    def test_library(self, library):
        with pytest.raises(InputError, match="library must be 'fftw', 'scipy' or 'numpy'"):
            Torus(8, library=library)

    @pytest.mark.parametrize("method", ["field", "transform", "gradient"])
    @pytest.mark.parametrize("wrong", [(9, 8), (8,), (), (8, 9, 2)])
    def test_fields_on_another_grid(self, method, wrong):
        with pytest.raises(InputError, match=r"has shape \(\.\.\., 8, 9\), got"):
            getattr(Torus((8, 9)), method)(np.ones(wrong))

    @pytest.mark.parametrize("wrong", [(8, 9), (8, 4), (5,), ()])
    def test_spectra_of_another_grid(self, wrong):
        with pytest.raises(InputError, match=r"a spectrum on this torus has shape \(\.\.\., 8, 5\)"):
            Torus((8, 9)).inverse(np.ones(wrong, complex))

    @pytest.mark.parametrize("values", [np.ones(8, complex), np.full(8, "1"), np.full(8, None)])
    def test_fields_that_are_not_real(self, values):
        with pytest.raises(InputError, match="holds real numbers"):
            Torus(8).transform(values)

    @pytest.mark.parametrize("dtype", [int, np.float32, bool, np.uint8])
    def test_other_real_numbers_become_float64(self, dtype):
        assert Torus(8).field(np.ones(8, dtype)).dtype == np.float64


def test_grids_nobody_can_hold_are_refused():
    with pytest.raises(InputError, match="more than 2,147,483,648 grid points"):
        Torus((10**6, 10**6))


def test_fields_and_modes_of_another_shape_are_refused():
    torus = Torus((12, 13))
    with pytest.raises(InputError, match="a field on this torus has shape"):
        torus.inner(np.ones((12, 13)), np.ones((13, 12)))
    with pytest.raises(InputError, match="modes must be a whole number, or one for each of 2 axes"):
        torus.truncate(np.ones((12, 13)), (1, 2, 3))
