"""Likelihood of a flow: the spectral solver, total mass, the closed form C2, training; what the suite leaves out."""

import numpy as np
import pytest
from tolerances import LATTICE

import torusflow as tfl
from torusflow.errors import InputError, NumericalError

METRIC = tfl.SobolevMetric(3.0, 0.2)
# Total probability of a density on a fine grid: the project's bound. Absolute.
TOTAL_MASS = 1e-6


def control(model, rng, speed=0.2):
    v = model.space.random(rng)
    return v * (speed / np.max(np.abs(model.space.to_grid(v))))


def lattice(n, d):
    return np.stack(np.meshgrid(*[np.arange(n) / n] * d, indexing="ij"), axis=-1).reshape(-1, d)


def test_c2():
    """v = a sin(2 pi x)/(2 pi) makes 1/(e^a cos^2 + e^-a sin^2) of the uniform density."""
    a, x = 1.2, np.linspace(-0.4, 0.45, 11)[:, None]
    model = tfl.SampleNODE(x, METRIC, layers=2, band=3, substeps=60)
    v = model.space.from_function(lambda s, x: (a * np.sin(2 * np.pi * x) / (2 * np.pi),))
    traced, _ = model.traced(v, x)
    density = 1 / (np.exp(a) * np.cos(np.pi * x[:, 0]) ** 2 + np.exp(-a) * np.sin(np.pi * x[:, 0]) ** 2)
    np.testing.assert_allclose(model(v), np.log(density), rtol=0, atol=1e-9)
    np.testing.assert_allclose(traced[:, 0], np.arctan(np.exp(-a) * np.tan(np.pi * x[:, 0])) / np.pi, atol=1e-10)


@pytest.mark.parametrize("shape", [(48,), (48, 48)], ids=str)
def test_the_density_is_that_of_the_spectral_solver(shape, rng):
    torus = tfl.Torus(shape)
    measure = tfl.MeasureNODE(torus, METRIC, tfl.densities.uniform(torus), layers=2, band=2, substeps=40)
    v = control(measure, rng, 0.1)
    rho = measure(v)
    assert measure.tail(rho) < 1e-15 and np.ptp(rho) > 0.05
    x = np.stack([axis.ravel() for axis in torus.points], axis=1)
    model = tfl.SampleNODE(x, METRIC, layers=2, band=2, substeps=40)
    np.testing.assert_allclose(np.exp(model(v)), rho.ravel(), rtol=0, atol=LATTICE)


@pytest.mark.parametrize(("d", "n"), [(1, 400), (2, 96), pytest.param(3, 24, marks=pytest.mark.slow)])
@pytest.mark.parametrize("substeps", [1, 3])
def test_total_mass_is_one_whatever_the_steps(d, n, substeps, rng):
    """The determinant is that of the discrete map, so long steps make another density, but never more than one."""
    model = tfl.SampleNODE(lattice(n, d), METRIC, layers=2, band=2, substeps=substeps)
    v = control(model, rng, 0.25 if d < 3 else 0.08)
    density = np.exp(model(v))
    assert abs(np.mean(density) - 1) < TOTAL_MASS and np.ptp(density) > 0.1


@pytest.mark.slow
def test_traced_samples_come_back_along_the_flow(rng):
    model = tfl.SampleNODE(rng.random((20, 2)), METRIC, layers=3, band=3, substeps=20)
    v = control(model, rng)
    traced, logarithm = model.traced(v, model.points)
    flow = tfl.FlowMap(model, v)
    np.testing.assert_allclose(flow(traced), model.points, rtol=0, atol=1e-8)
    np.testing.assert_allclose(flow.log_determinant(traced), -logarithm, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(model(v), logarithm)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(48,), (45, 48)], ids=str)
def test_a_base_density_is_carried_along(shape, rng):
    torus = tfl.Torus(shape)
    initial = tfl.densities.von_mises(torus, 0.7, 0.5)
    measure = tfl.MeasureNODE(torus, METRIC, initial, layers=2, band=2, substeps=40)
    v = control(measure, rng, 0.1)
    x = np.stack([axis.ravel() for axis in torus.points], axis=1)
    model = tfl.SampleNODE(x, METRIC, initial, layers=2, band=2, substeps=40)
    np.testing.assert_allclose(np.exp(model(v)), measure(v).ravel(), rtol=0, atol=LATTICE)
    y = rng.random((50, len(shape)))
    np.testing.assert_allclose(measure.log_density(v, y), model.log_density(v, y), rtol=0, atol=LATTICE)


def test_a_base_density_without_mass_at_the_samples_is_said():
    torus = tfl.Torus((32,))
    initial = tfl.densities.from_function(torus, lambda x: 1 + np.cos(2 * np.pi * x))
    model = tfl.SampleNODE([[0.1], [0.5], [0.5]], METRIC, initial, layers=1, band=2)
    with pytest.raises(NumericalError, match=r"vanishes where 2 of 3 samples come from.*add a floor"):
        model(model.space.zeros())


@pytest.mark.slow
@pytest.mark.parametrize("base", ["uniform", "von_mises"])
def test_samples_follow_the_density(base, rng):
    """The entropy of the density by Monte Carlo and by quadrature; five standard errors."""
    torus = tfl.Torus((48, 48))
    initial = getattr(tfl.densities, base)(torus)
    model = tfl.SampleNODE([[0.0, 0.0]], METRIC, initial, layers=2, band=2, substeps=4)
    v = control(model, rng, 0.8)
    logs = model.log_density(v, model.sample(v, 20_000, rng))
    grid = model.log_density(v, lattice(96, 2))
    assert np.ptp(grid) > 0.5
    assert abs(np.mean(logs) - np.mean(grid * np.exp(grid))) < 5 * np.std(logs) / np.sqrt(len(logs))


@pytest.mark.slow
def test_maximum_likelihood_finds_the_density_of_the_samples():
    """Von Mises samples in one dimension: the trained density comes near the true one, on points it has not seen."""
    rng = np.random.default_rng(4)
    samples, fresh = (rng.vonmises(0.5, 2.0, n)[:, None] / (2 * np.pi) for n in (2000, 4000))
    model = tfl.SampleNODE(samples, tfl.SobolevMetric(2.0, 0.2), layers=3, band=4, substeps=3)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood(), penalty=1e-3)
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05, "armijo"), iterations=60)
    truth = 2.0 * np.cos(2 * np.pi * fresh[:, 0] - 0.5) - np.log(np.i0(2.0))
    assert result.history["risk"][0] == 0 and result.value < -0.4
    assert abs(np.mean(model.log_density(result.control, fresh)) - np.mean(truth)) < 0.02
    assert abs(np.mean(np.exp(model.log_density(result.control, lattice(400, 1)))) - 1) < TOTAL_MASS


@pytest.mark.parametrize("d", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_runs_are_drawn(d, rng, tmp_path):
    from torusflow.plotting import plot_run

    model = tfl.SampleNODE(rng.random((30, d)), METRIC, layers=2, band=2, substeps=1)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(1e-3), 3, store=tmp_path / "run.h5")
    figure = plot_run(tfl.load(tmp_path / "run.h5"))
    figure.canvas.draw()
    assert figure.axes[0].get_label().startswith(("fit", "data"))


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"points": np.zeros((3, 4))}, r"takes points \(N, 1..3\)"),
            ({"points": [[np.nan, 0.1]]}, "finite"),
            ({"metric": 3.0}, "and a SobolevMetric"),
            ({"initial": tfl.densities.uniform(tfl.Torus((8,)))}, "initial density .* torus of dimension 2"),
            ({"band": None}, "band must be a whole number"),
            ({"band": 1.5}, "band must be a whole number"),
            ({"substeps": 0}, "substeps must be a whole number >= 1"),
            ({"layers": "many"}, "layers must be a whole number >= 1"),
        ],
    )
    def test_models(self, arguments, words):
        with pytest.raises(InputError, match=words):
            tfl.SampleNODE(**{"points": [[0.1, 0.2]], "metric": METRIC, **arguments})

    def test_folding(self):
        model = tfl.SampleNODE(np.linspace(0, 1, 100)[:, None], METRIC, layers=1, band=8, substeps=1)
        v = model.space.from_function(lambda s, x: (0.4 * np.sin(2 * np.pi * 6 * x),))
        with pytest.raises(NumericalError, match=r"folds at \d+ of 100 samples.*Use substeps=2"):
            model(v)

    def test_the_loss_is_for_likelihoods(self):
        with pytest.raises(InputError, match=r"outputs \(N,\) of a SampleNODE"):
            tfl.Risk(tfl.LinearNODE(np.eye(5), 2), tfl.losses.LogLikelihood())
