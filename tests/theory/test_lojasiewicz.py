"""Exponents of known functions, constants of theory, and certificates that hold, fail, and are broken."""

import dataclasses

import numpy as np
import pytest

import torusflow as tfl
from torusflow.losses import SquaredDistance
from torusflow.theory import lojasiewicz


@pytest.mark.parametrize("power", [2.0, 3.0, 4.0])
def test_exponents_of_powers(power, rng):
    """For R = x^p the gradient is p R^((p-1)/p); noise in it widens the interval, which still holds the exponent."""
    x = np.geomspace(1, 1e-3, 200)
    exact = lojasiewicz.fit_exponent(x**power, power * x ** (power - 1))
    assert exact.exponent == pytest.approx(1 - 1 / power, abs=1e-10) and exact.half_width < 1e-10
    assert exact.constant == pytest.approx(power)
    noisy = [
        lojasiewicz.fit_exponent(x**power, power * x ** (power - 1) * np.exp(0.1 * rng.standard_normal(200)))
        for _ in range(200)
    ]
    inside = [abs(fit.exponent - (1 - 1 / power)) <= fit.half_width for fit in noisy]
    assert 0.85 <= np.mean(inside) <= 1.0


def test_the_interval_allows_for_correlated_iterates(rng):
    """With errors that drift, the interval is several times as wide as for independent ones of the same size."""
    x = np.geomspace(1, 1e-3, 400)
    white = rng.standard_normal(400)
    drifting = np.convolve(white, np.ones(20) / np.sqrt(20), mode="same")
    widths = [lojasiewicz.fit_exponent(x**2, 2 * x * np.exp(0.1 * noise)).half_width for noise in (white, drifting)]
    assert widths[1] > 1.5 * widths[0]


def test_exponent_along_a_run_to_a_regular_minimum(rng):
    model = tfl.LinearNODE(np.eye(2), 4)
    risk = tfl.Risk(model, SquaredDistance(np.diag([1.5, 0.6])))
    history = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.2), iterations=80).history
    fit = lojasiewicz.fit_exponent(history["risk"], history["gradient_norm"], skip=0.5)
    assert fit.exponent == pytest.approx(0.5, abs=0.02) and "theta = 0.5" in str(fit)


def test_ratio_is_the_column_of_the_history(rng):
    model = tfl.LinearResNet(rng.standard_normal((2, 3)), 3)
    risk = tfl.Risk(model, SquaredDistance(rng.standard_normal((2, 3))))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.01), iterations=2)
    assert lojasiewicz.ratio(risk, result.control) == pytest.approx(result.history["pl_ratio"][-1])
    assert np.isnan(lojasiewicz.ratio(risk, result.control, lower_bound=1e9))


def certified_run(spread, step=0.5, iterations=60):
    points = 3.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    family = tfl.KernelField(tfl.GaussianKernel(1.0), points)
    model = tfl.RKHSNODE(points, family, layers=8)
    targets = points + spread * np.random.default_rng(0).standard_normal(points.shape)
    risk = tfl.Risk(model, SquaredDistance(targets))
    certificate = lojasiewicz.certificate(risk(model.space.zeros()), lojasiewicz.rkhs_node_bounds(family))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(step), iterations=iterations)
    return certificate, result.history


def test_where_the_certificate_holds_no_iterate_breaks_it():
    certificate, history = certified_run(1e-3)
    assert certificate.holds and certificate.margin >= 1
    assert 8 * certificate.upper * certificate.initial_loss <= (certificate.lower * certificate.radius) ** 2
    verdict = certificate.check(history, step=0.5)
    assert verdict.passed and "rate kept" in str(verdict) and "certified" in str(certificate)


def test_tampered_runs_are_found_out():
    certificate, history = certified_run(1e-3)
    far = {**history, "distance": history["distance"] + 1.01 * certificate.radius}
    slow = {**history, "risk": np.full_like(history["risk"], history["risk"][0])}
    assert certificate.check(far, 0.5).left == 0 and "left the ball" in str(certificate.check(far, 0.5))
    assert certificate.check(slow, 0.5).exceeded == 1 and "exceeded" in str(certificate.check(slow, 0.5))


def test_where_there_is_none_it_says_so():
    certificate, history = certified_run(0.1, iterations=3)
    assert not certificate.holds and certificate.margin < 1
    assert "no certificate" in str(certificate) and not certificate.check(history, 0.5).passed


def test_the_radius_with_the_best_rate_is_taken():
    """m(R) = 1 - R and M = 1: the test is 8 L_0 <= R^2 (1 - R)^2, and the smallest such R is best."""
    bounds = lojasiewicz.Bounds(lambda r: max(1 - r, 0.0), lambda r: 1.0)
    certificate = lojasiewicz.certificate(1e-3, bounds, np.linspace(0, 1, 100001))
    smallest = (1 - np.sqrt(1 - 4 * np.sqrt(8e-3))) / 2
    assert certificate.radius == pytest.approx(smallest, abs=2e-5)
    np.testing.assert_allclose(certificate.rate(0.5, [0, 2]), [1e-3, 1e-3 * (1 - 0.5 * certificate.lower) ** 2])
    assert dataclasses.asdict(certificate)["holds"]


def test_kernel_constants_hold_at_random_controls(rng):
    points = 3.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    family = tfl.KernelField(tfl.GaussianKernel(1.0), points)
    model = tfl.RKHSNODE(points, family, layers=32)
    risk = tfl.Risk(model, SquaredDistance(points + 0.3 * rng.standard_normal(points.shape)))
    bounds = lojasiewicz.rkhs_node_bounds(family)
    for radius in (0.01, 0.1, 0.3, 1.0):
        ratio = lojasiewicz.ratio(risk, radius * model.space.random(rng))
        assert bounds.lower(radius) <= ratio <= bounds.upper(radius)


def test_refusals():
    with pytest.raises(tfl.InputError, match="needs five different risks"):
        lojasiewicz.fit_exponent([1, 0.5], [1, 0.5])
    with pytest.raises(tfl.InputError, match="initial loss must be a number >= 0"):
        lojasiewicz.certificate(np.nan, lojasiewicz.linear_node_bounds(np.eye(2)))


BOUNDS = lojasiewicz.linear_node_bounds(np.eye(2))
CERTIFICATE = lojasiewicz.certificate(1e-9, BOUNDS)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lojasiewicz.ratio(None, None), "ratio takes a Risk and a control, got a NoneType"),
        (lambda: lojasiewicz.fit_exponent(["a"] * 9, [1.0] * 9), "risks must be an array of real numbers"),
        (lambda: lojasiewicz.fit_exponent([np.inf] * 9, [1.0] * 9), "needs five different risks"),
        (lambda: lojasiewicz.fit_exponent(range(9), range(9), "0"), "lower_bound must be a number, got '0'"),
        (lambda: lojasiewicz.fit_exponent(range(9), range(9), skip="a"), "skip must be a number, got 'a'"),
        (lambda: lojasiewicz.linear_node_bounds([1.0, 2.0]), r"X must have shape \(d, N\)"),
        (lambda: lojasiewicz.linear_node_bounds([[np.nan]]), r"entry \[0, 0\] is nan"),
        (lambda: lojasiewicz.rkhs_node_bounds(tfl.RandomFourierFeatures(2, 3)), "takes the KernelField of an RKHSNODE"),
        (lambda: lojasiewicz.certificate("1", BOUNDS), "initial loss must be a number >= 0, got '1'"),
        (lambda: lojasiewicz.certificate(1.0, (1, 2)), "the bounds must be Bounds"),
        (lambda: lojasiewicz.certificate(1.0, BOUNDS, []), "the radii must be numbers >= 0, one at least"),
        (lambda: lojasiewicz.certificate(1.0, BOUNDS, [-1.0]), "the radii must be numbers >= 0"),
        (
            lambda: lojasiewicz.certificate(1.0, lojasiewicz.Bounds(lambda r: np.nan, lambda r: 1.0)),
            r"0 <= lower\(R\) <= upper\(R\)",
        ),
        (lambda: CERTIFICATE.rate(10.0, 1), "must be positive and at most 1/m"),
        (lambda: CERTIFICATE.check({"risk": [1.0], "distance": [0.0]}, "a"), "must be positive and at most 1/m"),
        (lambda: CERTIFICATE.check({"risk": [1.0]}, 0.1), "the columns 'risk' and 'distance'"),
        (lambda: CERTIFICATE.check({"risk": [], "distance": []}, 0.1), "columns of one length"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call()


def test_bounds_at_large_radii_are_infinite_and_no_certificate():
    assert BOUNDS.upper(1e6) == np.inf and BOUNDS.lower(1e6) == 0
    assert not lojasiewicz.certificate(1.0, BOUNDS, [1e4]).holds


def test_iterates_that_are_not_numbers_break_a_certificate():
    verdict = CERTIFICATE.check({"risk": [1e-9, np.nan], "distance": [0.0, np.nan]}, 0.1)
    assert verdict.left == 1 and verdict.exceeded == 1 and not verdict.passed
