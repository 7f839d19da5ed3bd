"""Every Runge-Kutta method: its conditions of order, its stability, its order where it is used, exact transposes."""

import dataclasses
import math
from fractions import Fraction
from itertools import combinations_with_replacement

import numpy as np
import pytest
import reference
from every_model import MODELS
from scipy.integrate import solve_ivp
from tolerances import FINITE_DIFFERENCE, ORDER

import torusflow as tfl
from torusflow import checks
from torusflow.errors import InputError, UnstableError
from torusflow.transport.continuity import ContinuityEquation
from torusflow.transport.particles import ParticleFlow
from torusflow.transport.runge_kutta import RK4, SCHEMES, Pair, Tableau, find_scheme

TWO_PI = 2 * math.pi
every_scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
EULER = Tableau.of("Euler", 1, "1")
# What amplifies slow waves, by t^4 / 4 a step of length one.
MIDPOINT = Tableau.of("midpoint", 2, "1/2", "0 1")


class TestTableau:
    @staticmethod
    def trees(size):
        """Rooted trees, each the sorted tuple of what hangs on its root."""
        if size == 1:
            return {()}
        found = set()
        for count in range(1, size):
            pool = [tree for n in range(1, size) for tree in TestTableau.trees(n)]
            for branches in combinations_with_replacement(sorted(pool), count):
                if sum(map(TestTableau.size, branches)) == size - 1:
                    found.add(tuple(sorted(branches)))
        return found

    @staticmethod
    def size(tree):
        return 1 + sum(map(TestTableau.size, tree))

    @staticmethod
    def density(tree):
        return TestTableau.size(tree) * math.prod(map(TestTableau.density, tree))

    @staticmethod
    def stage_weights(scheme, tree):
        inner = [TestTableau.stage_weights(scheme, branch) for branch in tree]
        sums = [[sum(a * w for a, w in zip(row, weights, strict=False)) for row in scheme.A] for weights in inner]
        return [math.prod(column) for column in zip(*sums, strict=True)] if sums else [Fraction(1)] * scheme.stages

    @pytest.mark.parametrize("scheme", [*SCHEMES.values(), EULER, MIDPOINT], ids=lambda scheme: scheme.name)
    def test_conditions_of_order(self, scheme):
        """Butcher's, one for every rooted tree, in fractions; one of the next order is not met."""

        def meets(tree):
            weights = self.stage_weights(scheme, tree)
            return sum(b * w for b, w in zip(scheme.b, weights, strict=True)) == Fraction(1, self.density(tree))

        assert [len(self.trees(size)) for size in range(1, 6)] == [1, 1, 2, 4, 9]
        assert all(meets(tree) for size in range(1, scheme.order + 1) for tree in self.trees(size))
        assert not all(meets(tree) for tree in self.trees(scheme.order + 1))

    @every_scheme
    def test_a_linear_step_is_the_polynomial_in_either_form(self, scheme):
        """Which agrees with the exponential series up to the order."""
        assert scheme.polynomial[: scheme.order + 1] == tuple(
            Fraction(1, math.factorial(i)) for i in range(scheme.order + 1)
        )
        z = 0.7 - 1.1j
        expected = sum(float(r) * z**i for i, r in enumerate(scheme.polynomial))
        y = 1.0
        for c in scheme.horner:
            y = 1.0 + c * z * y
        assert len(scheme.horner) == scheme.degree and abs(y - expected) < 1e-15
        assert abs(1.0 + scheme.change(lambda m, at: z * at, 1.0, 1.0) - expected) < 5e-15

    @every_scheme
    def test_stability_limit_by_trial(self, scheme):
        """Waves are not amplified up to it, and just beyond they are."""

        def growth(t):
            return np.abs(np.polyval([float(r) for r in reversed(scheme.polynomial)], 1j * t)) - 1

        assert np.max(growth(np.linspace(0, scheme.stability_limit, 100_001))) < 1e-14
        assert np.min(growth(scheme.stability_limit * np.linspace(1.0001, 1.01, 100))) > 1e-8

    def test_known_limits(self):
        assert RK4.stability_limit == 2 * math.sqrt(2)
        assert SCHEMES["rk3"].stability_limit == pytest.approx(math.sqrt(3), rel=1e-15)
        assert EULER.stability_limit == MIDPOINT.stability_limit == 0

    @every_scheme
    def test_the_transpose_of_a_step(self, scheme, rng):
        """Of a linear equation: (1 + h sum b_m k_m)^T by the sweep, and the weights of a change of the rate."""
        A, y, p = rng.standard_normal((5, 5)), rng.standard_normal(5), rng.standard_normal(5)
        forth = y + scheme.change(lambda m, at: A @ at, y, 0.3)
        back = p + scheme.transposed(lambda m, q: A.T @ q, p, 0.3)
        assert p @ forth == pytest.approx(back @ y, rel=1e-13)
        forces, momenta = rng.standard_normal((scheme.stages, 5)), np.empty((scheme.stages, 5))

        def pull(m, q):
            momenta[m] = q
            return A.T @ q

        scheme.transposed(pull, p, 0.3)
        moved = scheme.change(lambda m, at: A @ at + forces[m], np.zeros(5), 0.3)
        assert p @ moved == pytest.approx(np.sum(momenta * forces), rel=1e-12)

    def test_pairs_move_as_their_parts_do(self, rng):
        x, y = rng.standard_normal((2, 4))
        both = RK4.change(lambda m, at: Pair(np.sin(at.first), at.second**2), Pair(x, y), 0.1, onto=Pair(x, 0.0))
        np.testing.assert_array_equal(both.first, RK4.change(lambda m, at: np.sin(at), x, 0.1, onto=x))
        np.testing.assert_array_equal(both.second, RK4.change(lambda m, at: at**2, y, 0.1))


class PredatorsAndPrey:
    """A field on R^2 that is not linear, so that every condition of order counts."""

    def value(self, points):
        x, y = points.T
        return 2 * np.stack([x * (1 - y), y * (x - 1)], axis=1)


class TestOrders:
    """Fitted over several lengths of the steps; the coarsest error is bounded too."""

    @staticmethod
    def fitted(error, steps):
        steps = np.array(steps)
        errors = [error(int(n)) for n in steps]
        return reference.observed_order(1 / steps, errors), errors

    @every_scheme
    def test_points(self, scheme, rng):
        start, field = 1 + rng.random((5, 2)), PredatorsAndPrey()
        solved = solve_ivp(
            lambda t, x: field.value(x.reshape(-1, 2)).ravel(), (0, 1), start.ravel(), "DOP853", rtol=1e-13, atol=1e-14
        )
        exact = solved.y[:, -1].reshape(-1, 2)

        def error(steps):
            return np.linalg.norm(ParticleFlow(2, steps, scheme).push(start, lambda layer: field) - exact)

        order, errors = self.fitted(error, [16, 32, 64])
        assert abs(order - scheme.order) < ORDER and errors[0] < 1e-3

    @every_scheme
    def test_continuity_equation(self, scheme):
        """v = a sin(2 pi x) / 2 pi with another a on each layer: only their mean counts."""
        strengths, torus = (0.5, -1.0, 2.5), tfl.Torus((72,))
        x = torus.points[0]
        a = np.mean(strengths)
        exact = 1 / (np.cosh(a) + np.sinh(a) * np.cos(TWO_PI * x))
        fields = [s * np.sin(TWO_PI * x)[None] / TWO_PI for s in strengths]

        def error(steps):
            equation = ContinuityEquation(torus, (1,), 3, steps, scheme)
            got = equation.evaluate(equation.push(equation.project(np.ones(72)), fields.__getitem__))
            return np.max(np.abs(got - exact))

        order, errors = self.fitted(error, [32, 64, 128])
        assert abs(order - scheme.order) < ORDER and errors[0] < 1e-4


OTHERS = [name for name in SCHEMES if name != RK4.name]
NODES = ["RKHSNODE Gaussian", "TorusNODE T2", "SampleNODE T2 from a hill", "MeasureNODE T2", "GeodesicNODE T2"]


@pytest.mark.parametrize("scheme", OTHERS)
@pytest.mark.parametrize("name", NODES)
class TestModels:
    @staticmethod
    def case(name, scheme):
        case = MODELS[name]
        return dataclasses.replace(case, model=dataclasses.replace(case.model, scheme=scheme))

    def test_adjoint_identity(self, name, scheme, rng):
        case = self.case(name, scheme)
        w = case.control(rng) / 2  # Courant numbers within every limit
        assert checks.adjoint(case.model, w).error <= case.adjoint

    def test_tangent_is_the_derivative(self, name, scheme, rng):
        case = self.case(name, scheme)
        model, w = case.model, case.control(rng) / 2
        dw = case.control(rng) / 2
        h = 1e-3
        near, far = (model(w + e * dw) - model(w - e * dw) for e in (h, 2 * h))
        difference = (8 * near - far) / (12 * h)
        assert reference.relative_error(model.linearise(w).tangent(dw), difference) <= FINITE_DIFFERENCE

    def test_is_another_map_than_the_default_one(self, name, scheme, rng):
        case = self.case(name, scheme)
        w = case.control(rng) / 2
        gap = np.max(np.abs(case.model(w) - MODELS[name].model(w)))
        assert 1e-12 < gap < 1e-2


def density_model(scheme, **options):
    torus = tfl.Torus((15, 16))
    hill = tfl.densities.von_mises(torus, 0.7, 0.5)
    return tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), hill, layers=3, band=2, scheme=scheme, **options)


class TestScheme:
    @pytest.mark.parametrize("scheme", ["rk6", "RK4", 4, None, RK4])
    def test_one_that_there_is_not(self, scheme):
        with pytest.raises(InputError, match=r"scheme must be one of 'rk3', 'rk4', 'rk5', got "):
            density_model(scheme)

    @every_scheme
    def test_a_step_too_long_names_its_limit_and_order_and_substeps_that_do(self, scheme, rng):
        model = density_model(scheme.name, substeps=2)
        v = model.space.random(rng)
        v *= 1.3 * scheme.stability_limit / model.courant(v)
        words = rf"exceeds {scheme.stability_limit:.4g}, up to which Runge-Kutta of order {scheme.order} .* substeps=3"
        with pytest.raises(UnstableError, match=words) as caught:
            model(v)
        dataclasses.replace(model, substeps=caught.value.substeps)(v)

    @every_scheme
    def test_default_substeps_follow_the_limit(self, scheme):
        equation = density_model(scheme.name, substeps=None).equation
        fast = np.ones((2, 15, 16))
        limit = scheme.stability_limit
        assert equation.courant(fast) <= limit < equation.courant(fast) * equation.substeps / (equation.substeps - 1)

    @every_scheme
    def test_recomputed_stages_are_those_kept(self, scheme, rng):
        kept, recomputed = (density_model(scheme.name, stages=stages) for stages in ("kept", "recomputed"))
        v, p = kept.space.random(rng), rng.standard_normal((15, 16))
        v *= 0.5 / kept.courant(v)
        for one, other in zip(
            *((m.adjoint(p), m.tangent(v)) for m in map(lambda m: m.linearise(v), (kept, recomputed))), strict=True
        ):
            np.testing.assert_array_equal(one, other)

    @every_scheme
    def test_a_flow_map_takes_that_of_the_model(self, scheme, rng):
        points = rng.random((6, 2))
        model = tfl.TorusNODE(points, tfl.SobolevMetric(3, 0.2), layers=2, band=3, substeps=1, scheme=scheme.name)
        v = model.space.random(rng)
        v *= 0.3 / np.max(np.abs(model.space.to_grid(v)))
        flow = tfl.FlowMap(model, v)
        np.testing.assert_array_equal(flow(points), model(v))
        h = 1e-4
        steps = h * np.eye(2)
        columns = [
            (8 * (flow(points + e) - flow(points - e)) - flow(points + 2 * e) + flow(points - 2 * e)) / (12 * h)
            for e in steps
        ]
        np.testing.assert_allclose(flow.jacobian(points), np.stack(columns, axis=2), rtol=0, atol=1e-9)
        np.testing.assert_allclose(flow(flow.inverse(points)), points, rtol=0, atol=1e-12)

    @every_scheme
    def test_is_kept_by_all_that_is_made_of_a_model(self, scheme, tmp_path):
        model = density_model(scheme.name)
        coarser = dataclasses.replace(
            model, torus=tfl.Torus((32, 32)), initial=tfl.densities.uniform(tfl.Torus((32, 32)))
        ).coarser()
        samples = tfl.SampleNODE(np.full((3, 1), 0.5), tfl.SobolevMetric(3, 0.2), layers=2, band=4, scheme=scheme.name)
        for made in (coarser, model.restarted(model.initial.values), samples.coarser(), samples.part([0])):
            assert made.scheme == scheme.name
        risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(model.torus)))
        result = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 1, store=tmp_path / "run.h5")
        again = tfl.load(tmp_path / "run.h5")
        assert again.risk.model.scheme == scheme.name
        np.testing.assert_array_equal(again.risk.model(result.control), result.output)

    def test_a_fit_takes_it_by_name(self, call):
        np.savetxt("samples.csv", np.random.default_rng(0).random((20, 1)))
        said = call("fit", "samples.csv", "--grid", "16", "--iterations", "1", "--scheme", "rk5", "-o", "run.h5").output
        assert "rk5, " in said and tfl.load("run.h5").risk.model.scheme == "rk5"
        assert find_scheme("rk5").stages == 6
        assert "stable up to 1.00" in call("info", "run.h5").output
