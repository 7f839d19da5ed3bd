"""Exponential map, logarithm and distance: conservation along the flow, addition of times, round trips, invariance."""

import numpy as np
import pytest
from geodesics import TWO_PI, c15, c16

import torusflow as tfl
from torusflow.errors import InputError, NumericalError
from torusflow.geodesic import distance, exponential, lifted_distance, logarithm, shoot
from torusflow.geodesic.epdiff import EPDiff
from torusflow.torus.scattered import interpolate

# Points along resolved geodesics, in steps of tolerance 1e-10. Absolute.
MAP = 1e-9
# What momentum does along maps found in steps of tolerance 1e-12, where it is resolved. Absolute.
CONSERVED = 1e-11
# A logarithm misses its map by 1e-10; the norm of V multiplies what is rough in that by up to a thousand. Relative.
ROUND_TRIP = 1e-7
# The project's bound for distances is 1e-6; compositions are interpolated to 1e-12. Relative.
INVARIANCE = 1e-9


def length(torus, metric, u):
    return np.sqrt(torus.inner(u, metric.roughen(torus, u)))


def grid(torus):
    return np.stack([axis.ravel() for axis in torus.points], axis=1)


def small(shape, rng, size=0.02, metric=None):
    """A torus, a metric and a smooth velocity with modes |k_j| <= 1."""
    torus, metric = tfl.Torus(shape, threads=1), metric or tfl.SobolevMetric(2.5, 0.3)
    return torus, metric, field(torus, rng, size)


def field(torus, rng, size=0.02):
    u = torus.truncate(rng.standard_normal((torus.dimension, *torus.shape)), 1)
    return u * (size / np.max(np.abs(u)))


class TestExponential:
    @pytest.mark.parametrize(("case", "n", "share"), [(c15, 96, 0.25), (c16, 64, 0.5)])
    def test_momentum_is_carried_by_the_map(self, case, n, share):
        """K*(D phi^T m_1(phi) det D phi) = u_0: EPDiff's conservation law, with derivatives of phi from its values."""
        torus, metric, u0 = case(n)
        path = shoot(torus, metric, share * u0, times=[0.0, 1.0], tolerance=1e-12)
        phi = tfl.Diffeomorphism.sampled(torus, exponential(torus, metric, share * u0, tolerance=1e-12))
        momentum = interpolated(torus, path.momentum[1], phi(grid(torus)))
        carried = np.einsum("nji,nj->ni", phi.jacobians, momentum) * np.linalg.det(phi.jacobians)[:, None]
        carried = metric.smooth(torus, carried.T.reshape(u0.shape))
        assert torus.norm(path.velocity[1] - path.velocity[0]) > 0.1 * torus.norm(path.velocity[0])
        np.testing.assert_allclose(carried, path.velocity[0], rtol=0, atol=CONSERVED)

    @pytest.mark.parametrize("case", [c15, c16])
    def test_time_adds_up(self, case, rng):
        """exp(u_0 / 2), then half of the velocity there."""
        torus, metric, u0 = case(64)
        half = shoot(torus, metric, 0.5 * u0, times=[0.5], tolerance=1e-12).velocity[0]
        x = rng.random((30, torus.dimension))
        first, then = (exponential(torus, metric, 0.5 * u, tolerance=1e-11) for u in (0.5 * u0, half))
        whole = exponential(torus, metric, 0.5 * u0, tolerance=1e-11)(x)
        np.testing.assert_allclose(then(first(x)), whole, rtol=0, atol=MAP)
        assert np.max(np.abs(whole - x - interpolated(torus, 0.5 * u0, x))) > 1e-2

    @pytest.mark.parametrize("case", [c15, c16])
    def test_the_geodesic_back_is_the_inverse(self, case, rng):
        torus, metric, u0 = case(64)
        there = exponential(torus, metric, 0.5 * u0)
        back = exponential(torus, metric, -shoot(torus, metric, 0.5 * u0, tolerance=1e-12).velocity[0])
        x = 3 * rng.random((30, torus.dimension)) - 1
        np.testing.assert_allclose(back(there(x)), x, rtol=0, atol=MAP)

    @pytest.mark.slow
    def test_it_is_the_flow_of_the_velocities(self, rng):
        """Particles in layers at whose middles the velocity is known: the error is of second order in the layers."""
        torus, metric, u0 = c16(48)
        errors, x = [], rng.random((30, 2))
        for layers in (10, 20):
            middles = (np.arange(layers) + 0.5) / layers
            model = tfl.TorusNODE(x, metric, layers, band=15, substeps=2)
            v = np.stack(
                [
                    model.space.coefficients(torus.resample(u, model.space.torus))
                    for u in shoot(torus, metric, u0, middles).velocity
                ]
            )
            errors.append(np.max(np.abs(model(v) - exponential(torus, metric, u0)(x))))
        assert errors[0] < 1e-3 and errors[0] / errors[1] == pytest.approx(4, rel=0.1)

    @pytest.mark.parametrize("shape", [(16,), (9, 12), (8, 9, 7)], ids=str)
    def test_constant_fields_are_translations(self, shape, rng):
        torus, x = tfl.Torus(shape), rng.random((5, len(shape)))
        shift = np.arange(1.0, len(shape) + 1) / 3
        u0 = np.broadcast_to(shift.reshape(-1, *[1] * len(shape)), (len(shape), *shape))
        np.testing.assert_allclose(exponential(torus, tfl.SobolevMetric(2.0), u0)(x), x + shift, rtol=0, atol=MAP)

    @pytest.mark.parametrize("tolerance", [1e-5, 1e-8, 1e-11])
    def test_points_are_held_to_the_tolerance_too(self, tolerance, monkeypatch, rng):
        """C2, whose velocity is no geodesic, so it is held fast: all error is then that of the points."""
        monkeypatch.setattr(EPDiff, "rate", lambda self, at: np.zeros((1, *self.torus.spectral_shape), complex))
        torus, x = tfl.Torus((32,)), rng.random((40, 1)) - 0.5
        u0 = 2.5 * np.sin(TWO_PI * torus.points[0])[None] / TWO_PI
        found = exponential(torus, tfl.SobolevMetric(2.0), u0, tolerance)(x)
        error = np.max(np.abs(found - np.arctan(np.exp(2.5) * np.tan(np.pi * x)) / np.pi))
        assert error < 10 * tolerance

    def test_no_points_and_points_that_are_none(self):
        torus, metric, u0 = c16(24)
        phi = exponential(torus, metric, u0)
        assert phi(np.zeros((0, 2))).shape == (0, 2)
        with pytest.raises(InputError, match=r"\(N, 2\), got \(3, 1\)"):
            phi(np.zeros((3, 1)))

    def test_what_cannot_be_shot_is_refused_at_once(self):
        torus = tfl.Torus((48,))
        with pytest.raises(InputError, match="finer than the grid"):
            exponential(torus, tfl.SobolevMetric(2.0), np.sin(TWO_PI * 15 * torus.points[0])[None])
        phi = exponential(torus, tfl.SobolevMetric(1.0, 0.05), np.sin(TWO_PI * torus.points[0])[None])
        with pytest.raises(NumericalError, match=r"at time 0\.\d+ of 1 the geodesic is finer"):
            phi([[0.5]])


def interpolated(torus, u, x):
    return np.stack([interpolate(torus, component, x) for component in u], axis=1)


class TestLogarithm:
    @pytest.mark.slow
    @pytest.mark.parametrize(("case", "n", "share"), [(c15, 48, 0.4), (c15, 49, 0.2), (c16, 24, 0.3), (c16, 25, 0.2)])
    def test_round_trip(self, case, n, share):
        torus, metric, u0 = case(n)
        u0 = share * u0
        phi = exponential(torus, metric, u0)
        displacement = tfl.Diffeomorphism.sampled(torus, phi).displacement
        found = logarithm(torus, metric, tfl.Diffeomorphism(torus, displacement))
        assert length(torus, metric, found - u0) < ROUND_TRIP * length(torus, metric, u0)
        assert length(torus, metric, displacement - u0) > 0.05 * length(torus, metric, u0)

    @pytest.mark.slow
    @pytest.mark.parametrize(("case", "n", "share"), [(c15, 80, 1.0), (c16, 36, 0.7)])
    def test_round_trip_far_from_the_identity(self, case, n, share):
        torus, metric, u0 = case(n)
        u0 = share * u0
        found = logarithm(torus, metric, exponential(torus, metric, u0))
        assert length(torus, metric, found - u0) < 1e-6 * length(torus, metric, u0)

    @pytest.mark.slow
    def test_three_dimensions(self, rng):
        torus, metric, u0 = small((8, 8, 9), rng, 0.01)
        found = logarithm(torus, metric, exponential(torus, metric, u0))
        assert length(torus, metric, found - u0) < ROUND_TRIP * length(torus, metric, u0)

    def test_translations(self):
        torus, shift = tfl.Torus((12, 13)), np.array([0.7, -0.2])
        found = logarithm(torus, tfl.SobolevMetric(2.0), lambda x: x + shift)
        np.testing.assert_allclose(found, np.broadcast_to(shift[:, None, None], found.shape), rtol=0, atol=1e-10)

    def test_the_identity(self):
        torus = tfl.Torus((12, 13))
        assert not np.any(logarithm(torus, tfl.SobolevMetric(2.0), lambda x: x))

    @pytest.mark.slow
    def test_no_path_to_a_map_is_shorter(self, rng):
        """The geodesic to the end of a flow, against the flow."""
        torus, metric = tfl.Torus((20, 21), threads=1), tfl.SobolevMetric(2.5, 0.3)
        model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=3, band=2, substeps=8)
        v = model.space.random(rng)
        v *= 0.06 / np.max(np.abs(model.space.to_grid(v)))
        shortest = distance(torus, metric, tfl.FlowMap(model, v), lambda x: x)
        path = np.mean(model.space.norm_of_layers(v))
        assert 0.1 * path < shortest < 0.9 * path


class TestDistance:
    @pytest.mark.slow
    @pytest.mark.parametrize("shape", [(30,), (31,), (18, 19)], ids=str)
    def test_right_invariance(self, shape, rng):
        """All maps are values on the grid, composed by interpolation; composing on the left is no isometry."""
        torus, metric, a = small(shape, rng)
        phi, psi = (tfl.Diffeomorphism.sampled(torus, exponential(torus, metric, u)) for u in (a, field(torus, rng)))
        model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=2, band=2, substeps=8)
        v = model.space.random(rng)
        eta = tfl.Diffeomorphism.sampled(torus, tfl.FlowMap(model, v * (0.05 / np.max(np.abs(model.space.to_grid(v))))))
        plain = distance(torus, metric, phi, psi)
        assert distance(torus, metric, phi @ eta, psi @ eta) == pytest.approx(plain, rel=INVARIANCE)
        assert distance(torus, metric, psi, phi) == pytest.approx(plain, rel=INVARIANCE)
        assert abs(distance(torus, metric, eta @ phi, eta @ psi) - plain) > 1e-3 * plain

    @pytest.mark.slow
    def test_it_is_the_length_of_the_geodesic(self, rng):
        torus, metric, u0 = small((24, 25), rng)
        phi = exponential(torus, metric, u0)
        expected = length(torus, metric, u0)
        assert distance(torus, metric, phi, lambda x: x) == pytest.approx(expected, rel=INVARIANCE)
        assert distance(torus, metric, phi, exponential(torus, metric, 0.25 * u0)) == pytest.approx(
            0.75 * expected, rel=INVARIANCE
        )

    def test_maps_that_differ_by_whole_turns_are_one(self, rng):
        """x + 0.9 and x - 0.1 are 0.1 from the identity; their lifts are 0.9 and 0.1 from it, and 1 apart."""
        torus, metric = tfl.Torus((8,)), tfl.SobolevMetric(2.0, 0.2)
        ahead, behind, identity = ((lambda x, by=by: x + by) for by in (0.9, -0.1, 0.0))
        for phi in (ahead, behind):
            assert distance(torus, metric, phi, identity) == pytest.approx(0.1, rel=INVARIANCE)
        assert lifted_distance(torus, metric, ahead, identity) == pytest.approx(0.9, rel=INVARIANCE)
        assert lifted_distance(torus, metric, ahead, behind) == pytest.approx(1.0, rel=INVARIANCE)
        assert distance(torus, metric, ahead, behind) < 1e-9

    @pytest.mark.slow
    def test_turns_change_no_distance(self, rng):
        torus, metric, a = small((18,), rng)
        phi, psi = (exponential(torus, metric, u) for u in (a, field(torus, rng)))
        plain = distance(torus, metric, phi, psi)
        assert distance(torus, metric, lambda x: phi(x) + 2, psi) == pytest.approx(plain, rel=INVARIANCE)
        assert distance(torus, metric, phi, lambda x: psi(x) - 1) == pytest.approx(plain, rel=INVARIANCE)
        assert lifted_distance(torus, metric, phi, psi) == pytest.approx(plain, rel=INVARIANCE)

    @pytest.mark.slow
    def test_triangle(self, rng):
        torus, metric, a = small((32,), rng)
        phi, psi = (exponential(torus, metric, u) for u in (a, field(torus, rng)))
        sides = [distance(torus, metric, *pair) for pair in ((phi, psi), (phi, lambda x: x), (psi, lambda x: x))]
        assert all(side < sum(sides) - side for side in sides)


class TestBadInput:
    @pytest.mark.slow
    @pytest.mark.parametrize("n", [32, 64])
    def test_maps_finer_than_the_grid(self, n):
        torus = tfl.Torus((n,))
        kink = tfl.Diffeomorphism.sampled(torus, lambda x: x + 0.02 * np.abs(np.sin(TWO_PI * x)))
        with pytest.raises(NumericalError, match=rf"the map is finer than the grid \({n},\): no geodesic there"):
            logarithm(torus, tfl.SobolevMetric(2.0, 0.3), kink)

    def test_maps_whose_geodesic_is_finer_than_the_grid(self):
        """Newton's method may pass unresolved geodesics, but does not end there: mode 18 of 21 that are kept."""
        torus = tfl.Torus((64,))
        with pytest.raises(NumericalError, match=r"geodesic to this map cannot be shot: u0 is finer than the grid"):
            logarithm(torus, tfl.SobolevMetric(2.0, 0.3), lambda x: x + 1e-5 * np.sin(18 * TWO_PI * x))

    def test_maps_that_are_not_reached(self, monkeypatch):
        monkeypatch.setattr("torusflow.geodesic.exponential_map.NEWTON_ITERATIONS", 2)
        torus, metric, u0 = c15(32)
        with pytest.raises(NumericalError, match=r"Newton's method stops at a distance of .* several geodesics"):
            logarithm(torus, metric, exponential(torus, metric, 0.3 * u0))

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"torus": 3}, "take a Torus"),
            ({"metric": tfl.SobolevMetric(0.5)}, "smoothness >= 1"),
            ({"phi": np.zeros((1, 16))}, r"takes points .* got a ndarray.*Diffeomorphism\(torus, displacement\)"),
            ({"phi": lambda x: -x}, r"folds at \d+ of 16"),
            ({"tolerance": 0}, "tolerance must be a number between"),
            ({"tolerance": True}, "tolerance must be a number between"),
        ],
    )
    def test_arguments(self, arguments, words):
        given = {"torus": tfl.Torus((16,)), "metric": tfl.SobolevMetric(2.0), "phi": lambda x: x, **arguments}
        with pytest.raises(InputError, match=words):
            logarithm(**given)
        for names in (("phi", "psi"), ("psi", "phi")):  # of the distance each is the map of the logarithm
            maps = dict(zip(names, (given["phi"], lambda x: x), strict=True))
            with pytest.raises(InputError, match=words):
                distance(**{**given, **maps})
