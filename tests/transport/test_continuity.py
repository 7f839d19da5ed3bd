"""The continuity equation: exact solutions, order, conservation, transpose, aliasing and stability.

C1, C2 and C3 are reference cases that were computed outside the package: two closed forms, and the divergence-free
field of CLAIRE's synthetic problem, known to ten and eleven digits.
"""

import math

import numpy as np
import pytest
import reference
from equations import equation_on, pushed, random_problem
from libraries import every_library
from reference import SHAPES, TWO_PI, observed_order, relative_error
from tolerances import (
    ADJOINT,
    C3_RELATIVE_CHANGE,
    C3_VALUE,
    KERNEL,
    MASS,
    ORDER,
    PUSH,
    RESOLVED,
    SAME,
)

from torusflow.backends.cpu import blocks as layout
from torusflow.backends.cpu import sweeps


def shear_error(steps):
    """C1 with rho_0 of modes up to 2 in x: the Bessel tail in y ends before mode 31."""
    equation = equation_on((8, 64), (0, 1), layers=1, substeps=steps)
    x, y = equation.torus.points

    def density(x, y):
        return 1 + 0.5 * np.cos(TWO_PI * x) * (1 + 0.3 * np.sin(TWO_PI * y)) + 0.2 * np.sin(2 * TWO_PI * (x + y))

    velocity = np.stack([0.3 * np.sin(TWO_PI * y), 0 * y])
    return relative_error(pushed(equation, density(x, y), [velocity]), density(x - 0.3 * np.sin(TWO_PI * y), y))


def compression_exact(a, x):
    """C2: prod_j 1/(e^a_j cos^2 pi x_j + e^-a_j sin^2 pi x_j)."""
    halves = [(b, np.cos(np.pi * y) ** 2) for b, y in zip(a, x, strict=True)]
    return math.prod(1 / (np.exp(b) * half + np.exp(-b) * (1 - half)) for b, half in halves)


def compression_velocity(a, x):
    return np.stack([b * np.sin(TWO_PI * y) / TWO_PI for b, y in zip(a, x, strict=True)])


def compression(shape, a, steps):
    """C2 from the uniform density: the torus and rho_1."""
    equation = equation_on(shape, (1,) * len(shape), layers=1, substeps=steps)
    velocity = compression_velocity(a, equation.torus.points)
    return equation.torus, pushed(equation, np.ones(shape), [velocity])


def compression_error(shape, a, steps):
    torus, got = compression(shape, a, steps)
    return relative_error(got, compression_exact(a, torus.points))


# Coefficients of C2 fall by tanh(a/2) a mode; each grid resolves its product to 1e-12.
COMPRESSIONS = [
    ((128,), (1.2,), 800),
    ((127,), (-1.2,), 800),
    ((48, 65), (0.4, 0.6), 400),
    ((20, 23, 24), (0.1, -0.12, 0.14), 100),
]


class TestExactSolutions:
    def test_c1_shear(self):
        assert shear_error(640) < RESOLVED

    @pytest.mark.parametrize(("shape", "a", "steps"), COMPRESSIONS, ids=reference.name)
    def test_c2_compression(self, shape, a, steps):
        assert compression_error(shape, a, steps) < RESOLVED

    def test_c2_distance_to_uniform(self):
        """Half the squared L2 distance is (cosh a - 1)/2."""
        torus, got = compression((128,), (1.2,), 800)
        assert torus.inner(got - 1, got - 1) / 2 == pytest.approx(0.40532778366218736, rel=RESOLVED)

    def test_c2_in_layers_of_different_strength(self):
        """The fields commute, so only the mean of a over the layers counts."""
        strengths = (0.5, -1.0, 2.5)
        equation = equation_on((96,), (1,), layers=3, substeps=400)
        fields = [compression_velocity((a,), equation.torus.points) for a in strengths]
        exact = compression_exact((2 / 3,), equation.torus.points)
        assert relative_error(pushed(equation, np.ones(96), fields), exact) < RESOLVED

    def test_c3_divergence_free_field(self):
        equation = equation_on((40, 40, 40), (2, 2, 2), layers=2, substeps=40)
        torus = equation.torus
        sin, cos = ([function(TWO_PI * x) for x in torus.points] for function in (np.sin, np.cos))
        density = sum(s**2 for s in sin) / 3
        swirl = np.stack([sin[2] * cos[1] * sin[1], sin[0] * cos[2] * sin[2], sin[1] * cos[0] * sin[0]])
        velocity = 0.5 / TWO_PI * swirl
        got = pushed(equation, density, [velocity, velocity])
        change = torus.norm(got - density) / torus.norm(density)
        assert change == pytest.approx(0.0936072785, abs=C3_RELATIVE_CHANGE)
        assert got[5, 10, 15] == pytest.approx(0.74813151163, abs=C3_VALUE)  # x = (1/8, 1/4, 3/8)
        assert torus.mean(got) == pytest.approx(1 / 2, abs=MASS)
        assert torus.inner(got, got) == pytest.approx(7 / 24, abs=RESOLVED)

    @pytest.mark.slow
    def test_constant_velocity_translates(self):
        equation = equation_on((24, 25), (0, 0), layers=2, substeps=100)
        x, y = equation.torus.points
        fields = np.broadcast_to(np.reshape([0.3, -0.2], (2, 1, 1)), (2, 2, 24, 25))
        got = pushed(equation, 1 + np.cos(TWO_PI * (x + 2 * y)), fields)
        assert relative_error(got, 1 + np.cos(TWO_PI * (x + 2 * y - 0.3 + 0.4))) < RESOLVED


class TestOrder:
    STEPS = np.array([40, 80, 160, 320])

    @pytest.mark.parametrize(
        ("error", "bound"),
        [
            (shear_error, 3e-7),
            (lambda steps: compression_error((128,), (1.2,), steps), 2e-7),
            (lambda steps: compression_error((48, 65), (0.4, 0.6), steps), 1e-8),
        ],
        ids=["C1", "C2-1d", "C2-2d"],
    )
    def test_order_four_in_time(self, error, bound):
        """Fitted over three doublings; the coarsest error is bounded too, or a scheme far off could pass."""
        errors = [error(int(steps)) for steps in self.STEPS]
        assert abs(observed_order(1 / self.STEPS, errors) - 4) < ORDER
        assert errors[0] < bound


# -- the scheme against the same scheme in plain NumPy ----------------------------------------------------------------


class TestScheme:
    @pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
    @pytest.mark.parametrize("band", [0, 1, 2])
    def test_is_classical_runge_kutta_on_truncated_products(self, shape, band, rng):
        """White noise through three layers in their order, against k_1 ... k_4 with full complex transforms."""
        equation, rho, fields = random_problem(rng, shape, (band,) * len(shape), layers=3)
        expected = reference.push(rho, fields, shape, equation.modes, equation.substeps)
        assert relative_error(pushed(equation, rho, fields), expected) < PUSH

    @every_library
    def test_both_libraries_push_alike(self, library, rng):
        equation, rho, fields = random_problem(rng, (8, 9, 10), (2, 2, 2))
        other = equation_on((8, 9, 10), (2, 2, 2), 2, 2, library=library)
        assert relative_error(pushed(other, rho, fields), pushed(equation, rho, fields)) < PUSH

    @every_library
    @pytest.mark.parametrize("shape", [(512, 257), (64, 64, 33)], ids=reference.name)
    def test_many_threads_push_what_one_pushes(self, shape, library, rng):
        """To the last bit, forward, along a tangent and back."""
        band = (3,) * len(shape)
        equations = [equation_on(shape, band, threads=threads, library=library) for threads in (1, 2, 3)]
        assert equations[2]._stages._geometry.parts == 3
        fields = reference.truncate(rng.normal(size=(1, len(shape), *shape)), shape, band)
        fields *= 1.5 / equations[0].courant(fields[0])
        rho, w = rng.normal(size=(2, *shape))
        results = []
        for equation in equations:
            stages = np.empty((1, 4, *shape))
            rho_hat = equation.push(equation.project(rho), fields.__getitem__, stages)
            taken = []
            w_hat = equation.transpose(
                equation.project(w), fields.__getitem__, stages, lambda layer, m, taken=taken: taken.append(m.copy())
            )
            change_hat = equation.tangent(fields.__getitem__, fields.__getitem__, stages)
            results.append((rho_hat, stages, w_hat, taken[0], change_hat))
        for result in results[1:]:
            for got, expected in zip(result, results[0], strict=True):
                np.testing.assert_array_equal(got, expected)

    def test_kept_densities_of_a_large_grid_begin_with_the_initial_one(self, rng):
        """They are written past the caches from some size on."""
        shape = (512, 258)
        assert 4 * math.prod(shape) > sweeps.NUMBERS_TO_STREAM
        equation = equation_on(shape, (3, 3), layers=1, substeps=1, threads=2)
        rho, stages = rng.normal(size=shape), np.empty((1, 4, *shape))
        equation.push(equation.project(rho), lambda layer: np.full((2, *shape), 1e-3), stages)
        np.testing.assert_array_equal(stages[0, 0], equation.evaluate(equation.project(rho)))

    @pytest.mark.parametrize(("shape", "band"), [((33,), 3), ((13, 16), 2), ((8, 9, 10), 2)], ids=str)
    @pytest.mark.parametrize(("rows", "columns"), [(1, 1), (40, 30), (100, 7)])
    def test_blocks_of_any_size_push_alike(self, shape, band, rows, columns, rng, monkeypatch):
        equation, rho, fields = random_problem(rng, shape, (band,) * len(shape))
        expected = pushed(equation, rho, fields)
        for library in layout.ROWS:
            monkeypatch.setitem(layout.ROWS, library, rows)
            monkeypatch.setitem(layout.COLUMNS, library, columns)
        monkeypatch.setattr(layout, "MINIMUM_POINTS_PER_THREAD", 2)
        other = equation_on(shape, (band,) * len(shape), equation.layers, equation.substeps, threads=2)
        assert relative_error(pushed(other, rho, fields), expected) < PUSH

    @pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
    def test_project_and_evaluate(self, shape, rng):
        equation = equation_on(shape, (1,) * len(shape))
        f = rng.normal(size=shape)
        f_hat = equation.project(f)
        assert relative_error(equation.evaluate(f_hat), reference.truncate(f, shape, equation.modes)) < SAME
        assert relative_error(equation.project(equation.evaluate(f_hat)), f_hat) < SAME

    def test_visits_every_layer_with_the_density_after_it(self, rng):
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2), layers=3)
        seen = []
        pushed(equation, rho, fields, visit=lambda layer, f_hat: seen.append((layer, f_hat.copy())))
        assert [layer for layer, _ in seen] == [0, 1, 2]
        for layer, f_hat in seen:
            h = equation.layers / (layer + 1)  # fewer layers of the same length: time runs to (layer + 1)/3
            expected = reference.push(rho, fields[: layer + 1] / h, (12, 13), equation.modes, equation.substeps)
            assert relative_error(equation.evaluate(f_hat), expected) < PUSH

    def test_stages_start_from_the_density_of_each_step(self, rng):
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2), layers=2, substeps=1)
        stages = np.empty((2, 4, 12, 13))
        pushed(equation, rho, fields, stages=stages)
        assert relative_error(stages[0, 0], reference.truncate(rho, (12, 13), equation.modes)) < PUSH
        half = reference.push(rho, fields[:1] / 2, (12, 13), equation.modes, 1)
        assert relative_error(stages[1, 0], half) < PUSH

    def test_arguments_stay(self, rng):
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2))
        rho_hat = equation.project(rho)
        before = rho_hat.copy(), fields.copy()
        equation.push(rho_hat, fields.__getitem__)
        np.testing.assert_array_equal(rho_hat, before[0])
        np.testing.assert_array_equal(fields, before[1])


class TestAliasing:
    @pytest.mark.parametrize(
        ("coarse", "fine", "band"),
        [
            ((16,), (40,), (3,)),
            ((15,), (32,), (4,)),
            ((14, 15), (31, 40), (3, 2)),
            ((12, 13), (36, 27), (0, 4)),
            ((10, 9, 11), (20, 21, 24), (3, 2, 2)),
        ],
        ids=reference.name,
    )
    def test_a_finer_grid_with_the_same_modes_changes_nothing(self, coarse, fine, band, rng):
        """n > 2 M + band is enough: the kept coefficients of the products are exact on the coarse grid already."""
        equation, rho, fields = random_problem(rng, coarse, band, layers=2, substeps=2)
        other = equation_on(fine, tuple(n - 2 * m - 1 for n, m in zip(fine, equation.modes, strict=True)), 2, 2)
        assert other.modes == equation.modes
        rho = reference.truncate(rho, coarse, equation.modes)
        resample = equation.torus.resample
        got = resample(pushed(equation, rho, fields), other.torus)
        expected = pushed(other, resample(rho, other.torus), resample(fields, other.torus))
        assert relative_error(got, expected) < PUSH

    @pytest.mark.parametrize(("n", "band", "modes"), [(16, 5, 5), (16, 1, 7), (15, 0, 7), (15, 4, 5), (13, 4, 4)])
    def test_keeps_as_many_modes_as_that_allows(self, n, band, modes):
        assert equation_on((n,), (band,)).modes == (modes,)
        assert 2 * modes + band < n <= 2 * (modes + 1) + band


class TestConservation:
    @pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
    def test_mass(self, shape, rng):
        """To round-off after any push: also of white noise close to the limit of stability."""
        equation, rho, fields = random_problem(rng, shape, (2,) * len(shape), layers=3, courant=2.5)
        rho += 1 - equation.torus.mean(rho)
        assert abs(equation.torus.mean(pushed(equation, rho, fields)) - 1) <= MASS

    def test_mass_of_a_resolved_density(self):
        torus, got = compression((128,), (1.2,), 50)
        assert abs(torus.mean(got) - 1) <= MASS

    def test_no_velocity_no_change(self, rng):
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2), layers=3)
        rho_hat = equation.project(rho)
        np.testing.assert_array_equal(equation.push(rho_hat, (0 * fields).__getitem__), rho_hat)


class TestTranspose:
    """The backward sweep, with white noise in all places."""

    @pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
    @pytest.mark.parametrize("band", [0, 2])
    def test_in_the_initial_density(self, shape, band, rng):
        """<w, R rho> = <R^T w, rho>."""
        equation, rho, fields = random_problem(rng, shape, (band,) * len(shape), layers=3)
        rho_hat, w = equation.project(rho), equation.project(rng.normal(size=shape))
        w_start, rho_end, _ = self.sweeps(equation, rho_hat, w, fields)
        self.assert_equal_inner_products(equation, (w, rho_end), (w_start, rho_hat))

    @pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
    def test_returns_kept_coefficients_only(self, shape, rng):
        """R^T w = P R^T w, so that it pairs with a density that was not truncated first."""
        equation, rho, fields = random_problem(rng, shape, (2,) * len(shape))
        w = equation.project(rng.normal(size=shape))
        w_start, _, _ = self.sweeps(equation, equation.project(rho), w, fields)
        assert relative_error(equation.project(equation.evaluate(w_start)), w_start) < SAME

    @pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
    @pytest.mark.parametrize("band", [0, 2])
    def test_in_the_velocity(self, shape, band, rng):
        """<w, rho'> = sum of mean(momentum . v') over the layers, which come from last to first."""
        equation, rho, fields = random_problem(rng, shape, (band,) * len(shape), layers=3)
        changes = reference.truncate(rng.normal(size=fields.shape), shape, band)
        rho_hat, w = equation.project(rho), equation.project(rng.normal(size=shape))
        stages = np.empty((equation.steps, 4, *shape))
        equation.push(rho_hat, fields.__getitem__, stages)
        change = equation.evaluate(equation.tangent(fields.__getitem__, changes.__getitem__, stages))
        taken = []
        equation.transpose(w, fields.__getitem__, stages, lambda layer, m: taken.append((layer, m.copy())))
        assert [layer for layer, _ in taken] == [2, 1, 0]
        torus, w = equation.torus, equation.evaluate(w)
        momentum = np.stack([m for _, m in reversed(taken)])
        scale = torus.norm(momentum) * torus.norm(changes)
        assert abs(torus.inner(w, change) - torus.inner(momentum, changes)) < ADJOINT * scale

    def test_keeps_constants(self, rng):
        """Dual to the conservation of mass: the weight 1 is transported into itself and feels no velocity."""
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2), layers=3)
        one = equation.project(np.ones((12, 13)))
        start, _, taken = self.sweeps(equation, equation.project(rho), one, fields)
        assert relative_error(equation.evaluate(start), np.ones((12, 13))) < KERNEL
        assert all(np.max(np.abs(m)) < KERNEL for m in taken)

    @staticmethod
    def sweeps(equation, rho_hat, w_hat, fields):
        stages, taken = np.empty((equation.steps, 4, *equation.torus.shape)), []
        end = equation.push(rho_hat, fields.__getitem__, stages)
        start = equation.transpose(w_hat, fields.__getitem__, stages, lambda layer, m: taken.append(m.copy()))
        return start, end, taken

    @staticmethod
    def assert_equal_inner_products(equation, *pairs):
        torus = equation.torus
        fields = [tuple(equation.evaluate(f_hat) for f_hat in pair) for pair in pairs]
        left, right = (torus.inner(*pair) for pair in fields)
        scale = max(torus.norm(f) * torus.norm(g) for f, g in fields)
        assert abs(left - right) < ADJOINT * scale
