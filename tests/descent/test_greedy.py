"""Greedy descent: order one in the step towards the tangent flow, one composed control, every flow model, refusals."""

import numpy as np
import pytest
from tolerances import ORDER, PUSH

import torusflow as tfl
from torusflow.errors import InputError

METRIC = tfl.SobolevMetric(3.0, 0.1)


def waves(shape):
    torus = tfl.Torus(shape)
    start = tfl.densities.from_array(torus, 1 + 0.5 * np.cos(2 * np.pi * torus.points[0]))
    return torus, start, tfl.losses.SquaredL2(tfl.densities.uniform(torus))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(32,), (24, 9)], ids=str)
def test_order_one_towards_the_tangent_flow_which_descent_leaves(shape):
    torus, start, loss = waves(shape)
    final_time, errors, plain = 0.02, [], []
    exact = tfl.TangentFlow(torus, METRIC, loss).solve(start, [final_time], tolerance=1e-11).density[0]
    counts = [8, 16, 32, 64]
    for n in counts:
        model = tfl.MeasureNODE(torus, METRIC, start, layers=n, substeps=2)
        risk, zero = tfl.Risk(model, loss), model.space.zeros()
        greedy = tfl.descend(risk, zero, tfl.GreedyDescent(final_time / n))
        errors.append(torus.norm(greedy.output - exact))
        assert greedy.status.startswith(f"all {n} layers are filled at time 0.02")
        descent = tfl.descend(risk, zero, tfl.GradientDescent(final_time / n), iterations=n)
        plain.append(torus.norm(descent.output - exact))
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope + 1) < ORDER and errors[-1] < 1e-3
    # Descent on v has a limit of its own.
    assert plain[-1] > 3 * errors[-1] and abs(plain[-1] - plain[-2]) < 0.2 * plain[-1]


def test_the_control_composes_the_steps_on_one_time_axis(tmp_path):
    """The model's trajectory under the control is the greedy path; it can be stored and comes back."""
    torus, start, loss = waves((24,))
    model = tfl.MeasureNODE(torus, METRIC, start, layers=5, substeps=3)
    path = []
    risk = tfl.Risk(model, loss)
    tfl.descend(risk, model.space.zeros(), tfl.GreedyDescent(0.01), callback=lambda i, row: path.append(row))
    result = tfl.descend(risk, model.space.zeros(), tfl.GreedyDescent(0.01), store=tmp_path / "run.h5")
    run = tfl.load(tmp_path / "run.h5")
    assert run.method == tfl.GreedyDescent(0.01)
    np.testing.assert_allclose(result.history["time"], 0.01 * np.arange(6), rtol=1e-14)
    np.testing.assert_allclose(model(result.control), result.output, rtol=0, atol=PUSH)
    risks = [loss(rho) for rho in run.trajectory]
    np.testing.assert_allclose(risks, result.history["risk"], rtol=1e-10)
    np.testing.assert_allclose([row["risk"] for row in path], risks, rtol=1e-10)
    assert np.all(np.diff(risks) < 0)


def test_the_first_step_is_that_of_gradient_descent():
    torus, start, loss = waves((24,))
    model = tfl.MeasureNODE(torus, METRIC, start, layers=1, substeps=3)
    risk, zero = tfl.Risk(model, loss), model.space.zeros()
    greedy = tfl.descend(risk, zero, tfl.GreedyDescent(0.1))
    plain = tfl.descend(risk, zero, tfl.GradientDescent(0.1), iterations=1)
    np.testing.assert_allclose(greedy.control, plain.control, rtol=0, atol=1e-14)
    assert greedy.history["gradient_norm"][0] == pytest.approx(plain.history["gradient_norm"][0], rel=1e-12)


def points_cases():
    rng = np.random.default_rng(5)
    x, targets = rng.random((8, 2)), rng.random((8, 2))
    kernel = tfl.GaussianKernel(0.5)
    return {
        "TorusNODE": (tfl.TorusNODE(x, tfl.SobolevMetric(3, 0.2), layers=6, band=3, substeps=2), targets),
        "RKHSNODE features": (tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 40), 6, 2), targets),
        "RKHSNODE kernel": (tfl.RKHSNODE(x, tfl.KernelField(kernel, x[:5]), 6, 2), targets),
    }


@pytest.mark.parametrize("name", points_cases())
def test_points_too(name):
    model, targets = points_cases()[name]
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(targets))
    result = tfl.descend(risk, model.space.zeros(), tfl.GreedyDescent(0.005))
    np.testing.assert_allclose(model(result.control), result.output, rtol=0, atol=1e-11)
    assert np.all(np.diff(result.history["risk"]) < 0)


class TestBadInput:
    @pytest.mark.parametrize("step", [0, -1.0, "a", None, True, float("nan")])
    def test_steps(self, step):
        with pytest.raises(InputError, match="step must be a positive number"):
            tfl.GreedyDescent(step)

    def test_models_starts_and_penalties(self):
        X = np.eye(2)
        risk = tfl.Risk(tfl.LinearNetwork(X, (2, 2)), tfl.losses.SquaredDistance(X))
        with pytest.raises(InputError, match="which a LinearNetwork lacks"):
            tfl.descend(risk, risk.space.zeros(), tfl.GreedyDescent(0.1))
        torus, start, loss = waves((16,))
        model = tfl.MeasureNODE(torus, METRIC, start, layers=2)
        zero = model.space.zeros()
        with pytest.raises(InputError, match=r"takes no penalty=0\.1"):
            tfl.descend(tfl.Risk(model, loss, 0.1), zero, tfl.GreedyDescent(0.1))
        with pytest.raises(InputError, match="takes no other start than space"):
            tfl.descend(tfl.Risk(model, loss), model.space.random(np.random.default_rng(0)), tfl.GreedyDescent(0.1))
