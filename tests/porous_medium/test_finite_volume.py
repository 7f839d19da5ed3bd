"""Finite volumes: exact solutions, C7 to C10, orders in space and time, mass, sign, seam, and refusals.

C7 compares with the plain scheme in two ways: with the figures listed for it (point values at cell centres, error =
integral of |u - exact| and relative L2, which the scheme below reproduces), and with the same scheme started from and
compared with cell means, which is what a finite-volume method computes and the harder opponent.
"""

import functools
import math

import numpy as np
import pytest
from profiles import quantisation_weight, waves
from reference import observed_order
from tolerances import FINITE_VOLUME_MASS, ORDER, QUANTISATION, SEAM, STEADY

from torusflow.errors import InputError
from torusflow.porous_medium import (
    Barenblatt,
    FiniteVolume,
    Heat,
    PorousMedium,
    Pressure,
    UltraFast,
    arrival_time,
)

TWO_PI = 2 * math.pi

# d, N -> L1 error and relative L2 of the plain scheme.
LISTED = {
    (1, 64): (1.09e-2, 1.65e-2),
    (1, 128): (1.34e-3, 2.64e-3),
    (1, 256): (5.13e-4, 1.39e-3),
    (1, 512): (1.99e-4, 7.41e-4),
    (2, 64): (5.91e-3, 1.46e-2),
    (2, 128): (2.73e-3, 7.73e-3),
    (2, 256): (8.14e-4, 3.59e-3),
}


def barenblatt(dimension, n):
    """C7: the centre at a corner of cells, as in the figures listed."""
    h = TWO_PI / n
    return Barenblatt(dimension, side=TWO_PI, centre=((n // 2 + 0.5) * h,) * dimension)


def errors(got, exact, n):
    cell = (TWO_PI / n) ** got.ndim
    return np.abs(got - exact).sum() * cell, np.linalg.norm(got - exact) / np.linalg.norm(exact)


def plain(u, start, end, h):
    """Forward Euler and the two-point flux of u^3/3, at 0.7 of the longest stable step."""
    t = start
    while t < end:
        dt = min(0.7 * h**2 / (2 * u.ndim * u.max() ** 2), end - t)
        f = u**3 / 3
        u = u + dt / h**2 * sum(np.roll(f, 1, a) + np.roll(f, -1, a) - 2 * f for a in range(u.ndim))
        t += dt
    return u


@functools.cache
def solve_c7(dimension, n, tolerance=1e-4):
    """Errors and the density at t = 16; several tests look at the same."""
    exact, shape = barenblatt(dimension, n), (n,) * dimension
    start = exact.cell_means(1.0, shape)
    result = FiniteVolume(shape, side=TWO_PI).solve(start, [16.0], tolerance=tolerance, start=1.0)
    u = result.density[0]
    assert u.min() >= 0
    assert u.mean() == pytest.approx(start.mean(), rel=FINITE_VOLUME_MASS)
    return errors(u, exact.cell_means(16.0, shape), n), u


CASES = [pytest.param(d, n, marks=[pytest.mark.slow] if n**d > 10000 else []) for d, n in LISTED]


class TestBarenblatt:
    @pytest.mark.slow
    @pytest.mark.parametrize(("dimension", "n"), CASES)
    def test_c7_beats_the_plain_scheme(self, dimension, n):
        (l1, l2), _ = solve_c7(dimension, n)
        assert l1 < LISTED[dimension, n][0] / 2
        assert l2 < LISTED[dimension, n][1] / 2

    @pytest.mark.parametrize(("dimension", "n"), [(1, 64), (1, 128), (1, 256), (2, 64)])
    def test_c7_beats_the_plain_scheme_in_cell_means(self, dimension, n):
        exact, shape = barenblatt(dimension, n), (n,) * dimension
        u = plain(exact.cell_means(1.0, shape), 1.0, 16.0, TWO_PI / n)
        (l1, l2), _ = solve_c7(dimension, n)
        plain_l1, plain_l2 = errors(u, exact.cell_means(16.0, shape), n)
        assert l1 < 0.7 * plain_l1
        assert l2 < 0.7 * plain_l2

    @pytest.mark.parametrize(
        "n", [24, pytest.param(32, marks=pytest.mark.slow), pytest.param(48, marks=pytest.mark.slow)]
    )
    def test_c7_in_three_dimensions(self, n):
        """Against the plain scheme in point values and in cell means."""
        exact, shape, h = barenblatt(3, n), (n,) * 3, TWO_PI / n
        (l1, l2), _ = solve_c7(3, n)
        for kind in (exact.cell_means, exact.point_values):
            plain_l1, plain_l2 = errors(plain(kind(1.0, shape), 1.0, 16.0, h), kind(16.0, shape), n)
            assert l1 < plain_l1
            assert l2 < plain_l2

    @pytest.mark.parametrize(
        ("dimension", "sizes"), [(1, (64, 128, 256, 512)), pytest.param(2, (64, 128, 256), marks=pytest.mark.slow)]
    )
    def test_c7_order(self, dimension, sizes):
        found = [solve_c7(dimension, n)[0][0] for n in sizes]
        assert observed_order([1 / n for n in sizes], found) > 1.4

    def test_the_plain_scheme_is_the_listed_one(self):
        exact, n = barenblatt(1, 64), 64
        l1, l2 = errors(plain(exact.point_values(1.0, n), 1.0, 16.0, TWO_PI / n), exact.point_values(16.0, n), n)
        assert (l1, l2) == pytest.approx(LISTED[1, 64], rel=0.01)

    def test_c8_in_space_and_time(self):
        """rho_t = Laplacian(rho^2) is m = 2 with time doubled."""
        mass = (1.1 / Barenblatt(2, 2.0, 1.0, 8.0).front_radius(0.6)) ** 4
        exact, shape = Barenblatt(2, 2.0, mass, 8.0), (128, 128)
        times = 2 * np.linspace(0.1, 0.3, 21)[1:]
        solver = FiniteVolume(shape, PorousMedium(2.0), side=8.0)
        result = solver.solve(exact.cell_means(0.2, shape), times, tolerance=1e-4, start=0.2)
        reference = np.stack([exact.cell_means(t, shape) for t in times])
        assert np.linalg.norm(result.density - reference) / np.linalg.norm(reference) < 1.0e-3
        assert result.density.min() >= 0

    @pytest.mark.parametrize("exponent", [1.5, 2.0, 3.0, 6.0])
    def test_no_oscillation(self, exponent):
        """From the top the profile only falls, to exact zeros, for any exponent."""
        n = 128
        exact = Barenblatt(1, exponent, 1.0, 8.0)
        start = exact.cell_means(1.0, n)
        u = FiniteVolume(n, PorousMedium(exponent), side=8.0).solve(start, [2.0], start=1.0).density[0]
        assert np.all(np.diff(u[n // 2 :]) <= 0)
        assert np.all(np.diff(u[: n // 2]) >= 0)
        assert u.min() >= 0
        assert np.abs(u - exact.cell_means(2.0, n)).sum() < 5e-3 * u.sum()

    def test_the_front_is_sharp(self):
        """Two cells beyond the exact front there is less than a thousandth of the top."""
        n = 256
        _, u = solve_c7(1, n)
        x = (np.arange(n) - (n // 2 + 0.5)) * TWO_PI / n
        beyond = np.abs(x) > barenblatt(1, n).front_radius(16.0) + 2.5 * TWO_PI / n
        assert u[beyond].max() < 1e-3 * u.max()


class TestWaitingTime:
    def test_c9(self):
        """u_0 = sqrt 2 |sin x| on [-pi, 0]: the front at 0 rests until 1/8; `arrival_time` finds it from above."""
        found = []
        for n in (400, 800, 1600):
            h = TWO_PI / n
            edges = -np.cos(-math.pi + h * np.arange(n // 2 + 1))
            start = np.concatenate([math.sqrt(2) * np.abs(np.diff(edges)) / h, np.zeros(n // 2)])
            times = np.linspace(0, 0.25, 251)
            result = FiniteVolume(n, side=TWO_PI).solve(start, times, tolerance=1e-4)
            found.append(arrival_time(times, result.density[:, n // 2], h))
        assert found[0] > found[1] > found[2] > 1 / 8
        assert found[2] < 0.172

    def test_the_rule(self):
        """For m = 3 a cell just filled by a front of unit slope has the mean (2/3) sqrt(2 h)."""
        filled = 2 / 3 * math.sqrt(2 * 0.01)
        times, means = [0.0, 1.0, 2.0], [0.0, filled / 2, 1.5 * filled]
        assert arrival_time(times, means, 0.01) == pytest.approx(1.5)
        assert arrival_time(times, np.zeros(3), 0.01) == math.inf
        assert arrival_time(times, np.ones(3), 0.01) == 0.0
        with pytest.raises(InputError, match="two arrays"):
            arrival_time(times, [0.0], 0.01)
        with pytest.raises(InputError, match="width"):
            arrival_time(times, means, 0.0)


class TestUltraFast:
    @pytest.mark.parametrize(
        ("c", "expected"),
        [
            (10, {0: 0.2193477, 1: 0.0555899, 5: 5.2132e-5}),
            (100, {0: 0.7363111, 1: 0.2414514, 5: 0.0473511, 10: 6.4612e-5}),
        ],
    )
    def test_c10(self, c, expected):
        """In cell means of g and f."""
        g = quantisation_weight(256, c)
        result = FiniteVolume(256, UltraFast(g), side=TWO_PI).solve(np.ones(256), list(expected), tolerance=1e-6)
        for f, value in zip(result.density, expected.values(), strict=True):
            assert np.mean(g * np.log(g / f)) == pytest.approx(value, rel=QUANTISATION)
            assert f.mean() == pytest.approx(1, rel=FINITE_VOLUME_MASS)

    @pytest.mark.parametrize("shape", [(40,), (12, 15), (6, 7, 8)], ids=str)
    def test_the_weight_is_steady(self, shape, rng):
        """To the round-off of large fluxes that cancel, also where it is rough."""
        g = np.exp(rng.normal(size=shape))
        f = FiniteVolume(shape, UltraFast(g)).solve(3 * g, [1.0]).density[0]
        np.testing.assert_allclose(f, 3 * g, rtol=STEADY)

    def test_order_two_in_two_dimensions(self):
        def weight(n):
            return 1 + 0.5 * np.outer(waves(n, 1, 0.1), waves(n, 1, 0.3))

        def solve(n):
            return FiniteVolume((n, n), UltraFast(weight(n))).solve(np.ones((n, n)), [0.01], tolerance=1e-7).density[0]

        assert richardson_order(solve, (12, 24, 48)) > 1.9


def richardson_order(solve, sizes):
    """From three grids, each half as wide: differences of means over the cells of the coarser grid."""

    def coarsened(u):
        for axis in range(u.ndim):
            u = (np.take(u, range(0, u.shape[axis], 2), axis) + np.take(u, range(1, u.shape[axis], 2), axis)) / 2
        return u

    a, b, c = (solve(n) for n in sizes)
    return math.log2(np.linalg.norm(coarsened(b) - a) / a.size**0.5 / (np.linalg.norm(coarsened(c) - b) / b.size**0.5))


class TestSmooth:
    @pytest.mark.parametrize("shape", [(32,), (33,), (24, 35), (10, 12, 11)], ids=str)
    def test_heat_against_the_exact_solution(self, shape):
        """Of one wave an axis; the error of order four in space bounds it."""
        start, exact = 0.0, 0.0
        for axis, n in enumerate(shape):
            wave = waves(n, 1, 0.1 * axis).reshape([-1 if a == axis else 1 for a in range(len(shape))])
            start, exact = start + 0.2 * wave, exact + 0.2 * math.exp(-(TWO_PI**2) * 0.02) * wave
        u = FiniteVolume(shape, Heat()).solve(1 + start + np.zeros(shape), [0.02], tolerance=1e-7).density[0]
        assert np.abs(u - 1 - exact).max() < 30 / min(shape) ** 4 + 2e-6

    def test_heat_order_four(self):
        sizes = (12, 24, 48)
        found = []
        for n in sizes:
            wave = waves(n, 1, 0.0)
            u = FiniteVolume(n, Heat()).solve(1 + 0.5 * wave, [0.02], tolerance=1e-10).density[0]
            found.append(np.abs(u - 1 - 0.5 * math.exp(-(TWO_PI**2) * 0.02) * wave).max())
        assert abs(observed_order([1 / n for n in sizes], found) - 4) < ORDER

    @pytest.mark.parametrize("exponent", [2.0, 3.0])
    @pytest.mark.parametrize(("dimension", "sizes"), [(1, (32, 64, 128)), (2, (24, 48, 96))])
    def test_porous_medium_order_four(self, dimension, sizes, exponent):
        def solve(n):
            start = 1 + 0.3 * waves(n, 1, 0.2)
            if dimension == 2:
                start = np.outer(start, 1 + 0.3 * waves(n, 1, 0.4))
            return FiniteVolume(start.shape, PorousMedium(exponent)).solve(start, [0.005], tolerance=1e-9).density[0]

        assert richardson_order(solve, sizes) == pytest.approx(4, abs=2 * ORDER)

    def test_c5(self):
        """Point values from cell means around x_j = j/n."""
        n = 128
        u = FiniteVolume(n).solve(1 + 0.5 * waves(n, 1, 0.0, centred=True), [0.01], tolerance=1e-9).density[0]
        points = u - (np.roll(u, 1) + np.roll(u, -1) - 2 * u) / 24
        assert points[0] == pytest.approx(1.28819428355, abs=1e-6)
        assert points[n // 2] == pytest.approx(0.5779256516, abs=1e-6)

    @pytest.mark.slow
    def test_the_error_in_time_follows_the_tolerance(self):
        """An error per step of dt^3 adds up to dt^2, the power 2/3 of the tolerance."""
        solver, start = FiniteVolume(64), 1 + 0.5 * waves(64, 1, 0.0)
        exact = solver.solve(start, [0.02], tolerance=1e-11).density[0]
        tolerances = np.array([1e-5, 1e-6, 1e-7, 1e-8])
        found = [np.abs(solver.solve(start, [0.02], tolerance=t).density[0] - exact).max() for t in tolerances]
        assert abs(observed_order(tolerances, found) - 2 / 3) < ORDER
        assert found[0] < 1e-4

    def test_output_times_are_hit(self):
        """More of them cost accuracy nothing; equal ones, the start itself and any start are allowed."""
        solver, start = FiniteVolume(32), 1 + 0.5 * waves(32, 1, 0.0)
        few = solver.solve(start, [5.02], tolerance=1e-8, start=5.0)
        many = solver.solve(start, [5.0, 5.003, 5.003, 5.0123, 5.02], tolerance=1e-8, start=5.0)
        np.testing.assert_array_equal(many.density[0], start)
        np.testing.assert_array_equal(many.density[1], many.density[2])
        np.testing.assert_allclose(many.density[-1], few.density[0], atol=1e-6)
        np.testing.assert_array_equal(many.times, [5.0, 5.003, 5.003, 5.0123, 5.02])

    @pytest.mark.parametrize("exponent", [1.5, 2.0, 3.0])
    def test_an_own_pressure(self, exponent):
        """p = rho^(m-1)/(m-1) given by its slope is the porous medium."""
        own = Pressure(lambda r: r ** (exponent - 2), lambda r: r ** (exponent - 1) / (exponent - 1))
        start = Barenblatt(1, exponent, 1.0, 8.0).cell_means(1.0, 64)
        got, expected = (
            FiniteVolume(64, diffusion, side=8.0).solve(start, [2.0], start=1.0).density[0]
            for diffusion in (own, PorousMedium(exponent))
        )
        np.testing.assert_allclose(got, expected, atol=1e-9)

    def test_a_box_of_different_sides(self):
        """A density that varies along one axis is the one-dimensional one, whatever the other axis is."""
        start = 1 + 0.5 * waves(32, 1, 0.0)
        line = FiniteVolume(32, side=2.0).solve(start, [0.05], tolerance=1e-9).density[0]
        plane = FiniteVolume((5, 32), side=(0.3, 2.0)).solve(np.tile(start, (5, 1)), [0.05], tolerance=1e-9).density[0]
        np.testing.assert_allclose(plane, np.tile(line, (5, 1)), atol=1e-8)


class TestInvariants:
    @pytest.mark.parametrize("diffusion", [PorousMedium(3.0), PorousMedium(1.3), Heat()], ids=str)
    @pytest.mark.parametrize("shape", [(50,), (17, 20), (8, 9, 10)], ids=str)
    def test_mass_and_sign_of_rough_data(self, shape, diffusion, rng):
        """Noise with holes, and a coarse tolerance."""
        start = rng.uniform(size=shape) * (rng.uniform(size=shape) > 0.6)
        result = FiniteVolume(shape, diffusion).solve(start, [1e-4, 1e-2, 20.0], tolerance=1e-2)
        assert result.density.min() >= 0
        for u in result.density:
            assert u.mean() == pytest.approx(start.mean(), rel=FINITE_VOLUME_MASS)
        np.testing.assert_allclose(result.density[-1], start.mean(), rtol=0.01)

    @pytest.mark.parametrize("shape", [(64,), (33,), (24, 24), (12, 12, 12)], ids=str)
    def test_the_seam_is_nowhere(self, shape):
        """Moved by cells, over the seam: the same numbers."""
        d = len(shape)
        start = Barenblatt(d, side=TWO_PI).cell_means(1.0, shape)
        moves = tuple(n // 2 + axis for axis, n in enumerate(shape))
        solver = FiniteVolume(shape, side=TWO_PI)
        there = solver.solve(start, [4.0], start=1.0).density[0]
        here = solver.solve(np.roll(start, moves, range(d)), [4.0], start=1.0).density[0]
        np.testing.assert_allclose(here, np.roll(there, moves, range(d)), atol=SEAM * there.max(), rtol=0)

    def test_mirrored_data_stay_mirrored(self):
        n = 64
        start = barenblatt(2, n).cell_means(1.0, (n, n))
        u = FiniteVolume((n, n), side=TWO_PI).solve(start, [4.0], start=1.0).density[0]
        mirrored = u[(1 - np.arange(n)) % n]  # the centre is half a cell beyond the middle: j and 1 - j are partners
        np.testing.assert_allclose(mirrored, u, atol=SEAM * u.max(), rtol=0)
        np.testing.assert_allclose(u.T, u, atol=SEAM * u.max(), rtol=0)

    def test_arguments_stay(self):
        start = 1 + 0.5 * waves(16, 1, 0.0)
        before = start.copy()
        result = FiniteVolume(16).solve(start, [0.0, 0.1])
        np.testing.assert_array_equal(start, before)
        result.density[0] += 1
        np.testing.assert_array_equal(start, before)
