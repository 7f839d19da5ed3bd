"""Results do not depend on who computes them: threads, transform libraries, and callers at the same time."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import torusflow as tfl
from torusflow.backends.cpu.workers import Workers

# Sums are taken in another order, and the libraries' transforms differ by some units of round-off.
SAME_RESULT = 1e-12
# Two threads share work from here on: in use it is more, since handing it over costs some time.
POINTS_PER_THREAD = 20
SHAPES = {1: (96,), 2: (33, 32), 3: (14, 13, 12)}
SAMPLES = 100
WAYS = ((1, "fftw"), (2, "fftw"), (1, "scipy"), (2, "scipy"))
SMOOTH = tfl.SobolevMetric(3.0, 0.2)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    for module in ("backends.cpu.blocks", "torus.series"):
        monkeypatch.setattr(f"torusflow.{module}.MINIMUM_POINTS_PER_THREAD", POINTS_PER_THREAD)


def needs(library):
    if library == "fftw":
        pytest.importorskip("pyfftw", reason="pyFFTW is not installed")


def density_risk(d, threads, library):
    torus = tfl.Torus(SHAPES[d], threads, library)
    initial = tfl.densities.von_mises(torus, 0.7, 0.5)
    model = tfl.MeasureNODE(torus, SMOOTH, initial, layers=2, band=2, substeps=8)
    return tfl.Risk(model, tfl.losses.KullbackLeibler(tfl.densities.von_mises(torus, 0.3, 1.0)), 1e-3)


def sample_risk(d, threads):
    points = np.random.default_rng(d).random((SAMPLES, d))
    model = tfl.SampleNODE(points, SMOOTH, layers=2, band=2, substeps=1, threads=threads)
    return tfl.Risk(model, tfl.losses.LogLikelihood(), 1e-3)


def control_of(risk):
    control = risk.space.random(np.random.default_rng(1))
    return control * (0.05 / np.max(np.abs(risk.space.to_grid(control))))


def everything(risk, iterations=5):
    """Value, gradient, and what a short descent comes to."""
    value, gradient = risk.value_and_gradient(control_of(risk))
    result = tfl.descend(risk, control_of(risk), tfl.GradientDescent(0.05, "armijo"), iterations)
    return value, gradient, result.control, result.output, result.history["risk"]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert np.max(np.abs(one - other)) <= SAME_RESULT * np.max(np.abs(one))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_two_threads_do_share_the_work(d, monkeypatch):
    """Else the tests below would compare one thread with itself."""
    shared, run, together = set(), Workers.run, Workers.together
    monkeypatch.setattr(Workers, "run", lambda self, *call: shared.add(len(call[1])) or run(self, *call))
    monkeypatch.setattr(Workers, "together", lambda self, *call: shared.add(call[1]) or together(self, *call))
    density_risk(d, 2, None).value_and_gradient(control_of(density_risk(d, 2, None)))
    assert max(shared) == 2
    shared.clear()
    sample_risk(d, 2)(control_of(sample_risk(d, 2)))
    assert max(shared) == 2


@pytest.mark.parametrize("d", [1, 2, 3])
def test_densities_on_any_threads_and_library(d):
    needs("fftw")
    results = [everything(density_risk(d, *way)) for way in WAYS]
    for other in results[1:]:
        assert_same(results[0], other)


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 3])
def test_samples_on_any_threads(d):
    assert_same(everything(sample_risk(d, 1)), everything(sample_risk(d, 2)))


def small_risks(torus):
    """Different models and losses, those on densities all on one torus."""
    initial, target = tfl.densities.uniform(torus), tfl.densities.von_mises(torus, 0.3, 1.0)
    points = np.random.default_rng(3).random((50, 2))
    X = np.random.default_rng(4).standard_normal((3, 5))
    for layers, band, loss in (
        (2, 2, tfl.losses.SquaredL2(target)),
        (3, 1, tfl.losses.Hellinger(target)),
        (2, 3, tfl.losses.SobolevMMD(target)),
        (1, 2, tfl.losses.Sinkhorn(target, 0.02)),
    ):
        yield tfl.Risk(tfl.MeasureNODE(torus, SMOOTH, initial, layers, band, 2), loss)
    yield tfl.Risk(tfl.GeodesicNODE(torus, SMOOTH, initial, band=2, steps=5), tfl.losses.SquaredL2(target))
    yield tfl.Risk(tfl.SampleNODE(points, SMOOTH, None, 2, 2, 1, 1), tfl.losses.LogLikelihood())
    yield tfl.Risk(tfl.TorusNODE(points, SMOOTH, 2, 2, 1, 1), tfl.losses.GeodesicDistance(points + 0.1))
    yield tfl.Risk(tfl.ResNet(X, 3, 4), tfl.losses.SquaredDistance(X + 0.1))


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "library"), WAYS)
def test_many_callers_at_once_get_what_one_gets(threads, library):
    """Bit for bit: each model three times at the same time, and several of them, on one torus."""
    needs(library)
    risks = list(small_risks(tfl.Torus((20, 21), threads, library)))

    def call(risk):
        control = 0.05 * risk.space.random(np.random.default_rng(1))
        value, gradient = risk.value_and_gradient(control)
        result = tfl.descend(risk, control, tfl.LBFGS(memory=3), 3)
        fields = [risk.space.to_grid(control) for _ in range(20)] if hasattr(risk.space, "to_grid") else []
        return value, gradient, result.control, result.output, *fields

    alone = [call(risk) for risk in risks]
    interval = sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-6)  # the interpreter changes threads as often as it can
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(call, [risk for risk in risks for _ in range(3)]))
    finally:
        sys.setswitchinterval(interval)
    for found, expected in zip(together, [results for results in alone for _ in range(3)], strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_many_callers_of_one_spectral_solver_get_what_one_gets():
    """Its plans are used by one of them at a time."""
    torus = tfl.Torus((80, 81), 1)
    solver, (x, y) = tfl.porous_medium.Spectral(torus, 3.0), torus.points
    starts = [tfl.densities.from_array(torus, 1 + a * np.cos(2 * np.pi * (x + y))) for a in (0.1, 0.2, 0.3, 0.4)]

    def solve(start):
        return solver.solve(start, [0, 0.01]).density

    alone = [solve(start) for start in starts]
    interval = sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(solve, starts * 3))
    finally:
        sys.setswitchinterval(interval)
    for found, expected in zip(together, alone * 3, strict=True):
        np.testing.assert_array_equal(found, expected)
