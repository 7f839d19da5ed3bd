"""Neurons that learn a distribution, beside their limits: as the ridge vanishes, as the outer layer becomes fast."""

import functools

import numpy as np
import pytest

import torusflow as tfl
from torusflow import two_timescales

CELLS, BAND, METRIC = 64, 16, tfl.SobolevMetric(1.0, 0.1)
# C10 is stated for a circle of length 2 pi, on which the same takes 4 pi^2 times as long as on one of length one.
TURN = 4 * np.pi**2


def teacher(c=10.0):
    """Cell means of the g of C10, mean one, from 16 points a cell."""
    x = (np.arange(16 * CELLS) + 0.5) / (16 * CELLS)
    g = 1 / (1 + c * np.sin(np.pi * x) ** 2) + 0.5 / (1 + c * np.sin(np.pi * (x - 0.2)) ** 2)
    return (g / g.mean()).reshape(CELLS, 16).mean(axis=1)


def problem(count, ridge, regulariser, band=BAND):
    inputs = np.arange(2 * band + 1)[:, None] / (2 * band + 1)
    neurons = tfl.CircleNeurons(inputs, count, METRIC, band)
    loss = tfl.losses.VariableProjection(neurons.mean_field(teacher()), ridge, regulariser)
    return neurons, loss, (np.arange(count) + 0.5) / count


@functools.cache
def limit(regulariser, ridge=1e-3):
    """At time one of C10, whatever the ridge."""
    _, loss, _ = problem(2, ridge, regulariser)
    return two_timescales.limit(loss, teacher(), np.ones(CELLS), [1 / (TURN * ridge)])[0]


@functools.cache
def trained(ridge, regulariser):
    """The histogram then, array (cells,)."""
    neurons, loss, start = problem(96, ridge, regulariser)
    flow = tfl.GradientFlow(1 / (TURN * ridge), 1e-6)
    return two_timescales.histogram(tfl.descend(tfl.Risk(neurons, loss), start, flow, 10_000).control, CELLS)


@pytest.mark.parametrize("regulariser", ["unbiased", "biased", "entropic"])
def test_neurons_diffuse_as_the_ridge_vanishes(regulariser):
    """The distance in L1 falls with the ridge from 4 % to less than 0.2 %, on one axis of time."""
    end = limit(regulariser)
    coarse, middle, fine = (np.abs(trained(ridge, regulariser) - end).mean() for ridge in (1e-1, 1e-2, 1e-3))
    assert 0.1 > coarse > 3 * middle and middle > 3 * fine and middle < 0.02 and fine < 2e-3
    assert np.abs(end - teacher()).mean() > 0.1 and np.abs(end - 1).mean() > 0.1  # half on the way


def test_the_time_is_that_of_c10():
    """KL(g | f) = 0.0555899 at time one, of the histogram and of the limit."""
    g = teacher()
    np.testing.assert_allclose(limit("unbiased", 0.5), limit("unbiased"), rtol=1e-9)
    for f in (limit("unbiased"), trained(1e-3, "unbiased")):
        assert np.mean(g * np.log(g / f)) == pytest.approx(0.0555899, rel=5e-3)


def test_entropic_weights_follow_another_diffusion():
    assert np.abs(limit("unbiased") - limit("entropic")).mean() > 0.02
    assert np.abs(trained(1e-3, "unbiased") - limit("entropic")).mean() > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("regulariser", ["unbiased", "entropic"])
def test_a_fast_outer_layer_is_variable_projection(regulariser):
    """To the order of one over the ratio of rates."""
    neurons, loss, start = problem(16, 0.1, regulariser, band=4)
    flow = tfl.GradientFlow(0.05, 1e-7)
    best = tfl.descend(tfl.Risk(neurons, loss), start, flow, 10_000).control
    ratios, gaps = (4000.0, 8000.0), []
    for ratio in ratios:
        model = tfl.TwoLayer(neurons, ratio)
        risk = tfl.Risk(model, tfl.losses.OuterLayer(loss.targets, loss.ridge, regulariser))
        end = tfl.descend(risk, model.control(start, loss.weights(neurons(start))), flow, 10_000).control
        gaps.append(np.abs(model.parts(end)[0] - best).max())
    assert np.log(gaps[0] / gaps[1]) / np.log(2) == pytest.approx(1, abs=0.05) and gaps[1] < 1e-3
    assert np.abs(best - start).max() > 0.02


def test_histogram(rng):
    """Exact for evenly spaced places, of mass one for any, and the same after whole turns."""
    places = rng.random(50)
    means = two_timescales.histogram(places, 7)
    assert means.mean() == pytest.approx(1, rel=1e-14) and means.min() >= 0
    np.testing.assert_allclose(two_timescales.histogram(places + rng.integers(-2, 3, 50), 7), means, atol=1e-12)
    np.testing.assert_allclose(two_timescales.histogram((np.arange(5) + 0.3) / 5, 16), np.ones(16), rtol=1e-12)
    quantiles = np.interp((np.arange(400) + 0.5) / 400, [0, 0.25, 1], [0, 0.5, 1])
    np.testing.assert_allclose(two_timescales.histogram(quantiles, 4), [0.5, 0.5, 1.5, 1.5], atol=0.01)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda loss: two_timescales.histogram([0.5], 4), "at least two numbers"),
        (lambda loss: two_timescales.histogram([0.5, np.nan], 4), "at least two numbers"),
        (lambda loss: two_timescales.histogram([0.5, 0.6], 0), "cells must be a whole number >= 1"),
        (lambda loss: two_timescales.limit(None, np.ones(8), np.ones(8), [1.0]), "loss must be a VariableProjection"),
        (lambda loss: two_timescales.limit(loss, np.ones(8), np.ones(9), [1.0]), "of one mass on the same cells"),
        (lambda loss: two_timescales.limit(loss, np.ones(8), 2 * np.ones(8), [1.0]), "of sums 8 and 16. Divide each"),
        (lambda loss: two_timescales.limit(loss, np.ones(8), np.ones(8), [2.0, 1.0]), "times must increase"),
        (lambda loss: two_timescales.limit(loss, np.zeros(8), np.zeros(8), [1.0]), "weight of UltraFast must be"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call(tfl.losses.VariableProjection([1.0]))
