"""The push of a density as a function of the control: exact derivative both ways, tangent kernel, trajectory."""

import math
import warnings

import numpy as np
import pytest
import reference
from libraries import every_library
from reference import TWO_PI, relative_error
from tolerances import ADJOINT, FINITE_DIFFERENCE, KERNEL, MASS, PUSH, SAME

from torusflow.errors import InputError, NumericalError, UnstableError
from torusflow.hilbert import norm
from torusflow.model import Model
from torusflow.models.measure_node import MeasureNODE
from torusflow.torus.density import Density
from torusflow.torus.grid import Torus
from torusflow.torus.sobolev import SobolevMetric

METRIC = SobolevMetric(3.0, 0.1)
# (grid, band, layers, substeps): each dimension, even, odd, non-cubic, unequal bands, a band of zero on one axis.
MODELS = [
    ((16,), 4, 3, 2),
    ((15,), 4, 1, 3),
    ((12, 16), 3, 2, 2),
    ((15, 13), (4, 2), 3, 1),
    ((9, 14), (0, 4), 2, 2),
    ((16, 9), None, 2, 1),
    ((8, 10, 12), 2, 2, 1),
    ((9, 7, 11), (2, 1, 3), 2, 2),
    ((8, 9, 10), None, 1, 2),
]
for_every_model = pytest.mark.parametrize(("shape", "band", "layers", "substeps"), MODELS, ids=reference.name)


def rough_density(rng, torus):
    """White noise around one, positive, with every mode of the grid."""
    values = rng.uniform(0.2, 1.8, torus.shape)
    return Density(torus, values / torus.mean(values) / torus.mean(values / torus.mean(values)))


def smooth_density(torus):
    """1 + sum_j cos(2 pi x_j + j)/(2 d) + 0.3 prod_j sin 2 pi x_j."""
    waves = sum(np.cos(TWO_PI * x + j) for j, x in enumerate(torus.points))
    product = math.prod(np.sin(TWO_PI * x) for x in torus.points)
    return Density(torus, 1 + waves / (2 * torus.dimension) + 0.3 * product)


def make(shape, band=None, layers=2, substeps=2, initial=None, metric=METRIC, **options):
    torus = Torus(shape, **options)
    return MeasureNODE(torus, metric, initial or smooth_density(torus), layers=layers, band=band, substeps=substeps)


def far_control(model, rng, courant=2.0):
    """White noise within the band, far from zero: every mode moves, and the time step is near its limit."""
    shape = model.torus.shape
    v = model.space.from_grid(rng.normal(size=(model.space.layers, len(shape), *shape)))
    return v * (courant / model.courant(v))


class TestDerivative:
    @for_every_model
    def test_adjoint_identity(self, shape, band, layers, substeps, rng):
        """<adjoint(p), dv>_H = <p, tangent(dv)> far from v = 0, for white noise p and rho_0."""
        model = make(shape, band, layers, substeps, rough_density(rng, Torus(shape)))
        lin = model.linearise(far_control(model, rng))
        for _ in range(3):
            p, dv = model.output_space.random(rng), model.space.random(rng)
            gradient = lin.adjoint(p)
            gap = model.space.inner(gradient, dv) - model.output_space.inner(p, lin.tangent(dv))
            assert abs(gap) <= ADJOINT * norm(model.space, gradient) * norm(model.space, dv)

    @for_every_model
    def test_adjoint_is_an_element_of_the_control_space(self, shape, band, layers, substeps, rng):
        model = make(shape, band, layers, substeps)
        gradient = model.linearise(far_control(model, rng)).adjoint(model.output_space.random(rng))
        np.testing.assert_array_equal(model.space.element(gradient), gradient)

    @for_every_model
    def test_tangent_is_the_fourth_order_difference(self, shape, band, layers, substeps, rng):
        model = make(shape, band, layers, substeps)
        v = far_control(model, rng)
        dv = far_control(model, rng)
        e = 1e-3
        near, far = (model(v + step * dv) - model(v - step * dv) for step in (e, 2 * e))
        difference = (8 * near - far) / (12 * e)
        assert relative_error(model.linearise(v).tangent(dv), difference) < FINITE_DIFFERENCE

    def test_tangent_is_linear(self, rng):
        model = make((12, 13), 3)
        lin = model.linearise(far_control(model, rng))
        a, b = model.space.random(rng), model.space.random(rng)
        assert relative_error(lin.tangent(2 * a - 3 * b), 2 * lin.tangent(a) - 3 * lin.tangent(b)) < PUSH

    def test_a_mass_does_not_change(self, rng):
        model = make((12, 13), 3)
        lin = model.linearise(far_control(model, rng))
        change = lin.tangent(model.space.random(rng))
        assert abs(model.torus.mean(change)) <= MASS * model.torus.norm(change)

    def test_constants_have_no_gradient(self, rng):
        model = make((12, 13), 3)
        lin = model.linearise(far_control(model, rng))
        size = norm(model.space, lin.adjoint(model.output_space.random(rng)))
        assert norm(model.space, lin.adjoint(np.ones((12, 13)))) < ADJOINT * size

    @pytest.mark.parametrize("metric", [SobolevMetric(0.0), SobolevMetric(1.0, 0.5)], ids=str)
    @pytest.mark.filterwarnings("ignore:smoothness")
    def test_adjoint_identity_in_rough_metrics(self, metric, rng):
        model = make((12, 13), 3, metric=metric)
        lin = model.linearise(far_control(model, rng))
        p, dv = model.output_space.random(rng), model.space.random(rng)
        gradient = lin.adjoint(p)
        gap = model.space.inner(gradient, dv) - model.output_space.inner(p, lin.tangent(dv))
        assert abs(gap) <= ADJOINT * norm(model.space, gradient)


class TestTangentKernelAtZero:
    """C4: time stepping is exact at v = 0, so only round-off is left."""

    @pytest.mark.parametrize("layers", [1, 3])
    @pytest.mark.parametrize(
        ("shape", "band", "k"),
        [
            ((16,), 4, (3,)),
            ((15,), 4, (4,)),
            ((12, 16), 3, (2, -3)),
            ((12, 16), 3, (0, 3)),
            ((15, 13), (4, 2), (-4, 1)),
            ((8, 10, 12), 2, (1, -2, 2)),
            ((9, 7, 11), (2, 1, 3), (2, 0, -3)),
        ],
        ids=reference.name,
    )
    def test_diagonal_for_the_uniform_density(self, shape, band, k, layers):
        """cos(2 pi k.x) is an eigenfunction, with eigenvalue 4 pi^2 |k|^2 (1 + l^2 |2 pi k|^2)^-s."""
        torus = Torus(shape)
        model = make(shape, band, layers, 2, Density(torus, np.ones(shape)))
        lin = model.linearise(model.space.zeros())
        p = np.cos(TWO_PI * sum(kj * x for kj, x in zip(k, torus.points, strict=True)) + 0.4)
        squared = TWO_PI**2 * sum(kj**2 for kj in k)
        eigenvalue = squared * (1 + METRIC.length**2 * squared) ** -METRIC.smoothness
        assert relative_error(lin.tangent(lin.adjoint(p)), eigenvalue * p) < KERNEL

    @for_every_model
    def test_nothing_else_for_the_uniform_density(self, shape, band, layers, substeps, rng):
        """White noise: modes up to the band by their eigenvalue, all others by zero."""
        torus = Torus(shape)
        model = make(shape, band, layers, substeps, Density(torus, np.ones(shape)))
        lin = model.linearise(model.space.zeros())
        p = rng.normal(size=shape)
        squared = sum((TWO_PI * k) ** 2 for k in reference.wavenumbers(shape))
        eigenvalues = squared / reference.sobolev_symbol(shape, METRIC) * reference.within(shape, model.band)
        expected = reference.values(eigenvalues * reference.coefficients(p, shape), shape)
        assert relative_error(lin.tangent(lin.adjoint(p)), expected) < KERNEL

    @for_every_model
    @pytest.mark.parametrize("rough", [False, True])
    def test_weighted_by_any_density(self, shape, band, layers, substeps, rough, rng):
        """p -> -div P(rho_0 K*B(rho_0 grad P p)), with B and P the truncations to the band and to the modes kept."""
        torus = Torus(shape)
        model = make(shape, band, layers, substeps, rough_density(rng, torus) if rough else smooth_density(torus))
        modes = model.equation.modes
        lin = model.linearise(model.space.zeros())
        p = rng.normal(size=shape)
        rho = reference.truncate(model.initial.values, shape, modes)
        momentum = rho * reference.gradient(reference.truncate(p, shape, modes), shape)
        velocity = reference.truncate(reference.smooth(momentum, shape, METRIC), shape, model.band)
        expected = -reference.divergence(reference.truncate(rho * velocity, shape, modes), shape)
        assert relative_error(lin.tangent(lin.adjoint(p)), expected) < KERNEL

    def test_on_a_resolved_problem_no_truncation_is_seen(self):
        """p -> -div(rho_0 K*(rho_0 grad p)) as it stands, where the modes of all products fit."""
        torus = Torus((32, 30))
        model = make(torus.shape, 6, 2, 1, smooth_density(torus))
        lin = model.linearise(model.space.zeros())
        x, y = torus.points
        p = np.sin(TWO_PI * (2 * x - y)) + np.cos(TWO_PI * y)
        rho = model.initial.values
        velocity = reference.smooth(rho * reference.gradient(p, torus.shape), torus.shape, METRIC)
        expected = -reference.divergence(rho * velocity, torus.shape)
        assert relative_error(lin.tangent(lin.adjoint(p)), expected) < KERNEL


class TestPush:
    @for_every_model
    def test_is_the_scheme_in_plain_numpy(self, shape, band, layers, substeps, rng):
        model = make(shape, band, layers, substeps, rough_density(rng, Torus(shape)))
        v = far_control(model, rng)
        fields = model.space.to_grid(v)
        expected = reference.push(model.initial.values, fields, shape, model.equation.modes, substeps)
        assert relative_error(model(v), expected) < PUSH

    @for_every_model
    def test_linearise_gives_the_same_output(self, shape, band, layers, substeps, rng):
        model = make(shape, band, layers, substeps)
        v = far_control(model, rng)
        np.testing.assert_array_equal(model.linearise(v).output, model(v))

    @for_every_model
    def test_mass(self, shape, band, layers, substeps, rng):
        model = make(shape, band, layers, substeps, rough_density(rng, Torus(shape)))
        assert abs(model.torus.mean(model(far_control(model, rng, courant=2.8))) - 1) <= MASS

    @for_every_model
    def test_trajectory_runs_from_the_initial_to_the_output(self, shape, band, layers, substeps, rng):
        model = make(shape, band, layers, substeps)
        v = far_control(model, rng)
        trajectory = model.trajectory(v)
        assert trajectory.shape == (layers + 1, *shape)
        assert relative_error(trajectory[0], model.initial.values) < SAME  # smooth, so nothing of it is truncated
        np.testing.assert_array_equal(trajectory[-1], model(v))

    def test_trajectory_shows_each_layer(self, rng):
        model = make((12, 13), 3, layers=3)
        v = far_control(model, rng)
        later = v.copy()
        later[1:] = 0
        np.testing.assert_array_equal(model.trajectory(v)[1], model(later))

    def test_no_control_no_change(self):
        model = make((12, 13), 3)
        assert relative_error(model(model.space.zeros()), model.initial.values) < SAME

    def test_courant_number_is_that_of_the_fastest_layer(self, rng):
        model = make((12, 13), 3, layers=3)
        v = model.space.random(rng)
        v[1] *= 10
        fields = model.space.to_grid(v)
        assert model.courant(v) == pytest.approx(max(model.equation.courant(field) for field in fields), rel=SAME)
        assert model.courant(3 * v) == pytest.approx(3 * model.courant(v), rel=SAME)

    def test_tail_is_the_share_of_the_outer_third(self):
        """M = 14 for 32 points and a band of 3: modes 10 ... 14 are outer."""
        model = make((32,), 3)
        assert model.equation.modes == (14,)
        x = model.torus.points[0]
        inner, outer = np.cos(9 * TWO_PI * x), np.cos(10 * TWO_PI * x)
        assert model.tail(1 + 0.1 * inner) == pytest.approx(0, abs=SAME)
        assert model.tail(1 + 0.1 * outer) == pytest.approx(1, rel=SAME)
        assert model.tail(1 + 0.3 * inner + 0.1 * outer) == pytest.approx(0.1, rel=SAME)
        assert model.tail(np.ones(32)) == 0

    @every_library
    @pytest.mark.parametrize("threads", [1, 2])
    def test_neither_library_nor_threads_matter(self, library, threads, rng):
        model, other = make((8, 9, 10), 2), make((8, 9, 10), 2, library=library, threads=threads)
        v, p = far_control(model, rng), model.output_space.random(rng)
        assert relative_error(other(v), model(v)) < PUSH
        assert relative_error(other.linearise(v).adjoint(p), model.linearise(v).adjoint(p)) < PUSH

    def test_follows_the_protocol(self):
        assert isinstance(make((12, 13), 3), Model)


class TestLinearisation:
    """One forward pass, kept: nothing that happens later changes it."""

    @pytest.fixture
    def model(self):
        return make((12, 13), 3)

    @staticmethod
    def results(lin, p, dv):
        return lin.output.copy(), lin.tangent(dv), lin.adjoint(p)

    @staticmethod
    def assert_same(got, expected):
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_may_be_applied_as_often_as_wanted(self, model, rng):
        p, dv = model.output_space.random(rng), model.space.random(rng)
        lin = model.linearise(far_control(model, rng))
        self.assert_same(self.results(lin, p, dv), self.results(lin, p, dv))

    def test_another_control_does_not_disturb_it(self, model, rng):
        p, dv = model.output_space.random(rng), model.space.random(rng)
        lin = model.linearise(far_control(model, rng))
        before = self.results(lin, p, dv)
        other = model.linearise(far_control(model, rng))
        other.tangent(other.adjoint(p))
        model.trajectory(far_control(model, rng))
        self.assert_same(self.results(lin, p, dv), before)

    def test_changing_the_control_in_place_does_not_disturb_it(self, model, rng):
        """v -= step * gradient is how people write descent."""
        p, dv = model.output_space.random(rng), model.space.random(rng)
        v = far_control(model, rng)
        lin = model.linearise(v)
        before = self.results(lin, p, dv)
        v *= 0.5
        self.assert_same(self.results(lin, p, dv), before)

    def test_arguments_stay(self, model, rng):
        p, dv, v = model.output_space.random(rng), model.space.random(rng), far_control(model, rng)
        before = p.copy(), dv.copy(), v.copy()
        self.results(model.linearise(v), p, dv)
        self.assert_same((p, dv, v), before)


class TestBadInput:
    def test_density_on_another_torus(self):
        with pytest.raises(InputError, match=r"must be a Density on Torus.*\(12, 13\).*, got one on Torus.*\(13, 12\)"):
            make((12, 13), initial=smooth_density(Torus((13, 12))))

    def test_density_on_the_same_grid_with_other_threads(self):
        make((12, 13), initial=smooth_density(Torus((12, 13), threads=1)), threads=2)

    def test_array_for_a_density(self):
        torus = Torus((12, 13))
        with pytest.raises(InputError, match=r"must be a Density .* got a ndarray.*from_array\(torus, values\)"):
            MeasureNODE(torus, METRIC, np.ones((12, 13)))

    def test_arguments_in_the_wrong_order(self):
        torus = Torus((12, 13))
        with pytest.raises(InputError, match="takes a Torus and a SobolevMetric first"):
            MeasureNODE(METRIC, torus, smooth_density(torus))

    @pytest.mark.parametrize("layers", [0, -2, 1.5, None])
    def test_layers(self, layers):
        with pytest.raises(InputError, match="layers must be a whole number >= 1"):
            make((12, 13), layers=layers)

    def test_band_too_large(self):
        with pytest.raises(InputError, match=r"band=4 is too large for an axis of 12 .* Use band=3, or 13 grid points"):
            make((12, 13), band=4)

    @pytest.mark.parametrize("substeps", [0, -1, 2.0])
    def test_substeps(self, substeps):
        with pytest.raises(InputError, match="substeps must be a whole number >= 1"):
            make((12, 13), substeps=substeps)

    @pytest.mark.parametrize("method", ["__call__", "linearise", "trajectory", "courant"])
    def test_control_of_another_model(self, method):
        model = make((12, 13), 3, layers=2)
        with pytest.raises(InputError, match="a control of this model has shape"):
            getattr(model, method)(make((12, 13), 3, layers=3).space.zeros())

    @pytest.mark.parametrize("method", ["__call__", "linearise", "trajectory", "courant"])
    def test_controls_that_are_no_numbers(self, method):
        model = make((12, 13), 3)
        v = model.space.zeros()
        v[0, 0, 1, 1] = np.nan
        with pytest.raises(InputError, match="not finite"):
            getattr(model, method)(v)

    @pytest.mark.parametrize("method", ["__call__", "linearise", "trajectory"])
    def test_a_control_that_moves_too_fast(self, method, rng):
        model = make((12, 13), 3)
        v = far_control(model, rng, courant=4.0)
        with pytest.raises(UnstableError, match=r"substeps=2: use substeps=3"):
            getattr(model, method)(v)
        make((12, 13), 3, substeps=3)(v)

    @pytest.mark.parametrize("size", [1e300, 1e307])
    def test_a_control_whose_field_overflows(self, size, rng):
        model = make((12, 13), 3)
        v = model.space.random(rng)
        with pytest.raises(NumericalError), np.errstate(over="ignore", invalid="ignore"):
            model(v * (size / np.max(np.abs(v))))

    def test_tangent_and_adjoint_check_their_argument(self):
        model = make((12, 13), 3)
        lin = model.linearise(model.space.zeros())
        with pytest.raises(InputError, match="a control of this model has shape"):
            lin.tangent(np.zeros((2, 2, 3, 3)))
        with pytest.raises(InputError, match="on this torus"):
            lin.adjoint(np.ones((13, 12)))
        with pytest.raises(InputError, match="finite"):
            lin.adjoint(np.full((12, 13), np.nan))


class TestRoughMetrics:
    def test_warns_where_flows_need_not_be_diffeomorphisms(self):
        with pytest.warns(UserWarning, match="need not be a flow of diffeomorphisms"):
            make((12, 13), metric=SobolevMetric(2.0))

    def test_and_only_there(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make((12, 13), metric=SobolevMetric(2.1))


def test_a_gradient_that_does_not_fit_into_memory_is_refused_before_it_starts():
    model = make((64, 64), 3, layers=100, substeps=10**6)
    with pytest.raises(InputError, match=r"keeps the density at \d+ stages .* GB; this machine has"):
        model.linearise(model.space.zeros())
