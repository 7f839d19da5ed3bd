"""Everything on densities with arrays that are not NumPy's: the numbers of the reference backend, of their kind."""

import copy
import math
import pickle

import numpy as np
import pytest
from every_loss import DENSITY_LOSSES
from foreign import Foreign, ForeignReference
from reference import relative_error
from tolerances import ADJOINT, PUSH

import torusflow as tfl
from torusflow import checks
from torusflow.descent.refinement import refined
from torusflow.interop.functionals import of_risk
from torusflow.interop.operator import Operator, as_real
from torusflow.porous_medium.time_steps import IMPLICIT

SHAPES = [(16,), (9, 8), (7, 8, 7)]
METRIC = tfl.SobolevMetric(2.0, 0.2)


def torus_of(shape, kind):
    return tfl.Torus(shape, library=ForeignReference() if kind == "foreign" else "numpy")


def densities(torus):
    """An initial density and a target, from functions of the grid's points."""
    initial = tfl.densities.from_function(
        torus, lambda *x: 1 + 0.3 * np.cos(2 * np.pi * x[0]) * np.cos(2 * np.pi * x[-1] + 1), normalise=True
    )
    return initial, tfl.densities.von_mises(torus, 0.4, 0.8)


def risk_on(shape, kind, loss=tfl.losses.SquaredL2, **settings):
    torus = torus_of(shape, kind)
    initial, target = densities(torus)
    settings = {"layers": 2, "band": 2, "substeps": 3} | settings
    return tfl.Risk(tfl.MeasureNODE(torus, METRIC, initial, **settings), loss(target), penalty=0.1)


def both(shape, *arguments, **settings):
    """The same problem on the reference backend and abroad."""
    return [risk_on(shape, kind, *arguments, **settings) for kind in ("numpy", "foreign")]


def control(risk, seed=0):
    v = risk.space.random(np.random.default_rng(seed))
    return v * (0.5 / risk.model.courant(v))


def same(foreign, ours, tolerance=PUSH):
    """An array that stayed abroad, of the same numbers."""
    assert type(foreign) is Foreign
    return relative_error(foreign.get(), ours) < tolerance


def test_the_arrays_are_as_strict_as_those_of_a_device():
    f = Foreign(np.arange(4.0))
    for mixed in (
        lambda: f + np.ones(4),
        lambda: np.ones(4) * f,
        lambda: np.asarray(f),
        lambda: np.ascontiguousarray(f),
        lambda: np.stack([f, np.ones(4)]),
        lambda: f[np.array([0, 1])],
        lambda: f.__setitem__(slice(None), np.ones(4)),
        lambda: np.where(f > 1, f, np.ones(4)),
    ):
        with pytest.raises(TypeError):
            mixed()
    assert type(2 * np.exp(f)[1:] + 1) is Foreign and float(f.sum()) == 6.0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stages", ["kept", "recomputed"])
def test_push_tangent_and_gradient(shape, stages):
    ours, theirs = both(shape, stages=stages)
    v, dv = control(ours), control(ours, 1)
    p = np.random.default_rng(2).standard_normal(shape)
    first, second = ours.model.linearise(v), theirs.model.linearise(v)  # arrays of NumPy are moved
    assert same(second.output, first.output)
    assert same(second.tangent(dv), first.tangent(dv))
    assert same(second.adjoint(p), first.adjoint(p))
    value, gradient = theirs.value_and_gradient(v)
    assert value == pytest.approx(ours(v), rel=PUSH) and same(gradient, ours.value_and_gradient(v)[1])
    assert same(theirs.model.trajectory(v), ours.model.trajectory(v))
    again = theirs.model.restarted(second.output)
    assert same(again(theirs.space.asarray(v[:1])), ours.model.restarted(first.output)(v[:1]))


@pytest.mark.parametrize("shape", SHAPES)
def test_checks(shape):
    _, risk = both(shape)
    v = risk.space.asarray(control(risk))
    assert checks.adjoint(risk.model, v).error < ADJOINT
    assert checks.taylor(risk, v, directions=1).passed


LOSSES = [*DENSITY_LOSSES, "MMD of samples", "cross-entropy"]


@pytest.mark.parametrize(
    ("name", "shape"), [("circle", (16,)), *((name, shape) for shape in ((16,), (9, 8)) for name in LOSSES)]
)
def test_every_loss(name, shape):
    def loss(target):
        points = np.random.default_rng(3).random((20, len(shape)))
        more = {
            "MMD of samples": lambda target: tfl.losses.SobolevMMD(points, 2.0, squared=True, torus=target.torus),
            "cross-entropy": lambda target: tfl.losses.CrossEntropy(points, target.torus),
            "circle": tfl.losses.CircleWasserstein,
        }
        return (more | DENSITY_LOSSES)[name](target)

    values = []
    for kind in ("numpy", "foreign"):
        initial, target = densities(torus_of(shape, kind))
        one, rho = loss(target), initial.values
        found = [one(rho), one.gradient(rho)]
        if name not in ("L2", "MMD 0", "MMD 1.5"):
            found.append(one.curvature(rho, rho - target.values))
        values.append(found)
    (value, *fields), (other, *others) = values
    assert type(other) is float and other == pytest.approx(value, rel=1e-11, abs=1e-14)
    for mine, foreign in zip(fields, others, strict=True):
        assert same(foreign, mine, 1e-10)


METHODS = {
    "GradientDescent": tfl.GradientDescent(0.2, line_search="armijo"),
    "LBFGS": tfl.LBFGS(),
    "GaussNewton": tfl.GaussNewton(),
    "BarzilaiBorwein": tfl.BarzilaiBorwein(),
    "HeavyBall": tfl.HeavyBall(0.1),
    "Nesterov": tfl.Nesterov(0.1, line_search="armijo"),
    "GradientFlow": tfl.GradientFlow(0.1, 1e-4, times=(0.05,)),
    "GreedyDescent": tfl.GreedyDescent(0.1),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_stores_and_goes_on(name, tmp_path):
    ours, theirs = both((9, 8))
    if name == "GreedyDescent":  # which takes no penalty
        ours, theirs = (tfl.Risk(risk.model, risk.loss) for risk in (ours, theirs))
    start, path = theirs.space.zeros(), tmp_path / "run.h5"
    expected = tfl.descend(ours, ours.space.zeros(), METHODS[name], 4)
    found = tfl.descend(theirs, start, METHODS[name], 4)
    assert same(found.control, expected.control, 1e-9) and same(found.output, expected.output, 1e-9)
    np.testing.assert_allclose(found.history["risk"], expected.history["risk"], rtol=1e-10)
    tfl.descend(theirs, start, METHODS[name], 2, store=path)
    again = tfl.descend(theirs, start, METHODS[name], 4, store=path, resume=True)
    assert type(again.control) is type(again.output) is Foreign
    np.testing.assert_array_equal(again.control.get(), found.control.get())
    run = tfl.load(path)  # by whoever transforms where it is read
    np.testing.assert_array_equal(run.control, found.control.get())
    assert relative_error(run.risk.model(run.control), run.output) < PUSH
    assert run.risk(run.control) == pytest.approx(found.value, rel=1e-12)


def test_scipy_minimises(tmp_path):
    ours, theirs = both((9, 8))
    for method in ("L-BFGS-B", "trust-ncg"):
        expected = tfl.descent.scipy_minimize(ours, ours.space.zeros(), method, 3)
        assert same(tfl.descent.scipy_minimize(theirs, theirs.space.zeros(), method, 3).control, expected.control, 1e-8)


def test_coarse_to_fine_and_refined(tmp_path):
    ours, theirs = both((33, 32), layers=2)
    expected = tfl.coarse_to_fine(ours, tfl.LBFGS(), 1, 3)
    found = tfl.coarse_to_fine(theirs, tfl.LBFGS(), 1, 3)
    assert same(found, expected, 1e-9)
    tfl.descend(theirs, found, tfl.LBFGS(), 1, store=tmp_path / "run.h5")
    risk, control, _ = refined(tfl.load(tmp_path / "run.h5"), shape=(36, 36))
    assert risk.model.torus.shape == (36, 36) and control.shape == risk.space.shape


@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
def test_tangent_flow_and_porous_medium():
    results = []
    for kind in ("numpy", "foreign"):
        torus = torus_of((8, 9), kind)
        initial, _ = densities(torus)
        flow = tfl.TangentFlow(torus, METRIC, tfl.losses.SquaredL2(tfl.densities.uniform(torus)), band=2)
        solution = flow.solve(initial, [0.0, 0.05], 1e-6)
        spectral = tfl.porous_medium.Spectral(torus).solve(initial, [0.01], 1e-6)
        results.append((solution.density, spectral.density, solution.loss, spectral.tail))
        assert solution.loss[0] + solution.dissipated[0] == pytest.approx(solution.loss[1] + solution.dissipated[1])
    for mine, foreign in zip(*results, strict=True):
        assert relative_error(tfl.Torus((8, 9)).to_host(foreign), mine) < PUSH
    assert type(results[1][0]) is type(results[1][1]) is Foreign


@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
def test_implicit_steps_of_a_tangent_flow(monkeypatch):
    monkeypatch.setattr("torusflow.porous_medium.time_steps.EXPONENTIAL", IMPLICIT)
    results = []
    for kind in ("numpy", "foreign"):
        torus = torus_of((8, 9), kind)
        initial, target = densities(torus)
        solution = tfl.TangentFlow(torus, METRIC, tfl.losses.KullbackLeibler(target), band=2).solve(
            initial, [0.01], 1e-6
        )
        assert solution.implicit_steps == solution.steps > 0
        results.append(torus.to_host(solution.density))
    assert relative_error(results[1], results[0]) < PUSH


@pytest.mark.slow
def test_tangent_kernels():
    kernels = []
    for risk in both((6, 5), band=1):
        kernels.append(tfl.tangent_kernel(risk.model, control(risk)))
    p = np.random.default_rng(4).standard_normal((6, 5))
    assert same(kernels[1](p), kernels[0](p))
    assert relative_error(kernels[1].matrix(), kernels[0].matrix()) < PUSH
    np.testing.assert_allclose(kernels[1].eigenvalues(3), kernels[0].eigenvalues(3), rtol=1e-10)


@pytest.mark.slow
def test_geodesics():
    models = []
    for kind in ("numpy", "foreign"):
        torus = torus_of((12, 13), kind)
        models.append(tfl.GeodesicNODE(torus, METRIC, densities(torus)[0], band=2, steps=6))
    u0 = 0.3 * models[0].space.random(np.random.default_rng(5))
    p = np.random.default_rng(6).standard_normal((12, 13))
    mine, foreign = (model.linearise(u0) for model in models)
    assert same(foreign.output, mine.output) and same(foreign.tangent(u0), mine.tangent(u0))
    assert same(foreign.adjoint(p), mine.adjoint(p))
    field = models[0].space.field(u0[0])
    paths = [tfl.geodesic.shoot(model.torus, METRIC, field, [0.5], 1e-6) for model in models]
    assert same(paths[1].velocity, paths[0].velocity)
    points = np.random.default_rng(1).random((4, 2))
    maps = [tfl.geodesic.exponential(model.torus, METRIC, field / 4, 1e-6) for model in models]
    assert relative_error(maps[1](points), maps[0](points)) < PUSH
    logarithms = [tfl.geodesic.logarithm(model.torus, METRIC, maps[0], 1e-4) for model in models]
    assert same(logarithms[1], logarithms[0], 1e-9)


def test_points_stay_at_home():
    ours, theirs = both((9, 8))
    v, points = control(ours), np.random.default_rng(7).random((5, 2))
    assert relative_error(theirs.model.log_density(v, points), ours.model.log_density(v, points)) < 1e-10
    for risk in (ours, theirs):
        sample = risk.model.sample(v, 4, np.random.default_rng(8))
        assert type(sample) is np.ndarray
    initial = theirs.model.initial
    assert type(np.asarray(initial)) is np.ndarray and type(initial.values) is Foreign


def test_densities_are_made_abroad():
    torus, home = torus_of((9, 8), "foreign"), torus_of((9, 8), "numpy")
    points = np.random.default_rng(9).random((200, 2))
    for make in (
        tfl.densities.uniform,
        tfl.densities.von_mises,
        tfl.densities.banana,
        lambda torus: tfl.densities.from_samples(torus, points, 0.3, floor=0.1),
        lambda torus: tfl.densities.from_array(torus, 1 + np.arange(72.0).reshape(9, 8), normalise=True),
        lambda torus: tfl.densities.banana(torus).on(torus.resized((12, 10))),
    ):
        assert same(make(torus).values, make(home).values, 1e-11)


def test_controls_are_made_abroad():
    spaces = [risk.space for risk in both((9, 8))]
    for make in (
        lambda space: space.from_function(lambda s, x, y: (np.sin(2 * np.pi * x), 0.5)),
        lambda space: space.from_grid(np.ones((2, 9, 8))),
        lambda space: space.to_grid(space.random(np.random.default_rng(1))),
        lambda space: (
            space.field(control(both((9, 8))[0])[0])
            if space is spaces[0]
            else space.to_grid(control(both((9, 8))[0]))[0]
        ),
    ):
        assert same(make(spaces[1]), make(spaces[0]))
    v = spaces[0].random(np.random.default_rng(2))
    np.testing.assert_allclose(spaces[1].norm_of_layers(spaces[1].element(v)), spaces[0].norm_of_layers(v))


def test_copies_and_pickles():
    model = both((9, 8))[1].model
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.torus == model.torus and again.torus.library == "foreign"
        assert type(again(again.space.zeros())) is Foreign


def test_what_cannot_be_mixed():
    home, abroad = tfl.Torus((9, 8)), torus_of((9, 8), "foreign")
    assert home != abroad and abroad == torus_of((9, 8), "foreign") and len({home, tfl.Torus((9, 8))}) == 1
    with pytest.raises(tfl.InputError, match=r"the field cannot be used on this torus: .*\.get\(\)"):
        home.mean(tfl.densities.uniform(abroad).values)
    with pytest.raises(tfl.InputError, match="the initial density must be a Density on"):
        tfl.MeasureNODE(home, METRIC, tfl.densities.uniform(abroad))
    with pytest.raises(tfl.InputError, match="SquaredL2 compares densities on"):
        tfl.Risk(
            tfl.MeasureNODE(home, METRIC, tfl.densities.uniform(home)),
            tfl.losses.SquaredL2(tfl.densities.uniform(abroad)),
        )
    with pytest.raises(tfl.InputError, match="the density holds 1 values that are not finite"):
        tfl.densities.from_array(abroad, np.where(np.arange(72).reshape(9, 8) == 3, math.nan, 1.0))
    with pytest.raises(tfl.InputError, match="is negative at 1 of 72 grid points"):
        tfl.densities.from_array(abroad, 1.0 - 2 * (np.arange(72).reshape(9, 8) == 3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stages", ["kept", "recomputed"])
def test_log_densities(shape, stages, tmp_path):
    points, risks = np.random.default_rng(3).random((30, len(shape))), []
    for kind in ("numpy", "foreign"):
        torus = torus_of(shape, kind)
        model = tfl.LogDensityNODE(torus, METRIC, densities(torus)[0], 2, 2, 3, stages)
        loss = tfl.losses.NormalisedLikelihood(points, torus, np.arange(30.0))
        risks.append(tfl.Risk(model, loss, penalty=0.1))
    ours, theirs = risks
    v, dv = control(ours), control(ours, 1)
    first, second = ours.model.linearise(v), theirs.model.linearise(v)
    assert same(second.output, first.output) and same(second.tangent(dv), first.tangent(dv))
    assert theirs(v) == pytest.approx(ours(v), rel=PUSH)
    assert same(theirs.value_and_gradient(v)[1], ours.value_and_gradient(v)[1])
    change = theirs.loss.curvature(second.output, second.tangent(dv))
    assert same(change, ours.loss.curvature(first.output, first.tangent(dv)), 1e-11)
    assert relative_error(theirs.model.log_density(v, points), ours.model.log_density(v, points)) < 1e-10
    samples = [risk.model.sample(v, 20, np.random.default_rng(4)) for risk in risks]
    np.testing.assert_allclose(samples[1], samples[0], atol=1e-12)
    assert theirs.model.resolution(v).log_mass == pytest.approx(ours.model.resolution(v).log_mass, abs=1e-12)
    tfl.descend(theirs, theirs.space.zeros(), tfl.LBFGS(), 2, store=tmp_path / "run.h5", validation=theirs)
    run = tfl.load(tmp_path / "run.h5")
    assert relative_error(run.risk.model(run.control), run.output) < PUSH


def test_a_loss_of_ones_own_may_give_a_number_from_abroad():
    class Entropy(tfl.losses.SquaredL2):
        def __call__(self, rho):
            return np.mean(rho**2)

    torus = torus_of((9, 8), "foreign")
    initial, target = densities(torus)
    risk = tfl.Risk(tfl.MeasureNODE(torus, METRIC, initial, layers=2, band=2), Entropy(target))
    assert type(risk(risk.space.zeros())) is float


@pytest.mark.slow
def test_inequalities_and_energies():
    found, numbers = [], []
    for risk in both((9, 8)):
        found.append(str(tfl.lojasiewicz.inequality(risk, radii=(0.05, 0.1), controls=5, search=3)))
        energy, initial = tfl.losses.InternalEnergy(risk.model.torus, 1.0), risk.model.initial
        numbers.append([measure(energy, initial) for measure in (tfl.wasserstein.ratio, tfl.wasserstein.convexity)])
    assert found[0] == found[1]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-10)


@pytest.mark.parametrize("kind", ["dual", "riesz"])
def test_other_frameworks_get_the_numbers_of_the_reference(kind):
    """Real arrays of this machine, whatever the arrays of the torus."""
    risks = both((9, 8))
    x = as_real(risks[0].space, control(risks[0]))
    ours, abroad = (Operator(of_risk(risk), kind) for risk in risks)
    for way, u in (("tangent", x), ("adjoint", np.array(1.0))):
        found, expected = (getattr(operator, way)(x, u) for operator in (abroad, ours))
        assert type(found) is np.ndarray and relative_error(found, expected) < PUSH
