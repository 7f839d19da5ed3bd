"""Near a solution the tangent kernel there says how fast plain descent is."""

import numpy as np
import pytest
from every_model import MODELS

import torusflow as tfl

# What is asked of the prediction.
PREDICTION = 0.1
NEAR = 0.02


NAMES = ["LinearNODE", "RKHSNODE Gaussian", "TorusNODE T1", "MeasureNODE T1", "MeasureNODE T2"]


@pytest.mark.parametrize("name", NAMES)
def test_the_tangent_kernel_predicts_the_rate_of_descent(name, rng):
    """(1/2) |(1 - step K)^n r|^2 after n steps, K = DF DF* at the solution: its decay over the second half."""
    case = MODELS[name]
    model, solution = case.model, 0.5 * case.control(rng)
    away = solution + NEAR * np.sqrt(model.space.inner(solution, solution)) * model.space.random(rng)
    target = model(solution)
    if isinstance(model, tfl.MeasureNODE):
        loss = tfl.losses.SquaredL2(tfl.densities.from_array(model.torus, np.maximum(target, 0), normalise=True))
        weight = 1 / target.size
    else:
        loss, weight = tfl.losses.SquaredDistance(target), 1.0
    kernel = tfl.tangent_kernel(model, solution).matrix()
    values, vectors = np.linalg.eigh(kernel)
    step, n = 0.5 / values[-1], 60
    result = tfl.descend(tfl.Risk(model, loss), away, tfl.GradientDescent(step), n)
    components = vectors.T @ (model(away) - target).ravel()

    def predicted(n):
        return weight / 2 * np.sum(((1 - step * values) ** n * components) ** 2)

    history = result.history["risk"]
    observed = np.log(history[n // 2] / history[n])
    expected = np.log(predicted(n // 2) / predicted(n))
    assert expected > 0.1
    assert observed == pytest.approx(expected, rel=PREDICTION)
