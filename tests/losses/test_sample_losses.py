"""Densities against samples: series written out, the losses on points they must agree with, exact variations."""

import numpy as np
import pytest
import reference
import tolerances

import torusflow as tfl
from torusflow import testing
from torusflow.losses import CloudMMD, CrossEntropy, SobolevMMD
from torusflow.torus.density import DensitySpace

SHAPES = [(12,), (13,), (9, 10), (6, 7, 5)]


def make(shape, rng, count=7):
    """A positive density without Nyquist modes, as models give, and samples."""
    torus = tfl.Torus(shape, threads=1)
    f = reference.TrigonometricPolynomial.random(rng, [(n - 1) // 2 for n in shape], terms=4)
    values = f(torus.points)
    rho = 1 + 0.5 * values / np.abs(values).max()
    return torus, rho / rho.mean(), rng.random((count, len(shape)))


def series(torus, rho, points):
    """sum over |k_j| < n_j/2 of rho^_k exp(2 pi i k.x) at any points."""
    k = np.stack([axis.ravel() for axis in reference.wavenumbers(torus.shape)], axis=-1)
    kept = np.all(2 * np.abs(k) < torus.shape, axis=-1)
    coefficients = reference.coefficients(rho, torus.shape).ravel()[kept]
    return np.real(np.exp(2j * np.pi * points @ k[kept].T) @ coefficients)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_mmd_of_a_density_and_samples_is_that_of_the_samples_and_the_density(shape, squared, rng):
    torus, rho, samples = make(shape, rng)
    loss = SobolevMMD(samples, order=1.5, length=0.5, squared=squared, torus=torus)
    mirrored = CloudMMD(tfl.Density(torus, rho), order=1.5, length=0.5, squared=squared)
    assert loss(rho) == pytest.approx(mirrored(samples), rel=tolerances.NONUNIFORM)
    assert loss(rho) > 1e-3
    alternating = (-1.0) ** np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1))  # Nyquist modes where n_1 is even
    if shape[0] % 2 == 0:
        assert loss(rho + alternating) == pytest.approx(loss(rho), rel=tolerances.SUM)


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_cross_entropy_is_the_series_written_out(shape, rng):
    torus, rho, samples = make(shape, rng)
    rough = rho + 0.1 * rng.standard_normal(shape)  # with Nyquist modes, which are left out
    for values in (rho, rough):
        expected = -np.mean(np.log(series(torus, values, samples)))
        assert CrossEntropy(samples, torus)(values) == pytest.approx(expected, abs=tolerances.NONUNIFORM)
    assert CrossEntropy(samples + 1, torus)(rho) == pytest.approx(CrossEntropy(samples, torus)(rho), abs=1e-10)
    assert CrossEntropy(samples, torus)(np.ones(shape)) == pytest.approx(0, abs=tolerances.NONUNIFORM)


def test_cross_entropy_of_many_samples_is_the_divergence_plus_the_entropy(rng):
    """Within five standard errors of the sample mean."""
    torus = tfl.Torus((32,), threads=1)
    target = tfl.densities.von_mises(torus, 0.3, 1.0)
    rho = tfl.densities.von_mises(torus, 0.6, 0.5).values
    samples = (0.3 + rng.vonmises(0, 1.0, 20000) / (2 * np.pi))[:, None]
    expected = -torus.mean(target.values * np.log(rho))
    error = torus.mean(target.values * (np.log(rho) + expected) ** 2) ** 0.5 / np.sqrt(len(samples))
    assert abs(CrossEntropy(samples, torus)(rho) - expected) < 5 * error < 0.02


@pytest.mark.parametrize("name", ["MMD", "MMD squared", "cross entropy"])
@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_variations_are_exact(shape, name, rng):
    """Also with Nyquist modes in density and direction, and where the density has undershot zero at a sample."""
    torus, rho, samples = make(shape, rng)
    loss = {
        "MMD": SobolevMMD(samples, 1.5, torus=torus),
        "MMD squared": SobolevMMD(samples, 1.5, squared=True, torus=torus),
        "cross entropy": CrossEntropy(samples, torus, floor=0.1),
    }[name]
    rho = rho - series(torus, rho, samples[:1]) - 0.05
    direction, other = rng.standard_normal((2, *shape))
    h = 1e-4

    def difference(function):
        near, far = (function(rho + t * direction) - function(rho - t * direction) for t in (h, 2 * h))
        return (8 * near - far) / (12 * h)

    gradient = loss.gradient(rho)
    scale = torus.norm(gradient) * torus.norm(direction)
    assert abs(difference(loss) - torus.inner(gradient, direction)) <= tolerances.FINITE_DIFFERENCE * scale
    if name != "MMD":
        curvature = loss.curvature(rho, direction)
        assert torus.norm(difference(loss.gradient) - curvature) <= tolerances.FINITE_DIFFERENCE * torus.norm(curvature)
        there, back = torus.inner(curvature, other), torus.inner(loss.curvature(rho, other), direction)
        assert there == pytest.approx(back, rel=tolerances.NONUNIFORM)


@pytest.mark.parametrize("check", testing.loss_checks())
@pytest.mark.parametrize("name", ["MMD", "MMD squared", "cross entropy"])
def test_promise(name, check, rng):
    """Of `torusflow.testing`, which other packages call with their own losses."""
    torus, rho, samples = make((9, 10), rng)
    loss = {
        "MMD": SobolevMMD(samples, 1.5, torus=torus),
        "MMD squared": SobolevMMD(samples, 1.5, squared=True, torus=torus),
        "cross entropy": CrossEntropy(samples, torus),
    }[name]
    testing.check_loss(loss, DensitySpace(torus), rho, rng=rng, checks=[check])


@pytest.mark.parametrize("make_loss", [lambda x, torus: SobolevMMD(x, 1.5, torus=torus, squared=True), CrossEntropy])
def test_risk_of_a_model_against_samples(make_loss, rng):
    torus = tfl.Torus((16, 15), threads=1)
    samples = 0.3 + 0.1 * rng.standard_normal((50, 2))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=3, band=3)
    risk = tfl.Risk(model, make_loss(samples, torus), penalty=1e-3)
    v = 0.1 * model.space.random(rng)
    outcome = tfl.checks.taylor(risk, v)
    assert abs(outcome.slope - 2) <= tolerances.TAYLOR_SLOPE
    assert outcome.derivative_error <= tolerances.FINITE_DIFFERENCE
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.1, "armijo"), iterations=5)
    assert result.history["risk"][-1] < result.history["risk"][0] - 1e-4


TORUS = tfl.Torus((8, 8))


@pytest.mark.parametrize(
    ("make_loss", "words"),
    [
        (lambda: SobolevMMD(np.eye(2)), r"give a Density as target, or samples \(M, d\) together with torus"),
        (
            lambda: SobolevMMD(tfl.densities.uniform(TORUS), torus=tfl.Torus((9, 9))),
            "the target is a density on .* it out",
        ),
        (
            lambda: SobolevMMD(np.zeros((3, 3)), torus=TORUS),
            r"SobolevMMD: points must have shape \(N, 2\).*\(3, 3\)",
        ),
        (lambda: SobolevMMD(np.eye(2), order=11, torus=TORUS), "order and length must be numbers between 0 and 10"),
        (
            lambda: CrossEntropy(np.zeros((0, 2)), TORUS),
            r"CrossEntropy: points must have shape .*N >= 1, got \(0, 2\)",
        ),
        (lambda: CrossEntropy([[0.1, np.nan]], TORUS), r"CrossEntropy: 1 of 1 points are not finite"),
        (lambda: CrossEntropy("samples", TORUS), r"the points must be an array of real numbers"),
        (lambda: CrossEntropy(np.eye(2), (8, 8)), r"Write CrossEntropy\(samples, torus\)"),
        (lambda: CrossEntropy(np.eye(2), TORUS, floor=-1), r"CrossEntropy: floor must be a number between 0 and 1"),
        (
            lambda: CrossEntropy(np.eye(2), TORUS).check(tfl.TorusNODE(np.eye(2), tfl.SobolevMetric()).output_space),
            r"CrossEntropy compares densities on .*, but the model gives no densities",
        ),
    ],
)
def test_refusals(make_loss, words):
    with pytest.raises(tfl.InputError, match=words):
        make_loss()
