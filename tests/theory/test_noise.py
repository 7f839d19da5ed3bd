"""The noise of gradients against all batches there are, its law against moments iterated, descents and closed forms."""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pytest
from chains import Chains, chains, minimum

import torusflow as tfl
from torusflow import InputError, losses, noise
from torusflow.torus.isometry import isometry

# Of a covariance measured from descents, in Frobenius norm; their seeds are fixed.
MEASURED = 0.05


def flow_risk():
    """Of points moved by kernels, whose inner product is not the sum of products."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((5, 2))
    model = tfl.RKHSNODE(x, tfl.KernelField(tfl.GaussianKernel(0.8), x[:3]), layers=2)
    risk = tfl.Risk(model, losses.SquaredDistance(x + rng.standard_normal(x.shape)), penalty=0.3)
    return risk, risk.space.random(rng)


def torus_risk():
    """Of samples of a density, whose controls are Fourier coefficients."""
    rng = np.random.default_rng(7)
    model = tfl.SampleNODE(rng.random((4, 1)), tfl.SobolevMetric(2.0, 0.2), layers=2, band=2, substeps=1)
    return tfl.Risk(model, losses.LogLikelihood()), 0.1 * model.space.random(rng)


def same_noise(rng, m=2, n=2, samples=100):
    """Samples with one second derivative, so that their noise does not depend on the control; the law is then exact."""
    A = np.tile(np.eye(m, n) + 0.2 * rng.standard_normal((m, n)), (samples, 1, 1))
    return A, A[0] @ np.ones(n) + rng.standard_normal((samples, m)) @ rng.standard_normal((m, m))


@pytest.mark.parametrize("make", [flow_risk, torus_risk])
@pytest.mark.parametrize("draw", ["subsets", "replacement"])
def test_the_covariance_is_that_of_all_batches(make, draw):
    risk, w = make()
    coordinates, batch = isometry(risk.space), 2
    rows = product(range(risk.samples), repeat=batch) if draw == "replacement" else combinations(range(risk.samples), 2)
    gradients = np.stack([coordinates.of(risk.part(list(some)).value_and_gradient(w)[1]) for some in rows])
    mean = coordinates.of(risk.value_and_gradient(w)[1])
    np.testing.assert_allclose(gradients.mean(axis=0), mean, atol=1e-12 * np.abs(gradients).max())
    expected = (gradients - mean).T @ (gradients - mean) / len(gradients)
    found = noise.covariance(risk, w, batch, draw=draw)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.matrix(), expected, atol=1e-11 * scale)
    assert found.trace == pytest.approx(np.trace(expected), rel=1e-11)
    u = risk.space.random(np.random.default_rng(1))
    np.testing.assert_allclose(coordinates.of(found(u)), expected @ coordinates.of(u), atol=1e-11 * scale)


def test_samples_have_the_covariance():
    """The sum over white noise, one unit at a time."""
    risk, w = flow_risk()
    found, coordinates = noise.covariance(risk, w, 2), isometry(risk.space)

    class Unit(np.random.Generator):
        def __init__(self, i):
            super().__init__(np.random.PCG64(0))
            self.i = i

        def standard_normal(self, n):
            return np.eye(n)[self.i]

    parts = np.stack([coordinates.of(found.sample(Unit(i))) for i in range(risk.samples)])
    np.testing.assert_allclose(parts.T @ parts, found.matrix(), atol=1e-12 * found.trace)


def iterated(H, C, step, momentum, nesterov):
    """The covariance after 2^16 steps from rest, of (w, v), by doubling."""
    n, eye = len(H), np.eye(len(H))
    carry = momentum * (eye - step * H if nesterov else eye)
    move = np.block([[eye - step * H, carry], [-step * H, carry]])
    S = step**2 * np.tile(C, (2, 2))
    for _ in range(16):
        S, move = S + move @ S @ move.T, move @ move
    return S[:n, :n]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("more", [{}, {"momentum": 0.7}, {"momentum": 0.7, "nesterov": True}], ids=str)
def test_the_law_is_where_moments_come_to_rest(more, seed):
    """Random Hessians and noise that do not commute; of rank one at the second seed, with flat directions."""
    rng = np.random.default_rng(seed)
    A, y = same_noise(rng, m=1 if seed == 1 else 3, n=3, samples=6)
    risk, w = chains(A, y, 1, rng), minimum(A, y)
    H = 6 * A[0].T @ A[0]
    step = rng.uniform(0.1, 1.3) / np.linalg.norm(H, 2)
    law = noise.stationary(risk, w, step, 2, **more)
    np.testing.assert_allclose(law.hessian, H, atol=1e-7 * np.abs(H).max())
    expected = iterated(H, law.noise, step, more.get("momentum", 0.0), more.get("nesterov", False))
    np.testing.assert_allclose(law.covariance, expected, atol=1e-6 * np.abs(expected).max())
    assert law.spread == pytest.approx(np.trace(law.covariance)) and law.excess > 0


def test_the_limit_of_small_steps_solves_the_continuous_equation():
    rng = np.random.default_rng(5)
    A, y = same_noise(rng, samples=6)
    risk, w = chains(A, y, 1, rng), minimum(A, y)
    laws = [noise.stationary(risk, w, 1.0, continuous=True, momentum=m) for m in (0.0, 0.75)]
    H, S, C = laws[0].hessian, laws[0].covariance, laws[0].noise
    np.testing.assert_allclose(H @ S + S @ H, C, atol=1e-10 * np.abs(C).max())
    np.testing.assert_allclose(laws[1].covariance, 4 * S, rtol=1e-12)
    for momentum, law in zip((0.0, 0.75), laws, strict=True):
        steps = np.array([1e-2, 1e-3]) / np.linalg.norm(H, 2)
        gaps = [
            np.linalg.norm(noise.stationary(risk, w, t, momentum=momentum).covariance / t - law.covariance)
            for t in steps
        ]
        assert np.log10(gaps[0] / gaps[1]) == pytest.approx(1, abs=0.1)
        assert gaps[1] < 0.01 * np.linalg.norm(law.covariance)
        shortest = noise.stationary(risk, w, 1e-20, momentum=momentum)
        np.testing.assert_allclose(shortest.covariance * 1e20, law.covariance, rtol=1e-10)


def measured(A, y, method, passes, rng, count=100):
    """The covariance of a descent's control about the minimum, over chains and passes after the first third."""
    risk, state, found = chains(A, y, count, rng), None, []
    state = method.init(risk, np.repeat(minimum(A, y), count, axis=0))
    for i in range(passes):
        state = method.update(risk, state)
        if i >= passes // 3:
            x = state.control - minimum(A, y)
            found.append(x.T @ x / count)
    return np.mean(found, axis=0)


DESCENTS = {
    "subsets": {"batch": 10},
    "replacement": {"batch": 20, "draw": "replacement"},
    "heavy ball": {"batch": 10, "momentum": 0.6},
    "Nesterov": {"batch": 10, "momentum": 0.6, "nesterov": True},
}


@pytest.mark.slow
@pytest.mark.parametrize("more", DESCENTS.values(), ids=DESCENTS)
def test_descents_come_to_rest_in_the_law(more):
    """With steps so long that the continuous law is another one."""
    rng = np.random.default_rng(3)
    A, y = same_noise(rng)
    more = {"draw": "subsets"} | more
    risk, w = chains(A, y, 1, rng), minimum(A, y)
    step = 0.5 / np.linalg.norm(100 * A[0].T @ A[0], 2)
    law = noise.stationary(risk, w, step, **more)
    method = tfl.StochasticGradientDescent(step, schedule="constant", seed=1, **more)
    found = measured(A, y, method, 120, rng)
    size = np.linalg.norm(law.covariance)
    assert np.linalg.norm(found - law.covariance) < MEASURED * size
    limit = noise.stationary(risk, w, step, continuous=True, **more).covariance
    assert "momentum" in more or np.linalg.norm(limit - law.covariance) > 2 * MEASURED * size


@pytest.mark.slow
def test_least_squares_come_to_rest_in_the_law():
    """Samples whose second derivatives differ, as those of a linear model do, with a short step."""
    rng = np.random.default_rng(4)
    A = rng.standard_normal((100, 1, 2)) * [1.0, 0.7]
    y = A @ np.ones(2) + rng.standard_normal((100, 1))
    risk, w, step = chains(A, y, 1, rng), minimum(A, y), 0.1 / 100
    law = noise.stationary(risk, w, step, 10)
    method = tfl.StochasticGradientDescent(step, 10, schedule="constant", draw="subsets")
    found = measured(A, y, method, 300, rng)
    assert np.linalg.norm(found - law.covariance) < MEASURED * np.linalg.norm(law.covariance)
    passes = measured(A, y, tfl.StochasticGradientDescent(step, 10, schedule="constant"), 60, rng)
    assert np.trace(passes) < 0.2 * law.spread


def test_the_diffusion_is_the_one_of_its_equation():
    """Euler-Maruyama written out for samples of one second derivative, with the same random numbers."""
    rng = np.random.default_rng(6)
    A, y = same_noise(rng, samples=5)
    risk, start, H = chains(A, y, 1, rng), np.array([[0.3, -0.2]]), 5 * A[0].T @ A[0]
    path = noise.diffusion(risk, start, 0.01, [0.0, 0.02, 0.025], np.random.default_rng(8), 2, substeps=4)
    assert path.shape == (3, 1, 2)
    deviations = noise.covariance(risk, start).deviations[:, 0]
    x, normal, expected = start[0] - minimum(A, y)[0], np.random.default_rng(8), []
    for count in (0, 8, 2):
        for _ in range(count):
            kick = deviations.T @ normal.standard_normal(5) / np.sqrt(5) * np.sqrt((5 - 2) / (2 * 4))
            x = x - 0.0025 * H @ x + np.sqrt(0.01 * 0.0025) * kick
        expected.append(x + minimum(A, y)[0])
    np.testing.assert_allclose(path[:, 0], expected, rtol=0, atol=1e-13)


def saddle():
    model = tfl.LinearNetwork(np.ones((1, 3)), (1, 1))
    return tfl.Risk(model, losses.SquaredDistance(np.ones((1, 3)))), np.zeros(2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 4}, "batch is 4, but there are 3 samples. Take batch=3 or less"),
        ({"batch": 0}, "batch must be a whole number >= 1"),
        ({"draw": "passes"}, "batches of one pass make up for one another.*Take draw='subsets'"),
        ({"draw": "all"}, "draw must be one of subsets, replacement, got 'all'"),
        ({"step": 0.0}, "step must be a positive number"),
        ({"momentum": 1.0}, r"momentum must be a number in \[0, 1\)"),
        (
            {"step": 0.7},
            "do not settle down where the Hessian has the eigenvalue 3. Take steps below 0.667",
        ),
        ({"step": 1.0, "momentum": 0.5, "nesterov": True}, "Take steps below 0.5"),
        ({"control": np.full((1, 1), 3.0)}, "the control is 1 away from the minimum.*Go on with the descent"),
        ({"risk": saddle, "control": None}, "the control is no minimum: the least eigenvalue of the Hessian is -"),
        ({"risk": "model"}, "the first argument must be a Risk"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(list(value)),
)
def test_bad_input(change, words):
    risk = tfl.Risk(Chains(np.ones((3, 1, 1, 1))), losses.SquaredDistance([[[1.0]], [[2.0]], [[3.0]]]))
    arguments = {"risk": risk, "control": np.full((1, 1), 2.0), "step": 0.1} | change
    if arguments["risk"] is saddle:
        arguments["risk"], arguments["control"] = arguments["risk"]()
    with pytest.raises(InputError, match=words):
        noise.stationary(**arguments)


@pytest.mark.parametrize(("momentum", "nesterov", "longest"), [(0.0, 0, 2 / 3), (0.5, 0, 1.0), (0.5, 1, 0.5)])
def test_the_longest_step_is_where_moves_stop_contracting(momentum, nesterov, longest):
    """By the eigenvalues of the moves, on either side of what the error says."""
    risk = tfl.Risk(Chains(np.ones((3, 1, 1, 1))), losses.SquaredDistance([[[1.0]], [[2.0]], [[3.0]]]))
    for step, settles in ((0.999 * longest, True), (1.001 * longest, False)):
        carry = momentum * (1 - 3 * step * nesterov)
        radius = np.max(np.abs(np.linalg.eigvals([[1 - 3 * step, carry], [-3 * step, carry]])))
        arguments = risk, np.full((1, 1), 2.0), step
        if settles:
            assert radius < 1
            assert noise.stationary(*arguments, momentum=momentum, nesterov=bool(nesterov)).spread > 0
        else:
            assert radius > 1
            with pytest.raises(InputError, match=f"Take steps below {longest:.3g}"):
                noise.stationary(*arguments, momentum=momentum, nesterov=bool(nesterov))


@dataclass(frozen=True, eq=False)
class Pushed:
    """sum_i y_i1^2 / 2 + c_i y_i2: flat along the second coordinate, where the samples push this way and that."""

    c: np.ndarray
    factor: float = 1.0

    def __call__(self, y):
        return self.factor * float(np.sum(y[:, 0, 0] ** 2 / 2 + self.c * y[:, 0, 1]))

    def gradient(self, y):
        return self.factor * np.stack([y[..., 0], np.broadcast_to(self.c[:, None], y.shape[:2])], axis=-1)

    def check(self, space):
        pass

    def part(self, rows, axis=0):
        return Pushed(self.c[rows], len(self.c) / len(rows))


def test_noise_in_flat_directions_has_no_law():
    """And with the penalty that is advised it has one."""
    model, w = Chains(np.tile(np.eye(2), (4, 1, 1, 1))), np.zeros((1, 2))
    loss = Pushed(np.array([1.0, -1.0, 2.0, -2.0]))
    with pytest.raises(InputError, match=r"1 eigenvalues of the Hessian are zero and .* noise there.* Add a penalty"):
        noise.stationary(tfl.Risk(model, loss), w, 0.1)
    law = noise.stationary(tfl.Risk(model, loss, penalty=0.5), w, 0.1)
    assert law.covariance[1, 1] == pytest.approx(0.1 * law.noise[1, 1] / (2 * 0.5 - 0.1 * 0.5**2))
