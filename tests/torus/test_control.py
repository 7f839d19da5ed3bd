"""The space of controls against inner products and Fourier sums computed by NumPy on the grid."""

import numpy as np
import pytest
import reference
from reference import TWO_PI, relative_error
from tolerances import SUM, TRANSFORM

from torusflow.errors import InputError
from torusflow.hilbert import norm
from torusflow.torus.control import VelocitySpace
from torusflow.torus.grid import Torus
from torusflow.torus.placement import Placement
from torusflow.torus.sobolev import SobolevMetric

METRIC = SobolevMetric(3.0, 0.1)
# (grid, band): even, odd, non-cubic, the largest bands, unequal bands, and bands of zero.
SPACES = [
    ((16,), 5),
    ((15,), 4),
    ((13,), 0),
    ((12, 16), 3),
    ((15, 13), (4, 1)),
    ((16, 9), None),
    ((9, 14), (0, 4)),
    ((8, 10, 12), 2),
    ((9, 7, 11), (2, 1, 3)),
    ((8, 9, 10), None),
    ((7, 8, 9), (1, 0, 2)),
]
in_every_space = pytest.mark.parametrize(("shape", "band"), SPACES, ids=reference.name)


@pytest.fixture
def plane():
    return VelocitySpace(Torus((12, 15)), METRIC, layers=3, band=(3, 2))


def white(space, rng):
    """A random field within the band, array (layers, d, *n), made by numpy."""
    shape = space.torus.shape
    return reference.truncate(rng.normal(size=(space.layers, len(shape), *shape)), shape, space.band)


class TestInnerProduct:
    @in_every_space
    @pytest.mark.parametrize("metric", [METRIC, SobolevMetric(1.5, 0.4), SobolevMetric(0.0)], ids=str)
    @pytest.mark.parametrize("layers", [1, 3])
    def test_is_the_layer_average_of_sobolev_inner_products(self, shape, band, metric, layers, rng):
        space = VelocitySpace(Torus(shape), metric, layers, band)
        u, w = white(space, rng), white(space, rng)
        expected = np.mean([reference.sobolev_inner(*pair, shape, metric) for pair in zip(u, w, strict=True)])
        scale = np.mean([reference.sobolev_inner(layer, layer, shape, metric) for layer in (*u, *w)])
        assert abs(space.inner(space.from_grid(u), space.from_grid(w)) - expected) < SUM * scale

    @in_every_space
    def test_norms_of_layers(self, shape, band, rng):
        space = VelocitySpace(Torus(shape), METRIC, 3, band)
        u = white(space, rng)
        expected = [np.sqrt(reference.sobolev_inner(layer, layer, shape, METRIC)) for layer in u]
        assert relative_error(space.norm_of_layers(space.from_grid(u)), expected) < SUM

    def test_by_hand(self):
        """u = (0, 2 cos 2 pi (x - 2y)) has u^_k = 1 at two modes with |k|^2 = 5."""
        space = VelocitySpace(Torus((12, 15)), METRIC, 4, 3)
        u = space.from_function(lambda s, x, y: (0.0, 2 * np.cos(TWO_PI * (x - 2 * y))))
        assert space.inner(u, u) == pytest.approx(2 * (1 + 0.01 * 5 * TWO_PI**2) ** 3, rel=SUM)

    def test_symmetric_and_positive(self, plane, rng):
        u, w = plane.random(rng), plane.random(rng)
        assert plane.inner(u, w) == pytest.approx(plane.inner(w, u), rel=SUM)
        assert plane.inner(u, u) > 0
        assert plane.inner(u, plane.zeros()) == 0


class TestRiesz:
    @in_every_space
    @pytest.mark.parametrize("metric", [METRIC, SobolevMetric(0.0)], ids=str)
    def test_represents_the_mean_inner_product(self, shape, band, metric, rng):
        """<K*m, u>_V = mean(m . u) for white noise m on the grid and every u within the band."""
        torus = Torus(shape)
        space = VelocitySpace(torus, metric, 1, band)
        m, u = rng.normal(size=(len(shape), *shape)), white(space, rng)
        velocity = space.riesz(space.coefficients(m))[None]
        space.element(velocity)
        scale = torus.norm(m) * torus.norm(u)
        assert abs(space.inner(velocity, space.from_grid(u)) - torus.inner(m, u[0])) < SUM * scale

    @in_every_space
    def test_is_the_smoothed_and_truncated_momentum(self, shape, band, rng):
        space = VelocitySpace(Torus(shape), METRIC, 1, band)
        m = rng.normal(size=(len(shape), *shape))
        expected = reference.truncate(reference.smooth(m, shape, METRIC), shape, space.band)
        assert relative_error(space.to_grid(space.riesz(space.coefficients(m))[None])[0], expected) < TRANSFORM


class TestElements:
    @in_every_space
    def test_shape_counts_the_modes(self, shape, band):
        space = VelocitySpace(Torus(shape), METRIC, 2, band)
        *others, last = space.band
        assert space.shape == (2, len(shape), *(2 * b + 1 for b in others), last + 1)
        assert space.zeros().shape == space.shape
        assert space.zeros().dtype == space.dtype == np.complex128
        assert np.broadcast_shapes(*(k.shape for k in space.wavenumbers)) == space.shape[2:]

    @in_every_space
    def test_random_has_norm_one_and_is_a_real_field(self, shape, band, rng):
        space = VelocitySpace(Torus(shape), METRIC, 2, band)
        v = space.random(rng)
        assert norm(space, v) == pytest.approx(1, rel=SUM)
        assert space.element(v) is not None
        assert relative_error(space.from_grid(space.to_grid(v)), v) < TRANSFORM  # what is imaginary would be lost

    def test_random_with_a_norm(self, plane, rng):
        assert norm(plane, plane.random(rng, norm=7.0)) == pytest.approx(7, rel=SUM)

    def test_random_differs_between_layers_components_and_calls(self, plane, rng):
        v, w = plane.random(rng), plane.random(rng)
        assert len({complex(c) for c in (*v[:, :, 1, 1].flat, w[0, 0, 1, 1])}) == 7

    def test_real_multiples_and_sums_are_elements(self, plane, rng):
        u, w = plane.random(rng), plane.random(rng)
        np.testing.assert_array_equal(plane.element(2 * u - w), 2 * u - w)

    def test_lists_and_real_numbers_are_taken(self, plane):
        got = plane.element(np.zeros(plane.shape).tolist())
        assert got.dtype == np.complex128

    @pytest.mark.parametrize("wrong", [(), (3,), (2, 2, 7, 3), (3, 2, 7, 4), (3, 2, 12, 15)])
    def test_wrong_shape(self, plane, wrong):
        with pytest.raises(InputError, match=r"has shape \(3, 2, 7, 3\) = \(layers, d, \*modes\), got"):
            plane.element(np.zeros(wrong, complex))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0, np.nan)])
    def test_not_finite(self, plane, bad):
        v = plane.zeros()
        v[1, 0, 2, 1] = v[2, 1, 0, 0] = bad
        with pytest.raises(InputError, match="2 coefficients that are not finite"):
            plane.element(v)

    @pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
    @pytest.mark.parametrize("where", [(0, 0), (1, 0), (-2, 0)])
    def test_fields_that_would_not_be_real(self, plane, size, where, rng):
        """An imaginary mean, or a mode with k_d = 0 that is not the conjugate of its partner."""
        v = size * plane.random(rng)
        plane.element(v)
        v[(1, 0, *where)] += 0.01j * size
        with pytest.raises(InputError, match="not those of a real field"):
            plane.element(v)

    def test_round_off_is_no_reason_to_refuse(self, plane, rng):
        v = plane.random(rng)
        v[:, :, 0, 0] += 1e-14j * np.max(np.abs(v))
        plane.element(v)

    def test_histories_need_nothing_beyond_the_norm(self, plane):
        assert plane.describe(plane.zeros()) == {}


class TestGrid:
    @in_every_space
    def test_values_on_the_grid_are_numpys(self, shape, band, rng):
        """Coefficients placed by hand into a full complex spectrum, partners included, give the same field."""
        space = VelocitySpace(Torus(shape), METRIC, 2, band)
        v = space.random(rng)
        full = np.zeros((2, len(shape), *shape), complex)
        for index in np.ndindex(*space.shape[2:]):
            k = [int(np.broadcast_to(w, space.shape[2:])[index]) for w in space.wavenumbers]
            full[(..., *k)] = v[(..., *index)]
            if k[-1] > 0:
                full[(..., *(-kj for kj in k))] = v[(..., *index)].conj()
        assert relative_error(space.to_grid(v), reference.values(full, shape)) < TRANSFORM

    @in_every_space
    def test_round_trip_within_the_band(self, shape, band, rng):
        space = VelocitySpace(Torus(shape), METRIC, 3, band)
        fields = white(space, rng)
        assert relative_error(space.to_grid(space.from_grid(fields)), fields) < TRANSFORM

    @in_every_space
    def test_modes_above_the_band_are_dropped(self, shape, band, rng):
        space = VelocitySpace(Torus(shape), METRIC, 2, band)
        fields = rng.normal(size=(2, len(shape), *shape))
        expected = reference.truncate(fields, shape, space.band)
        assert relative_error(space.to_grid(space.from_grid(fields)), expected) < TRANSFORM

    def test_one_field_for_all_layers(self, plane, rng):
        v = plane.from_grid(rng.normal(size=(2, 12, 15)))
        assert v.shape == plane.shape
        np.testing.assert_array_equal(v[1], v[0])
        np.testing.assert_array_equal(v[2], v[0])

    def test_returned_fields_belong_to_the_caller(self, plane, rng):
        fields = plane.to_grid(plane.random(rng))
        before = fields.copy()
        plane.to_grid(plane.random(rng))
        np.testing.assert_array_equal(fields, before)

    @pytest.mark.parametrize("wrong", [(12, 15), (3, 12, 15), (2, 2, 12, 15), (2, 15, 12), (1, 3, 2, 12, 15)])
    def test_wrong_shape(self, plane, wrong):
        with pytest.raises(InputError, match=r"velocities on the grid have shape \(2, 12, 15\) or \(3, 2, 12, 15\)"):
            plane.from_grid(np.zeros(wrong))

    def test_not_finite(self, plane):
        with pytest.raises(InputError, match="not all finite"):
            plane.from_grid(np.full((2, 12, 15), np.nan))

    def test_complex_fields(self, plane):
        with pytest.raises(InputError, match="real numbers"):
            plane.from_grid(np.zeros((2, 12, 15), complex))


class TestFromFunction:
    def test_samples_each_layer_at_its_middle(self, plane):
        """s = 1/6, 1/2, 5/6 on three layers."""
        x, y = plane.torus.points
        v = plane.from_function(lambda s, x, y: (s**2 * np.sin(TWO_PI * x), np.cos(TWO_PI * y + s)))
        expected = [np.stack([s**2 * np.sin(TWO_PI * x), np.cos(TWO_PI * y + s)]) for s in (1 / 6, 1 / 2, 5 / 6)]
        assert relative_error(plane.to_grid(v), expected) < TRANSFORM

    def test_numbers_are_constant_fields(self, plane):
        fields = plane.to_grid(plane.from_function(lambda s, x, y: (0.3, -s)))
        assert relative_error(fields[:, 0], np.full((3, 12, 15), 0.3)) < TRANSFORM
        assert relative_error(fields[1, 1], np.full((12, 15), -0.5)) < TRANSFORM

    @pytest.mark.parametrize("wrap", [lambda c: c, lambda c: (c,), lambda c: [c]], ids=["bare", "tuple", "list"])
    def test_on_the_circle_one_component_may_stand_alone(self, wrap):
        space = VelocitySpace(Torus(12), METRIC, 2, 3)
        v = space.from_function(lambda s, x: wrap(np.sin(TWO_PI * x)))
        wave = np.sin(TWO_PI * space.torus.points[0])
        assert relative_error(space.to_grid(v)[:, 0], [wave, wave]) < TRANSFORM

    def test_one_number_on_the_circle(self):
        space = VelocitySpace(Torus(12), METRIC, 2, 3)
        fields = space.to_grid(space.from_function(lambda s, x: s))
        assert relative_error(fields[:, 0, 0], [0.25, 0.75]) < TRANSFORM

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_wrong_number_of_components(self, plane, count):
        with pytest.raises(InputError, match=f"gave {count} components of velocity, this torus has 2"):
            plane.from_function(lambda s, x, y: [x] * count)


class TestBand:
    def test_one_number_or_one_per_axis(self):
        torus = Torus((12, 16))
        assert VelocitySpace(torus, METRIC, 1, 3).band == (3, 3)
        assert VelocitySpace(torus, METRIC, 1, (2, 5)).band == (2, 5)
        assert VelocitySpace(torus, METRIC, 1, np.array([2, 5])).band == (2, 5)

    @pytest.mark.parametrize(("n", "largest"), [(12, 3), (13, 4), (14, 4), (15, 4), (16, 5)])
    def test_the_largest_is_the_two_thirds_rule(self, n, largest):
        """3 band < n, so that a density can keep as many modes."""
        torus = Torus(n)
        assert VelocitySpace(torus, METRIC, 1, None).band == (largest,)
        assert VelocitySpace(torus, METRIC, 1, largest).band == (largest,)
        advice = f"Use band={largest}, or {3 * largest + 4} grid points"
        with pytest.raises(InputError, match=rf"too large for an axis of {n} .* {advice}"):
            VelocitySpace(torus, METRIC, 1, largest + 1)

    def test_only_the_offending_axis_is_named(self):
        with pytest.raises(InputError, match="axis of 12 grid points"):
            VelocitySpace(Torus((12, 16)), METRIC, 1, (5, 5))

    @pytest.mark.parametrize("band", [-1, 2.0, True, "2", (2,), (2, 2, 2), (2, -1), (2, 1.5)])
    def test_no_band(self, band):
        with pytest.raises(InputError, match="band must be a whole number >= 0, or one for each of 2 axes"):
            VelocitySpace(Torus((12, 16)), METRIC, 1, band)

    @pytest.mark.parametrize("layers", [0, -1, 1.0, True, None, "3"])
    def test_no_number_of_layers(self, layers):
        with pytest.raises(InputError, match="layers must be a whole number >= 1"):
            VelocitySpace(Torus(12), METRIC, layers, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda space: space.from_function(lambda s, x, y: 0.0), "gave 1 components of velocity, this torus has 2"),
        (lambda space: space.from_function(lambda s, x, y: (x, y, x)), "gave 3 components"),
        (lambda space: space.from_function(lambda s, x, y: (x[:3], y)), "must be a real number or array"),
        (lambda space: space.from_function(lambda s, x, y: (1j * x, y)), "must be a real number or array .* complex"),
        (lambda space: space.element(np.full(space.shape, "a")), "a control holds complex numbers, got an array of"),
    ],
)
def test_functions_and_arrays_that_are_no_controls(call, words):
    with pytest.raises(InputError, match=words):
        call(VelocitySpace(Torus((12, 13)), SobolevMetric(), 2, 3))


@in_every_space
def test_a_control_is_placed_among_the_spectra_of_its_torus(shape, band, rng):
    space = VelocitySpace(Torus(shape), METRIC, layers=1, band=band)
    placement, v = Placement(space), space.random(rng)
    u_hat = placement.spectrum(v[0])
    assert relative_error(u_hat, space.torus.transform(space.to_grid(v)[0])) < TRANSFORM
    assert np.array_equal(placement.layer(u_hat), v[0])
