"""The layerwise W2 distance, and gradient flows of mean-field ResNets as paths in it."""

from itertools import permutations

import numpy as np
import pytest

import torusflow as tfl
from torusflow import mean_field
from torusflow.hilbert import norm


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_of_all_assignments(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((2, 3, 4, 2))
    orders = np.array(list(permutations(range(4))))
    squares = ((first[:, None] - second[:, orders]) ** 2).sum(-1).mean(-1)  # of both layers and all 24 orders
    assert mean_field.distance(first, second) == pytest.approx(np.sqrt(squares.min(axis=1).mean()), rel=1e-14)


def test_other_numbers_of_layers_and_of_units(rng):
    """On the line W2 is the distance of the quantile functions."""
    first, second = rng.standard_normal((2, 4, 1)), rng.standard_normal((3, 6, 1))
    quantiles = [
        np.sort(units[np.arange(6) * len(units) // 6, :, 0])[:, np.arange(12) * units.shape[1] // 12]
        for units in (first, second)
    ]
    expected = np.sqrt(np.mean((quantiles[0] - quantiles[1]) ** 2))
    assert mean_field.distance(first, second) == pytest.approx(expected, rel=1e-14)


def test_it_is_a_distance_of_measures(rng):
    a, b, c = rng.standard_normal((3, 2, 5, 3))
    d = mean_field.distance
    assert d(a, b) == pytest.approx(d(b, a), rel=1e-14) and d(a, c) <= d(a, b) + d(b, c)
    assert d(a, a[:, ::-1]) == d(a, np.repeat(a, 2, axis=1)) == d(a, np.repeat(a, 3, axis=0)) == 0 < d(a, a[::-1])
    assert d(a, a + np.array([3, 0, 4])) == pytest.approx(5, rel=1e-14)


@pytest.fixture(scope="module")
def flow():
    """A risk and its gradient flow at 65 times."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2, 3))
    model = tfl.MeanFieldResNet(X, 3, 4, alpha=1.5)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(X + 0.7 * rng.standard_normal(X.shape)))
    times = np.linspace(0, 1, 65)
    controls = tfl.descend(risk, model.initial(rng), tfl.GradientFlow(1.0, 1e-9, tuple(times))).controls
    return risk, times, controls


def test_along_a_gradient_flow_the_action_is_what_the_risk_falls(flow):
    """The energy identity of gradient flows of measures; chords are too short, by the square of the steps."""
    risk, times, controls = flow
    fallen = risk(controls[0]) - risk(controls[-1])
    missing = [1 - mean_field.action(times[::k], controls[::k]) / fallen for k in (4, 2, 1)]
    assert 0 < missing[2] < 5e-4 and missing[:2] == pytest.approx([4 * m for m in missing[1:]], rel=0.05)


def test_speed_is_slope_at_each_time(flow):
    risk, times, controls = flow
    for k in range(1, 64, 8):
        speed = mean_field.distance(controls[k - 1], controls[k + 1]) / (times[k + 1] - times[k - 1])
        assert speed == pytest.approx(norm(risk.space, risk.value_and_gradient(controls[k])[1]), rel=1e-3)


def test_no_direction_is_steeper_than_the_gradient(flow, rng):
    """The slope in the metric of measures, sup (R(mu) - R(nu)) / distance(mu, nu), is the norm of the gradient."""
    risk, _, controls = flow
    w = controls[10]
    value, gradient = risk.value_and_gradient(w)
    slope = norm(risk.space, gradient)

    def fall(direction):
        moved = w + 1e-5 * direction
        return (value - risk(moved)) / mean_field.distance(w, moved)

    assert fall(-gradient / slope) == pytest.approx(slope, rel=1e-4)
    assert max(fall(risk.space.random(rng) - t * gradient / slope) for t in (0, 1, 4) for _ in range(10)) < slope


def test_the_path_is_as_long_as_ratios_allow(flow):
    """By |grad R|^2 >= 2 m R: distance <= length <= sqrt(2/m) (sqrt R(0) - sqrt R(T)); and by Cauchy and Schwarz."""
    risk, times, controls = flow
    m = min(tfl.lojasiewicz.ratio(risk, control) for control in controls)
    length = mean_field.length(controls)
    assert mean_field.distance(controls[0], controls[-1]) <= mean_field.length(controls[::4]) <= length
    assert length <= np.sqrt(2 / m) * (np.sqrt(risk(controls[0])) - np.sqrt(risk(controls[-1])))
    assert length <= np.sqrt(mean_field.action(times, controls))


@pytest.mark.slow
def test_near_the_identity_the_ratio_is_that_of_the_kernel(rng):
    """Whose eigenvalues depend on the units, not on the layers that they are in, and grow like alpha^2."""
    X = rng.standard_normal((2, 3))
    units = rng.standard_normal((4, 8, 5))
    units = np.concatenate([units, units * [-1, -1, 1, 1, 1]], axis=1)
    model = tfl.MeanFieldResNet(X, 4, 16, alpha=2.0)
    shallow = tfl.MeanFieldResNet(X, 1, 64)
    kernel, other = tfl.tangent_kernel(model, units), tfl.tangent_kernel(shallow, units.reshape(1, 64, 5))
    np.testing.assert_allclose(kernel.matrix(), 4 * other.matrix(), rtol=1e-12, atol=1e-12)
    least, direction = np.linalg.eigh(kernel.matrix())[0][0], rng.standard_normal(X.shape)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(X + 1e-3 * direction))
    end = tfl.descend(risk, units, tfl.GradientFlow(4 / least, 1e-10)).control
    assert tfl.lojasiewicz.ratio(risk, units) > 2 * least
    assert tfl.lojasiewicz.ratio(risk, end) == pytest.approx(least, rel=0.02)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda u: mean_field.distance(u, u[0]), r"got an array \(4, 3\)"),
        (lambda u: mean_field.distance(u, u[..., :2]), "units of 3 and of 2 numbers have no distance"),
        (lambda u: mean_field.distance(u, u * np.nan), "must be finite numbers"),
        (lambda u: mean_field.distance("many", u), "the units must be an array of real numbers"),
        (lambda u: mean_field.distance(np.ones((1, 63, 1)), np.ones((1, 64, 1))), "63 units with 64, 4032 copies"),
        (lambda u: mean_field.distance(np.ones((1, 10**6, 1)), np.ones((1, 10**6, 1))), "Take networks of fewer units"),
        (lambda u: mean_field.distance(u, 1e200 * u), "so far apart that squares of their distances overflow"),
        (lambda u: mean_field.action([0.0], [u, u]), "one control for each time, got 2 for 1 times"),
        (lambda u: mean_field.length(7), "controls must be a sequence of controls, such as .*, got 7"),
        (lambda u: mean_field.action([0.0, 0.0], [u, u]), "times must increase"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call(np.ones((2, 4, 3)))
