"""Shooting: the reference geodesic, the density against the map, the tangent kernel at zero, matching, refusals."""

import numpy as np
import pytest
from reference import relative_error
from tolerances import KERNEL, LATTICE, MASS, SAME

import torusflow as tfl
from torusflow.errors import InputError, NumericalError, UnstableError
from torusflow.hilbert import norm

TWO_PI = 2 * np.pi
METRIC = tfl.SobolevMetric(3.0, 0.2)
# C16 is given to nine digits, forty steps of order four are as good. Absolute.
REFERENCE = 1e-8
# The project's bound for the energies of the geodesic and of the penalised path, and what is seen of it here.
ENERGIES = 1e-2
SEEN = 3e-4


def make(shape, initial=None, metric=METRIC, **options):
    torus = tfl.Torus(shape, threads=1)
    return tfl.GeodesicNODE(torus, metric, initial or tfl.densities.von_mises(torus, 0.3, 0.5), **options)


def control(model, rng, speed=0.1):
    w = model.space.random(rng)
    return w * (speed / np.max(np.abs(model.space.to_grid(w))))


def test_c16():
    model = make((64, 64), metric=tfl.SobolevMetric(3.0, 0.15), steps=40)
    x, y = model.torus.points
    fields = np.stack([np.sin(TWO_PI * y) + 0.5 * np.cos(TWO_PI * x), np.sin(TWO_PI * (x + y))])
    u0 = model.space.from_grid(0.1 * fields)
    assert model.space.inner(u0, u0) == pytest.approx(0.149102151651, abs=1e-11)
    velocity = model.velocity(u0)
    assert len(velocity) == 41
    np.testing.assert_allclose(velocity[-1][:, 0, 0], (0.023478248, -0.001134733), rtol=0, atol=REFERENCE)


@pytest.mark.parametrize("shape", [(48,), (36, 37)], ids=str)
def test_the_density_is_pushed_by_the_exponential_map(shape, rng):
    """rho_1(phi(x)) det D phi(x) = rho_0(x), phi by particles along the geodesic in adaptive steps."""
    model = make(shape, band=3, steps=60)
    u0 = control(model, rng, 0.03)
    phi = tfl.Diffeomorphism.sampled(
        model.torus, tfl.geodesic.exponential(model.torus, METRIC, model.space.to_grid(u0)[0])
    )
    assert np.max(np.abs(phi.displacement)) > 0.02
    from torusflow.torus.scattered import interpolate

    x = np.stack([axis.ravel() for axis in model.torus.points], axis=1)
    carried = interpolate(model.torus, model(u0), phi(x)) * np.linalg.det(phi.jacobians)
    np.testing.assert_allclose(carried, model.initial.values.ravel(), rtol=0, atol=LATTICE)


@pytest.mark.parametrize("shape", [(16,), (15,), (12, 13), (8, 9, 10)], ids=str)
def test_at_zero_the_tangent_kernel_is_that_of_one_layer(shape, rng):
    """Geodesics from small velocities are straight: C4 and its weighted form hold here too, time stepping is exact."""
    model = make(shape, steps=3)
    straight = tfl.MeasureNODE(model.torus, METRIC, model.initial, layers=1)
    assert straight.equation.modes == model.equation.density_modes
    p = rng.standard_normal(shape)
    one, other = (node.linearise(node.space.zeros()) for node in (model, straight))
    assert relative_error(one.tangent(one.adjoint(p)), other.tangent(other.adjoint(p))) < KERNEL


def test_mass_and_what_zero_does(rng):
    model = make((36, 37), band=3, steps=10)
    assert abs(model.torus.mean(model(control(model, rng))) - 1) <= MASS
    start, end = model.trajectory(model.space.zeros())
    assert relative_error(end, model.initial.values) < SAME and relative_error(start, model.initial.values) < SAME


def test_shooting_back_returns_to_the_start(rng):
    model = make((40,), band=3, steps=60)
    u0 = control(model, rng, 0.05)
    there = tfl.densities.from_array(model.torus, model(u0), normalise=True)
    back = make((40,), there, steps=60)
    u1 = back.space.from_grid(-model.velocity(u0)[-1])
    np.testing.assert_allclose(back(u1), model.initial.values, rtol=0, atol=LATTICE)


@pytest.mark.slow
def test_matching_two_densities_by_shooting_and_by_a_penalised_path():
    """Uniform to C17: both ways reach one risk, and the path found is a geodesic: of one speed, from the same u_0."""
    torus, metric = tfl.Torus((24, 24), threads=1), tfl.SobolevMetric(2.5, 0.2)
    uniform, loss = tfl.densities.uniform(torus), tfl.losses.SquaredL2(tfl.densities.von_mises(torus))
    shooting = tfl.Risk(tfl.GeodesicNODE(torus, metric, uniform, steps=12), loss, penalty=0.03)
    path = tfl.Risk(tfl.MeasureNODE(torus, metric, uniform, layers=20, substeps=1), loss, penalty=0.03)
    found = [
        tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(memory=30), 300, gradient_tolerance=2e-5)
        for risk in (shooting, path)
    ]
    assert all(result.status.startswith("converged") for result in found)
    energies = [norm(r.space, result.control) ** 2 for r, result in zip((shooting, path), found, strict=True)]
    assert energies[0] == pytest.approx(energies[1], rel=ENERGIES)
    assert energies[0] == pytest.approx(energies[1], rel=SEEN)
    assert found[0].value == pytest.approx(found[1].value, rel=SEEN)
    assert loss(found[0].output) < 1e-3 * loss(uniform.values) and energies[0] > 0.2
    speeds = path.space.norm_of_layers(found[1].control)
    assert np.ptp(speeds) < 2e-2 * np.max(speeds)
    along = shooting.model.velocity(found[0].control)[[0, -1]]
    layers = path.space.to_grid(found[1].control)[[0, -1]]
    for u, v in zip(along, layers, strict=True):
        assert torus.norm(u - v) < 0.02 * torus.norm(u)  # half a layer apart
    assert torus.norm(along[1] - along[0]) > 0.2 * torus.norm(along[0])


class TestBadInput:
    def test_unstable_steps_name_the_time_and_what_is_needed(self, rng):
        model = make((24,), steps=3)
        w = control(model, rng, 0.3)
        with pytest.raises(UnstableError, match=r"at time 0 of 1 .* with steps=3: use steps=\d+") as caught:
            model(w)
        make((24,), steps=caught.value.substeps + 2)(w)

    def test_what_becomes_finer_than_the_grid_names_the_time(self):
        model = make((48,), metric=tfl.SobolevMetric(1.0, 0.05), steps=100)
        u0 = model.space.from_grid(np.sin(TWO_PI * model.torus.points[0])[None])
        with pytest.raises(NumericalError, match=r"at time 0\.\d+ of 1 the geodesic is finer than the grid \(48,\)"):
            model.linearise(u0)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"torus": (16,)}, "takes a Torus and a SobolevMetric first"),
            ({"metric": None}, "takes a Torus and a SobolevMetric first"),
            ({"metric": tfl.SobolevMetric(0.5)}, "smoothness >= 1, got 0.5"),
            ({"initial": np.ones(16)}, "must be a Density on .*from_array"),
            ({"initial": tfl.densities.uniform(tfl.Torus((17,)))}, "must be a Density on Torus"),
            ({"band": 6}, "band=6 is too large"),
            ({"steps": 0}, "steps must be a whole number >= 1, got 0"),
        ],
    )
    def test_arguments(self, arguments, words):
        torus = tfl.Torus((16,))
        given = {"torus": torus, "metric": METRIC, "initial": tfl.densities.uniform(torus), **arguments}
        with pytest.raises(InputError, match=words):
            tfl.GeodesicNODE(**given)

    def test_a_flow_map_is_not_that_of_one_constant_field(self):
        model = make((16,))
        with pytest.raises(InputError, match="got a GeodesicNODE"):
            tfl.FlowMap(model, model.space.zeros())
