"""Descent in the whole space of a kernel: against one that keeps every representer, and against dense centres."""

import warnings

import numpy as np
import pytest
import reference
import tolerances
from scipy.spatial.distance import cdist

import torusflow as tfl
from torusflow.hilbert import norm
from torusflow.losses import SquaredDistance

GAUSS, MATERN = tfl.GaussianKernel(0.7), tfl.MaternKernel(1.2)
PROFILES = {  # k and (dk/dr)/r
    GAUSS: lambda r: (np.exp(-(r**2) / 0.98), -np.exp(-(r**2) / 0.98) / 0.49),
    MATERN: lambda r: matern(np.sqrt(5) * r / 1.2),
}


def matern(s):
    return (1 + s + s**2 / 3) * np.exp(-s), -5 / (3 * 1.2**2) * (1 + s) * np.exp(-s)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, (5, 2))
    return x, x + 0.5 * rng.standard_normal((5, 2))


def risk_of(pairs, kernel, layers=3, family=tfl.KernelSpan, centres=None):
    x, y = pairs
    field = family(kernel, x if centres is None else centres)
    return tfl.Risk(tfl.RKHSNODE(x, field, layers), SquaredDistance(y))


def found_and_run(risk, method, iterations=1000, tolerance=1e-3, **limits):
    found, start = tfl.whole_space(risk, risk.space.zeros(), method, iterations, tolerance, **limits)
    return found, tfl.descend(found, start, method, iterations, **limits)


def risks_with_all_representers(pairs, kernel, layers, step, iterations):
    """Gradient descent in L^2([0, 1], V): a layer is a list of all representers and coefficients that it ever got."""
    x, y = pairs
    h, weights, profile = 1 / layers, (1 / 6, 1 / 3, 1 / 3, 1 / 6), PROFILES[kernel]
    fields, risks = [(np.zeros((0, 2)), np.zeros((0, 2)))] * layers, []

    def value(field, at):
        return profile(cdist(at, field[0]))[0] @ field[1]

    def transposed(field, at, q):
        slope = profile(cdist(at, field[0]))[1] * (q @ field[1].T)
        return np.einsum("ij,ijr->ir", slope, at[:, None] - field[0])

    for _ in range(iterations + 1):
        at, kept = x, []
        for field in fields:
            stages, rates = [at], [value(field, at)]
            for a in (h / 2, h / 2, h):
                stages.append(at + a * rates[-1])
                rates.append(value(field, stages[-1]))
            kept.append(stages)
            at = at + h * sum(b * rate for b, rate in zip(weights, rates, strict=True))
        risks.append(np.sum((at - y) ** 2) / 2)
        p, gradients = at - y, []
        for field, stages in zip(fields[::-1], kept[::-1], strict=True):
            pulled, momenta = [0.0], []
            for stage, b, a in zip(stages[::-1], weights[::-1], (0, h, h / 2, h / 2), strict=True):
                momenta.append(h * b * p + a * pulled[-1])
                pulled.append(transposed(field, stage, momenta[-1]))
            gradients.append((np.vstack(stages[::-1]), layers * np.vstack(momenta)))
            p = p + sum(pulled[1:])
        fields = [
            (np.vstack([points, new]), np.vstack([a, -step * q]))
            for (points, a), (new, q) in zip(fields, gradients[::-1], strict=True)
        ]
    return np.array(risks)


@pytest.mark.parametrize("kernel", [GAUSS, MATERN])
def test_descent_is_that_of_all_representers(kernel, pairs):
    expected = risks_with_all_representers(pairs, kernel, 3, 0.4, 20)
    risk, run = found_and_run(risk_of(pairs, kernel), tfl.GradientDescent(0.4), 20)
    np.testing.assert_allclose(run.history["risk"], expected, rtol=1e-5)
    assert len(risk.model.family.centres) < 20 * 12
    on_points = tfl.descend(risk_of(pairs, kernel), np.zeros((3, 5, 2)), tfl.GradientDescent(0.4), 20)
    assert abs(on_points.value / expected[-1] - 1) > 0.1


def test_the_error_falls_like_the_square_of_the_tolerance(pairs):
    expected = risks_with_all_representers(pairs, GAUSS, 3, 0.4, 10)
    for tolerance in (1e-2, 1e-3, 1e-4):
        _, run = found_and_run(risk_of(pairs, GAUSS), tfl.GradientDescent(0.4), 10, tolerance)
        assert np.max(np.abs(run.history["risk"] / expected - 1)) < 2 * tolerance**2


@pytest.mark.parametrize("kernel", [GAUSS, MATERN, tfl.SobolevKernel(3.5, 0.1, 2)])
def test_the_first_gradient_in_closed_form(kernel, pairs):
    """|grad|^2 = sum_ij k(x_i, x_j) e_i.e_j, e = x - y."""
    risk, (x, y) = risk_of(pairs, kernel), pairs
    _, gradient = risk.value_and_gradient(risk.space.zeros())
    expected = np.sum(kernel.matrix(x, x) * ((x - y) @ (x - y).T))
    assert norm(risk.space, gradient) ** 2 == pytest.approx(expected, rel=1e-12)


def test_derivatives_in_directions_that_are_not_in_the_span(pairs):
    """The derivative along any field w of V is <g, w>_V: g, an element of the span, is the gradient in the whole space.

    Exactly so at v = 0 and along fields of the span, and to the tolerance elsewhere.
    """
    risk, run = found_and_run(risk_of(pairs, GAUSS), tfl.LBFGS(), 5, 1e-4)
    centres, z = risk.model.family.centres, np.array([[0.3, 1.7], [2.6, 0.2]])
    larger = risk_of(pairs, GAUSS, centres=np.vstack([centres, z]))
    w = larger.space.random(np.random.default_rng(1))
    assert np.min(np.abs(w[:, len(centres) :])) > 1e-3  # coordinates of what the span lacks
    inside = w.copy()
    inside[:, len(centres) :] = 0.0
    tried = ((risk.space.zeros(), w, 1e-8), (run.control, inside, 1e-8), (run.control, w, 1e-4))
    for control, along, tolerance in tried:
        v = larger.space.zeros()
        v[:, : len(centres)] = control
        gradient = risk.value_and_gradient(control)[1]
        promised = risk.space.inner(gradient, along[:, : len(centres)])
        h, values = 1e-3, [larger(v + m * 1e-3 * along) for m in (-2, -1, 1, 2)]
        quotient = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * h)
        assert quotient == pytest.approx(promised, abs=tolerance * norm(risk.space, gradient))


@pytest.mark.slow
def test_it_is_the_limit_of_ever_denser_centres(pairs):
    """And at training time 2 the risk is below those of the points and of a grid for centres."""
    flow = tfl.GradientFlow(2.0, tolerance=1e-6)
    _, run = found_and_run(risk_of(pairs, GAUSS), flow)

    def of_centres(centres):
        risk = risk_of(pairs, GAUSS, family=tfl.KernelField, centres=centres)
        return tfl.descend(risk, risk.space.zeros(), flow).value

    def grid(n):
        axis = np.linspace(-0.7, 2.7, n)
        return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    gaps = [of_centres(grid(n)) / run.value - 1 for n in (4, 6, 8)]
    assert gaps[0] > 4 * gaps[1] > 16 * abs(gaps[2]) and abs(gaps[2]) < 1e-2
    assert run.value < 0.9 * of_centres(pairs[0]) and run.value < 0.9 * of_centres(grid(4))


@pytest.mark.slow
def test_on_the_torus_it_is_the_limit_of_ever_wider_bands():
    x = np.array([[0.1], [0.35], [0.8]])
    loss, method = SquaredDistance(x + np.array([[0.1], [-0.05], [0.15]])), tfl.GradientDescent(0.3)
    node = tfl.RKHSNODE(x, tfl.KernelSpan(tfl.SobolevKernel(3.0, 0.1, 1), x), 4)
    _, run = found_and_run(tfl.Risk(node, loss), method, 10, 1e-4)
    gaps = []
    for band in (4, 8, 16):
        risk = tfl.Risk(tfl.TorusNODE(x, tfl.SobolevMetric(3.0, 0.1), 4, band, 1), loss)
        gaps.append(abs(tfl.descend(risk, risk.space.zeros(), method, 10).value / run.value - 1))
    assert gaps[0] > 10 * gaps[1] > 100 * gaps[2] and gaps[2] < 1e-4


def test_greedy_descent_has_its_gradients_too(pairs):
    """The first layer of a model restarted: risks for centres found to different tolerances agree."""
    risks = [
        found_and_run(risk_of(pairs, GAUSS, layers=6), tfl.GreedyDescent(0.3), 6, tolerance)[1].history["risk"]
        for tolerance in (1e-2, 1e-4)
    ]
    assert len(risks[0]) == 7 and risks[0][-1] < 0.5 * risks[0][0]
    np.testing.assert_allclose(risks[0], risks[1], rtol=1e-3)


@pytest.mark.slow
def test_many_random_pairs_are_fitted():
    rng, x = np.random.default_rng(0), np.zeros((0, 2))
    while len(x) < 64:
        point = rng.uniform(0, 6, (1, 2))
        x = np.vstack([x, point]) if not len(x) or cdist(point, x).min() > 0.45 else x
    risk = risk_of((x, x + 0.15 * rng.standard_normal(x.shape)), tfl.GaussianKernel(0.35), 5)
    _, run = found_and_run(risk, tfl.LBFGS(), 100, 1e-2, risk_tolerance=1e-10)
    assert run.status.startswith("converged") and run.value <= 1e-10


def test_any_start_is_the_same_in_the_larger_space(pairs, rng):
    risk = risk_of(pairs, GAUSS)
    start = 0.5 * risk.space.random(rng)
    found, same = tfl.whole_space(risk, start, tfl.GradientDescent(0.1), 2)
    assert found.space.shape[1] > start.shape[1]
    assert reference.relative_error(found.model(same), risk.model(start)) <= tolerances.SAME
    assert norm(found.space, same) == pytest.approx(norm(risk.space, start), rel=tolerances.SAME)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"risk": "none"}, "must be a Risk"),
        ({"tolerance": 1e-6}, "tolerance must be a number from 0.0001 to 1"),
        ({"control": np.zeros(3)}, r"shape \(3, 5, 2\)"),
        ({"risk": tfl.Risk(tfl.LinearNODE(np.eye(2), 2), SquaredDistance(np.eye(2)))}, "extends the KernelSpan of an"),
    ],
)
def test_refusals(change, words, pairs):
    asked = {"risk": risk_of(pairs, GAUSS), "control": np.zeros((3, 5, 2)), "method": tfl.LBFGS(), "iterations": 1}
    with pytest.raises(tfl.InputError, match=words):
        tfl.whole_space(**{**asked, **change})


def test_too_many_centres_are_refused(pairs, monkeypatch):
    monkeypatch.setattr("torusflow.models.kernel_span.MOST_CENTRES", 10)
    risk = risk_of(pairs, tfl.MaternKernel(1.0, 1.5))
    with pytest.raises(tfl.InputError, match="more than 10 centres are needed"):
        tfl.whole_space(risk, risk.space.zeros(), tfl.GradientDescent(0.4), 5)


def test_what_was_found_until_an_error_is_given_back(pairs):
    class Broken(SquaredDistance):
        def gradient(self, output):
            if not np.array_equal(output, pairs[0]):
                raise RuntimeError("broken")
            return super().gradient(output)

    risk = tfl.Risk(risk_of(pairs, GAUSS).model, Broken(pairs[1]))
    with pytest.warns(UserWarning, match="did not finish: failed at iteration 1.*broken"):
        found, _ = tfl.whole_space(risk, risk.space.zeros(), tfl.GradientDescent(0.4), 5)
    assert len(found.model.family.centres) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tfl.whole_space(risk_of(pairs, GAUSS), np.zeros((3, 5, 2)), tfl.GradientDescent(0.4), 5, stop=lambda: "enough")
