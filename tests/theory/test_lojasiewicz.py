"""Exponents of known functions, and ratios."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.losses import SquaredDistance
from torusflow.theory import lojasiewicz


@pytest.mark.parametrize("power", [2.0, 3.0, 4.0])
def test_exponents_of_powers(power, rng):
    """For R = x^p the gradient is p R^((p-1)/p)."""
    x = np.geomspace(1, 1e-3, 200)
    exact = lojasiewicz.fit_exponent(x**power, power * x ** (power - 1))
    assert exact.exponent == pytest.approx(1 - 1 / power, abs=1e-10) and exact.half_width < 1e-10
    assert exact.constant == pytest.approx(power)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize("points", [60, 45])
def test_intervals_cover_the_exponent_as_often_as_they_say(points, correlation, rng):
    """92 to 97 of 100, for independent errors of the logarithm and for those of an autoregression."""
    risks, runs = np.geomspace(1, 1e-4, points), 1000
    noise = rng.standard_normal((runs, points))
    for k in range(1, points):
        noise[:, k] = correlation * noise[:, k - 1] + np.sqrt(1 - correlation**2) * noise[:, k]
    fits = [lojasiewicz.fit_exponent(risks, 3 * risks**0.8 * np.exp(0.1 * row), skip=0.0) for row in noise]
    covered = np.mean([abs(fit.exponent - 0.8) <= fit.half_width for fit in fits])
    assert 0.92 <= covered <= 0.97
    assert np.mean([fit.exponent for fit in fits]) == pytest.approx(0.8, abs=0.005)


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


def test_refusals():
    with pytest.raises(tfl.InputError, match="needs five different risks"):
        lojasiewicz.fit_exponent([1, 0.5], [1, 0.5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lojasiewicz.ratio(None, None), "ratio takes a Risk and a control, got a NoneType"),
        (lambda: lojasiewicz.fit_exponent(["a"] * 9, [1.0] * 9), "risks must be an array of real numbers"),
        (lambda: lojasiewicz.fit_exponent([np.inf] * 9, [1.0] * 9), "needs five different risks"),
        (lambda: lojasiewicz.fit_exponent(range(9), range(9), "0"), "lower_bound must be a number, got '0'"),
        (lambda: lojasiewicz.fit_exponent(range(9), range(9), skip="a"), "skip must be a number, got 'a'"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call()
