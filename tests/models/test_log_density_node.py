"""Logarithms of densities carried by a flow: exact solutions, order, the density and its samples, what is refused."""

import dataclasses
import warnings

import numpy as np
import pytest
import reference
import tolerances
from scipy.stats import chi2

import torusflow as tfl
from torusflow import checks
from torusflow.descent.refinement import refined
from torusflow.torus.log_density import Finer, NormalisedDensity

METRIC = tfl.SobolevMetric(3.0, 0.2)
SHAPES = [(24,), (15, 16), (9, 10, 8)]


def make(shape, initial=None, layers=3, band=2, substeps=4, **settings):
    torus = tfl.Torus(shape, threads=settings.pop("threads", 1))
    return tfl.LogDensityNODE(torus, METRIC, initial and initial(torus), layers, band, substeps, **settings)


def control(model, seed=0, courant=1.0):
    v = model.space.random(np.random.default_rng(seed))
    return v * (courant / model.courant(v))


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_nothing_moves_without_a_control(shape):
    model = make(shape, lambda torus: tfl.densities.von_mises(torus, 0.3, 0.5))
    expected = np.log(tfl.densities.von_mises(model.torus, 0.3, 0.5).values)  # 0.5 cos(...): within the modes kept
    np.testing.assert_allclose(model(model.space.zeros()), expected, atol=1e-14)
    assert not np.any(make(shape)(make(shape).space.zeros()))


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_a_constant_velocity_translates(shape):
    """And a time step errs by its fifth power, in the modes there are."""
    model = make(shape, lambda torus: tfl.densities.von_mises(torus, 0.3, 0.5), substeps=32)
    shift = np.array([0.1, -0.23, 0.17])[: len(shape)]
    v = model.space.from_function(lambda s, *x: tuple(shift) if len(shape) > 1 else shift[0])
    x = model.torus.points
    expected = 0.5 * sum(np.cos(2 * np.pi * (x[j] - 0.3 - shift[j])) for j in range(len(shape)))
    found = model(v)
    np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), atol=1e-9)


@pytest.mark.slow
def test_it_is_the_logarithm_of_what_a_measure_node_makes():
    """Both resolved: the two schemes truncate differently, and tend to one limit."""
    model = make((48, 50), lambda torus: tfl.densities.von_mises(torus, 0.3, 0.4), substeps=16)
    measure = tfl.MeasureNODE(model.torus, METRIC, model.initial, 3, 2, 16)
    v = 0.02 * control(model) / np.abs(model.space.to_grid(control(model))).max() * 2
    rho, u = measure(v), model(v)
    assert np.max(np.abs(rho - 1)) > 0.3
    np.testing.assert_allclose(np.exp(u), rho, atol=1e-8)
    assert abs(model.resolution(v).log_mass) < 1e-8
    points = np.random.default_rng(1).random((20, 2))
    np.testing.assert_allclose(model.log_density(v, points), measure.log_density(v, points), atol=1e-6)


@pytest.mark.parametrize(("scheme", "order"), [("rk3", 3), ("rk4", 4), ("rk5", 5)])
def test_steps_converge_with_the_order_of_the_scheme(scheme, order):
    models = [make((15, 16), substeps=n, scheme=scheme) for n in (6, 12, 24, 96)]
    v = control(models[0], courant=0.9)
    *outputs, limit = (model(v) for model in models)
    errors = [np.max(np.abs(output - limit)) for output in outputs]
    assert errors[-1] < 1e-4
    assert abs(np.log2(errors[1] / errors[2]) - order) < 2 * tolerances.ORDER


@pytest.mark.parametrize("shape", [(200,), (150, 151), (30, 31, 32)], ids=reference.name)
@pytest.mark.parametrize("stages", ["kept", "recomputed"])
def test_bits_do_not_depend_on_threads_or_on_what_is_kept(shape, stages):
    """On grids with parts for several threads."""
    rng = np.random.default_rng(0)
    models = [
        make(shape, layers=2, substeps=2, stages="kept"),
        make(shape, layers=2, substeps=2, stages=stages, threads=3),
    ]
    v, dv, p = control(models[0]), control(models[0], 1), rng.standard_normal(shape)
    found = [(lin.output, lin.tangent(dv), lin.adjoint(p)) for lin in (model.linearise(v) for model in models)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(64,), (40, 41)], ids=reference.name)
def test_the_density_has_mass_one_and_no_seam(shape):
    model = make(shape, layers=2, substeps=None)
    v = control(model, 3, 2.0)
    density = model.density(v)
    axes = np.meshgrid(*(np.arange(6 * n) / (6 * n) for n in shape), indexing="ij")
    lattice = np.stack(axes, axis=-1).reshape(-1, len(shape))
    scores = model.log_density(v, lattice)
    assert scores.max() > 0.3
    assert np.mean(np.exp(scores)) == pytest.approx(1, abs=1e-10)
    ends = np.random.default_rng(0).random((50, len(shape)))
    ends[:, 0] = 0.0
    np.testing.assert_allclose(density.log_density(ends + 1 - 1e-13), density.log_density(ends), atol=1e-9)


def test_the_risk_is_the_score():
    """Up to what the grid twice as fine differs from the one four times as fine by."""
    model, points = make((24, 25)), np.random.default_rng(2).random((40, 2))
    v = control(model)
    loss = tfl.losses.NormalisedLikelihood(points, model.torus)
    assert loss(model(v)) == pytest.approx(-np.mean(model.log_density(v, points)), abs=1e-9)


def ragged(shape, seed=0, height=3.0):
    """A log-density whose peaks are as narrow as its grid allows."""
    torus, rng = tfl.Torus(shape, threads=1), np.random.default_rng(seed)
    u = torus.truncate(rng.standard_normal(shape), [(n - 1) // 2 for n in shape])
    return torus, height * u / np.abs(u).max()


@pytest.mark.parametrize("shape", [(9,), (8, 7), (5, 6, 5)], ids=reference.name)
def test_samples_follow_the_density_between_grid_points(shape):
    """By Pearson's chi square over cells that know nothing of the grid, against the integral over each."""
    torus, u = ragged(shape)
    density, cells = NormalisedDensity(torus, u), {1: 31, 2: 7, 3: 4}[len(shape)]
    samples = density.sample(20_000, np.random.default_rng(1))
    assert samples.shape == (20_000, len(shape)) and samples.min() >= 0 and samples.max() < 1
    inner = {1: 64, 2: 24, 3: 10}[len(shape)]
    axis = (np.arange(cells * inner) + 0.5) / (cells * inner)
    lattice = np.stack(np.meshgrid(*[axis] * len(shape), indexing="ij"), axis=-1)
    values = np.exp(density.log_density(lattice.reshape(-1, len(shape)))).reshape(lattice.shape[:-1])
    for _ in shape:  # each axis: cells of `inner` points, summed; the next one comes first
        values = np.moveaxis(values.reshape(cells, inner, *values.shape[1:]).mean(axis=1), 0, -1)
    assert values.mean() == pytest.approx(1, abs=1e-3)
    expected = 20_000 * (values / values.sum()).ravel()
    places = np.ravel_multi_index(tuple((samples * cells).astype(int).T), (cells,) * len(shape))
    counts = np.bincount(places, minlength=cells ** len(shape))
    statistic = np.sum((counts - expected) ** 2 / expected)
    assert chi2.sf(statistic, len(expected) - 1) > 1e-3
    assert statistic > 0.2 * len(expected)


@pytest.mark.parametrize("shape", [(9,), (8, 7), (5, 6, 5)], ids=reference.name)
def test_the_bound_of_the_sampler_is_one_and_is_close(shape):
    torus, u = ragged(shape, 1)
    density = NormalisedDensity(torus, u)
    points = np.random.default_rng(0).random((50_000, len(shape)))
    cells = np.rint(points * density.fine.shape).astype(int) % density.fine.shape
    above = density.bound[tuple(cells.T)] - density.log_density(points) - density.log_mass
    assert above.min() >= -1e-9
    assert np.mean(np.exp(density.bound)) < 6 * np.exp(density.log_mass)


def test_a_coarse_grid_is_said():
    torus, u = ragged((8, 8), height=30.0)
    model = make((8, 8))
    fine, finer = Finer(torus, 2), Finer(torus, 4)
    assert np.max(np.abs(fine.down(fine.up(u)) - u)) < 1e-12
    assert np.max(np.abs(finer.up(u)[::4, ::4] - u)) < 1e-12
    v = model.space.zeros()
    good = checks.likelihood(model, v)
    assert good.passed and "its mass is one" in str(good) and good.log_mass == 0
    spike = dataclasses.replace(good, change=-0.02) if dataclasses.is_dataclass(good) else good._replace(change=-0.02)
    assert not spike.passed and "WRONG: use a finer grid" in str(spike)


def test_a_descent_stops_by_other_samples_and_goes_on(tmp_path):
    rng = np.random.default_rng(0)
    samples = rng.vonmises(0.4, 4.0, (300, 2)) / (2 * np.pi) % 1
    model = make((24, 25), layers=2, band=4, substeps=8)
    loss = tfl.losses.NormalisedLikelihood
    risk = tfl.Risk(model, loss(samples[:200], model.torus), 1e-3)
    validation = tfl.Risk(model, loss(samples[200:], model.torus))
    result = tfl.descend(
        risk, model.space.zeros(), tfl.LBFGS(), 30, validation=validation, patience=3, store=tmp_path / "run.h5"
    )
    truth = np.mean(4.0 * np.cos(2 * np.pi * samples - 0.4) - np.log(np.i0(4.0))) * 2
    assert min(result.history["validation"]) < -0.8 * truth and np.isfinite(result.history["log_mass"]).all()
    run = tfl.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(run.risk.model(run.control), run.output)
    assert run.validation.model is run.risk.model
    finer, start, held_out = refined(run, shape=(32, 33), substeps=12)
    assert finer.model.torus.shape == held_out.loss.torus.shape == (32, 33)
    assert finer(start) == pytest.approx(run.risk(run.control), abs=0.01)


def test_a_validation_of_the_same_model_goes_on_with_its_substeps(tmp_path):
    """And costs no push: with another model of the same kind it is the same number."""
    samples = np.random.default_rng(0).vonmises(0.4, 30.0, (200, 1)) / (2 * np.pi) % 1
    model = make((40,), layers=2, band=6, substeps=2)
    loss = tfl.losses.NormalisedLikelihood
    risk = tfl.Risk(model, loss(samples[:100], model.torus))
    validation = tfl.Risk(model, loss(samples[100:], model.torus))
    settings = {"refine": True, "patience": 100}
    arguments = risk, model.space.zeros(), tfl.LBFGS(step=0.01)
    whole = tfl.descend(*arguments, 12, validation=validation, **settings)
    assert whole.history["substeps"][-1] > 2 and np.isfinite(whole.history["validation"]).all()
    tfl.descend(*arguments, 8, validation=validation, store=tmp_path / "run.h5", **settings)
    again = tfl.descend(*arguments, 12, validation=validation, store=tmp_path / "run.h5", resume=True, **settings)
    for name in ("risk", "validation", "substeps"):
        np.testing.assert_array_equal(again.history[name], whole.history[name])
    steady = dataclasses.replace(model, substeps=64)
    twin = tfl.Risk(dataclasses.replace(steady), validation.loss)
    histories = [
        tfl.descend(tfl.Risk(steady, risk.loss), *arguments[1:], 6, validation=held_out, patience=100).history
        for held_out in (tfl.Risk(steady, validation.loss), twin)
    ]
    np.testing.assert_array_equal(histories[0]["validation"], histories[1]["validation"])


@pytest.mark.parametrize("method", [tfl.GaussNewton(), tfl.GreedyDescent(0.02)], ids=["gauss-newton", "greedy"])
def test_other_methods_lower_the_risk(method):
    model = make((16, 15), layers=2, band=3, substeps=8)
    samples = np.random.default_rng(0).vonmises(0.4, 2.0, (100, 2)) / (2 * np.pi) % 1
    risk = tfl.Risk(model, tfl.losses.NormalisedLikelihood(samples, model.torus))
    assert tfl.descend(risk, model.space.zeros(), method, 3).value < -0.05


def test_a_velocity_too_fast_is_refused_and_the_substeps_named_are_enough():
    model = make((24, 25), substeps=3)
    v = control(model, courant=7.0)
    with pytest.raises(tfl.UnstableError, match=r"use substeps=(\d+)") as error:
        model(v)
    enough = dataclasses.replace(model, substeps=error.value.substeps)
    assert np.isfinite(enough(v)).all()
    with pytest.raises(tfl.UnstableError):
        dataclasses.replace(model, substeps=error.value.substeps - 1).linearise(v)


def test_what_it_refuses():
    torus = tfl.Torus((12, 13))
    values = np.ones((12, 13))
    values[0, 0] = 0.0
    hole = tfl.densities.from_array(torus, values, normalise=True)
    with pytest.raises(tfl.InputError, match="vanishes somewhere, and its logarithm is carried"):
        tfl.LogDensityNODE(torus, METRIC, hole)
    with pytest.raises(tfl.InputError, match="must be a Density on"):
        tfl.LogDensityNODE(torus, METRIC, tfl.densities.uniform(tfl.Torus((12, 12))))
    with pytest.raises(tfl.InputError, match=r"LogDensityNODE\(torus, metric, initial, ...\) takes a Torus"):
        tfl.LogDensityNODE((12, 13), METRIC)
    model = tfl.LogDensityNODE(torus, METRIC, layers=2)
    with pytest.raises(tfl.InputError, match="points"):
        model.log_density(model.space.zeros(), np.zeros((3, 3)))
    with pytest.raises(tfl.InputError, match="NormalisedLikelihood, or a MeasureNODE"):
        tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))


def test_only_models_of_the_map_warn_of_rough_metrics():
    """exp(u)/Z is a density whatever the map is, and `TorusDensity` takes such metrics by itself."""
    torus, metric = tfl.Torus((8, 8, 8)), tfl.SobolevMetric(2.5, 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tfl.LogDensityNODE(torus, metric, layers=2, band=1)
        with pytest.raises(UserWarning, match="need not be a flow of diffeomorphisms"):
            tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=2, band=1)
