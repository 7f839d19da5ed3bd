"""Controls that move along some axes only, for densities and for logarithms of conditional ones."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow import checks, testing
from torusflow.errors import InputError
from torusflow.torus.control import VelocitySpace

METRIC = tfl.SobolevMetric(3.0, 0.2)
CASES = [((16, 17), (1,)), ((15, 16), (0,)), ((9, 10, 8), (2,)), ((8, 9, 10), (0, 2))]


def models(shape, components):
    torus = tfl.Torus(shape)
    settings = {"layers": 2, "band": 2, "substeps": 2, "components": components}
    yield tfl.MeasureNODE(torus, METRIC, tfl.densities.von_mises(torus, 0.7, 0.5), **settings)
    yield tfl.LogDensityNODE(torus, METRIC, tfl.densities.von_mises(torus, 0.7, 0.5), **settings)


def control(model, rng):
    v = model.space.random(rng)
    return v * (0.7 / model.courant(v))


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "components"), CASES)
def test_every_promise(shape, components, rng, tmp_path):
    for model in models(shape, components):
        v = control(model, rng)
        assert checks.adjoint(model, v).error < 1e-13
        testing.check_model(model, v, rng=rng)


@pytest.mark.parametrize(("shape", "components"), CASES)
def test_mass_stays_at_each_value_of_the_others(shape, components, rng):
    """The mean over the axes that are moved along is what it was."""
    model = next(models(shape, components))
    rho = model(control(model, rng))
    start = model.trajectory(model.space.zeros())[0]
    assert np.ptp(rho - start) > 1e-3
    np.testing.assert_allclose(rho.mean(axis=components), start.mean(axis=components), rtol=0, atol=1e-14)


def test_the_gradient_is_that_of_all_components_where_it_moves(rng):
    """The space is a subspace: its gradient is the orthogonal projection of the other's."""
    torus = tfl.Torus((16, 17))
    start = tfl.densities.von_mises(torus, 0.7, 0.5)
    some, every = (tfl.MeasureNODE(torus, METRIC, start, 2, 2, 2, components=c) for c in ((1,), None))
    loss = tfl.losses.SquaredL2(tfl.densities.uniform(torus))
    v = control(some, rng)
    gradients = [tfl.Risk(model, loss).value_and_gradient(v)[1] for model in (some, every)]
    assert not gradients[0][:, 0].any() and gradients[1][:, 0].any()
    np.testing.assert_array_equal(gradients[0][:, 1], gradients[1][:, 1])
    assert some.space.inner(v, v) == every.space.inner(v, v)


def test_what_moves_elsewhere_is_refused(rng):
    torus = tfl.Torus((12, 13))
    space = VelocitySpace(torus, METRIC, 2, 3, components=(1,))
    every = VelocitySpace(torus, METRIC, 2, 3)
    v = every.random(rng)
    for make in (space.element, lambda v: space.from_grid(every.to_grid(v))):
        with pytest.raises(InputError, match=r"move along axes \(1,\) only.* set them to zero"):
            make(v)
    v[:, 0] = 0
    np.testing.assert_array_equal(space.element(v), v)
    assert "components=(1,)" in repr(space) and "moving along 1" in str(space)
    for components in ((2,), (0, 0), (), "x", (True,), 1.0):
        with pytest.raises(InputError, match="components must be different axes from 0 to 1"):
            VelocitySpace(torus, METRIC, 2, 3, components)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
def test_runs_come_back_and_go_on(axis, rng, tmp_path):
    for number, model in enumerate(models((16, 17), (axis,))):
        loss = testing.models.suitable_loss(model, rng)
        risk, path = tfl.Risk(model, loss, 0.01), tmp_path / f"{number}.h5"
        whole = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 6)
        tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 3, store=path)
        again = tfl.descend(tfl.load(path).risk, model.space.zeros(), tfl.LBFGS(), 6, store=path, resume=True)
        np.testing.assert_array_equal(again.control, whole.control)
        assert tfl.load(path).risk.model.components == (axis,)


@pytest.mark.parametrize("kind", ["MeasureNODE", "LogDensityNODE"])
def test_problem_files_have_the_key(kind, rng, tmp_path):
    from torusflow.config import make_problem

    np.savetxt(tmp_path / "turns.csv", rng.random((50, 2)), delimiter=",", header="x,y", comments="")
    tables = {
        "torus": {"shape": [16, 16]},
        "target": {"kind": "samples", "file": "turns.csv", "units": "turns"},
        "model": {"kind": kind, "layers": 2, "band": 3, "components": [1]},
    }
    risk = make_problem(tables, tmp_path).risk
    assert risk.model.components == (1,) and getattr(risk.loss, "given", (0,)) == (0,)
