"""Kernel and feature fields: kernels against SciPy, order of the flow, linear convergence, and what is refused."""

import tracemalloc

import numpy as np
import pytest
import reference
import tolerances
from every_model import features, features_jacobian
from scipy.spatial.distance import cdist
from scipy.special import gamma, kv

import torusflow as tfl
from torusflow.losses import SquaredDistance
from torusflow.theory import lojasiewicz


def matern(r, length, nu):
    """Rasmussen and Williams, equation (4.14), with the Bessel function."""
    s = np.where(r > 0, np.sqrt(2 * nu) * r / length, 1.0)
    return np.where(r > 0, 2 ** (1 - nu) / gamma(nu) * s**nu * kv(nu, s), 1.0)


@pytest.mark.parametrize(
    ("kernel", "formula"),
    [
        (tfl.GaussianKernel(0.7), lambda r: np.exp(-(r**2) / (2 * 0.7**2))),
        (tfl.MaternKernel(0.7, 1.5), lambda r: matern(r, 0.7, 1.5)),
        (tfl.MaternKernel(0.7), lambda r: matern(r, 0.7, 2.5)),
    ],
)
def test_kernels_and_their_constants(kernel, formula, rng):
    points = rng.standard_normal((12, 2))
    family = tfl.KernelField(kernel, points)
    others = rng.standard_normal((5, 2))
    assert reference.relative_error(family.matrix(others), formula(cdist(others, points))) <= tolerances.SAME
    r = np.linspace(0, 5, 200001)
    slopes = np.abs(np.diff(formula(r))) / np.diff(r)
    assert kernel.steepest_slope == pytest.approx(slopes.max(), rel=1e-6)
    small = np.array([1e-3])
    assert kernel.lipschitz == pytest.approx(np.sqrt(2 * (1 - formula(small)))[0] / 1e-3, rel=2e-3)


def test_inner_product_is_that_of_the_kernel_space(rng):
    """<a, K b>, and <riesz, v> = sum p.v(x) for points anywhere."""
    family = tfl.KernelField(tfl.MaternKernel(1.0), rng.uniform(-2, 2, (8, 2)))
    space = family.space(3, 2)
    a, b = rng.standard_normal((2, *space.shape))
    expected = np.mean([np.trace(u.T @ family.gram @ w) for u, w in zip(a, b, strict=True)])
    assert space.inner(a, b) == pytest.approx(expected, rel=tolerances.SAME)
    points, momenta = rng.standard_normal((2, 20, 2))
    paired = np.trace(family.riesz(points, momenta).T @ family.gram @ a[0])
    assert paired == pytest.approx(np.sum(momenta * family.field(a[0]).value(points)), rel=1e-10)


def test_random_features_approach_the_gaussian_kernel(rng):
    x = rng.standard_normal((10, 3))
    field = tfl.RandomFourierFeatures(3, 20000, length=1.3)._features
    approximate = field.values(x) @ field.values(x).T
    assert np.max(np.abs(approximate - np.exp(-(cdist(x, x) ** 2) / (2 * 1.3**2)))) < 5 / np.sqrt(20000)


def test_order_four_in_time():
    """dx/ds = W x with the identity as features: the matrix exponential."""
    from scipy.linalg import expm

    W = np.array([[0.3, -1.2], [0.9, -0.4]])
    x = np.array([[1.0, 0.5], [-0.3, 2.0]])
    linear = tfl.Features(lambda x: x, lambda x: np.tile(np.eye(2), (len(x), 1, 1)), 2)
    steps = np.array([4, 8, 16, 32])
    errors = [np.max(np.abs(tfl.RKHSNODE(x, linear, 2, n // 2)([W, W]) - x @ expm(W).T)) for n in steps]
    assert abs(reference.observed_order(1 / steps, errors) - 4) <= tolerances.ORDER
    assert errors[-1] < 1e-7


def separated_points(rng, count=64, side=6.0, distance=0.45):
    points = []
    while len(points) < count:
        candidate = rng.uniform(0, side, 2)
        if all(np.hypot(*(candidate - p)) > distance for p in points):
            points.append(candidate)
    return np.array(points)


@pytest.mark.slow
def test_linear_convergence_on_random_pairs(rng):
    """N = 64 in the plane, kernel matrix with a condition below 10: the risk falls linearly below 1e-10."""
    x = separated_points(rng)
    family = tfl.KernelField(tfl.GaussianKernel(0.35), x)
    assert family.condition < 10
    model = tfl.RKHSNODE(x, family, 5)
    risk = tfl.Risk(model, SquaredDistance(x + 0.15 * rng.standard_normal(x.shape)))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.4), 2000, risk_tolerance=1e-10)
    assert result.status.startswith("converged")
    assert np.all(np.diff(result.history["risk"]) < 0)
    late = np.log(result.history["risk"][len(result.history["risk"]) // 2 :])
    k = np.arange(len(late))
    slope, constant = np.polyfit(k, late, 1)  # over seven decades the straight line fits to five per cent
    assert slope < -0.04 and np.max(np.abs(late - slope * k - constant)) < 0.1


@pytest.mark.slow
def test_the_certificate_of_many_points_is_kept(rng):
    """N = 64 as above, with targets so near that the certificate holds."""
    x = separated_points(rng)
    family = tfl.KernelField(tfl.GaussianKernel(0.35), x)
    risk = tfl.Risk(tfl.RKHSNODE(x, family, 5), SquaredDistance(x + 1e-7 * rng.standard_normal(x.shape)))
    start = risk.space.zeros()
    certificate = lojasiewicz.certificate(risk, start)
    assert certificate.holds
    run = tfl.descend(risk, start, tfl.GradientDescent(certificate.largest_step), 200)
    assert certificate.check(run).passed and run.value < 1e-3 * run.history["risk"][0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: tfl.RKHSNODE(x[:0], tfl.RandomFourierFeatures(2, 5)), "with at least one of each"),
        (lambda x: tfl.RKHSNODE(x, tfl.RandomFourierFeatures(3, 5)), r"functions on R\^3, the points lie in R\^2"),
        (lambda x: tfl.RKHSNODE(x, tfl.KernelField(tfl.GaussianKernel(1.0), np.eye(3))), r"lie in R\^3"),
        (lambda x: tfl.RKHSNODE(x, tfl.GaussianKernel(1.0)), "or a KernelSpan, got a GaussianKernel"),
        (lambda x: tfl.GaussianKernel(0.0), "length of a kernel must be a positive number .*, got 0.0"),
        (lambda x: tfl.GaussianKernel(1e-200), "a positive number between 1e-100 and 1e[+]100, got 1e-200"),
        (lambda x: tfl.MaternKernel(1.0, np.array([1.5, 2.5])), "smoothness must be 1.5 or 2.5"),
        (
            lambda x: tfl.KernelField(tfl.GaussianKernel(1.0), x).matrix(np.eye(3)),
            r"lie in R\^2, the points .* \(3, 3\)",
        ),
        (lambda x: tfl.KernelField(tfl.GaussianKernel(1.0), x).field(x[:2]), r"coefficients must be \(4, 2\)"),
        (
            lambda x: tfl.KernelField(tfl.GaussianKernel(1.0), x).field(x).value(np.eye(3)),
            r"lie in R\^2, the points are an array \(3, 3\)",
        ),
        (lambda x: tfl.RandomFourierFeatures(2, 5, seed=None), "seed must be a whole number >= 0, so that runs"),
        (lambda x: tfl.RandomFourierFeatures(2, 5, seed=-1), "seed must be a whole number >= 0"),
        (lambda x: tfl.Features(None, features_jacobian, 4), "function must be a function of points"),
        (lambda x: tfl.Features(features, "jacobian", 4), "jacobian must be a function of points"),
        (lambda x: tfl.MaternKernel(1.0, 0.5), "smoothness must be 1.5 or 2.5, got 0.5"),
        (
            lambda x: tfl.KernelField(tfl.GaussianKernel(1.0), [[0, 0], [0, 0]]),
            "singular to round-off.*Move centres apart",
        ),
        (lambda x: tfl.KernelField("gauss", x), "must be a GaussianKernel, MaternKernel or SobolevKernel"),
        (lambda x: tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 5), layers=0), "layers must be a whole number"),
        (lambda x: tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 5), substeps=1.5), "substeps must be a whole number"),
    ],
)
def test_refusals(make, words, rng):
    with pytest.raises(tfl.InputError, match=words):
        make(rng.standard_normal((4, 2)))


def broken(x):
    return np.full((len(x), 4), np.nan)


def test_functions_of_the_user_are_named_when_they_fail(rng):
    x = rng.standard_normal((3, 2))
    for function, jacobian, words in (
        (features, features, r"'features' gave an array \(3, 4\).*expected real \(3, 4, 2\)"),
        (lambda x: x, features_jacobian, r"'<lambda>' gave an array \(3, 2\)"),
        (lambda x: [[1], [1, 2]], features_jacobian, "'<lambda>' gave rows of unequal length"),
        (broken, features_jacobian, "'broken' gave nan or the like at the point"),
    ):
        model = tfl.RKHSNODE(x, tfl.Features(function, jacobian, 4), 2)
        with pytest.raises(tfl.TorusflowError, match=words):
            model.linearise(model.space.zeros()).tangent(model.space.zeros())


def test_functions_of_the_user_cannot_change_the_points(rng):
    def greedy(x):
        x *= 2
        return x

    model = tfl.RKHSNODE(rng.standard_normal((3, 2)), tfl.Features(greedy, features_jacobian, 2), 2)
    with pytest.raises(ValueError, match="read-only"):
        model(model.space.zeros())


def test_a_flow_that_leaves_the_numbers_says_so():
    cubic = tfl.Features(lambda x: x**3, lambda x: 3 * x[:, :, None] ** 2, 1)
    model = tfl.RKHSNODE([[1.0]], cubic, 5)
    with (
        pytest.raises(tfl.NumericalError, match=r"gave inf or the like at the point|points are not finite"),
        np.errstate(all="ignore"),
    ):
        model(np.full((5, 1, 1), 1e3))


def model_of_features(points):
    return tfl.RKHSNODE(points, tfl.RandomFourierFeatures(2, 200, 0.5), layers=2)


@pytest.mark.parametrize("numbers", [1, 1000, 3210])
def test_points_a_few_at_a_time_are_points_at_once(numbers, rng, monkeypatch):
    model = model_of_features(rng.standard_normal((50, 2)))
    v, dv, p = model.space.random(rng), model.space.random(rng), model.output_space.random(rng)

    def everything():
        linearisation = model.linearise(v)
        return linearisation.output, linearisation.tangent(dv), linearisation.adjoint(p)

    expected = everything()
    monkeypatch.setattr("torusflow.models.features.NUMBERS_AT_A_TIME", numbers)
    for got, once in zip(everything(), expected, strict=True):
        assert reference.relative_error(got, once) <= tolerances.SAME


@pytest.mark.slow
def test_memory_grows_with_the_points_not_with_points_times_features(rng):
    """At once, values and derivatives of 20,000 points would take 160 MB; stages, points and pieces take 40."""
    model = model_of_features(rng.standard_normal((20_000, 2)))
    v, p = model.space.random(rng), model.output_space.random(rng)
    tracemalloc.start()
    try:
        model.linearise(v).adjoint(p)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
