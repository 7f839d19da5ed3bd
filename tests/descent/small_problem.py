"""A density on the circle to be fitted with a penalty: one solution, which SciPy finds from the least squares."""

import numpy as np
from scipy.optimize import least_squares

import torusflow as tfl
from torusflow.torus.isometry import isometry

# Steps of Gauss and Newton without damping, from a point where they converge.
POLISHING = 5


def small_risk(penalty=0.1):
    torus = tfl.Torus((24,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2, 0.2), tfl.densities.uniform(torus), 2, 4, 8)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 1.0)), penalty)


def solution_by_scipy(risk):
    """The control for which |output - target|^2 + penalty |w|^2 is least, by Levenberg and Marquardt to round-off."""
    coordinates, target = isometry(risk.space), risk.loss.target.values
    scale = 1 / np.sqrt(target.size)  # the output's inner product is a mean

    def residuals(x):
        return np.append(scale * (risk.model(coordinates.element(x)) - target), np.sqrt(risk.penalty) * x)

    def jacobian(x):
        tangent = risk.model.linearise(coordinates.element(x)).tangent
        columns = [scale * tangent(coordinates.element(unit)) for unit in np.eye(x.size)]
        return np.vstack([np.transpose(columns), np.sqrt(risk.penalty) * np.eye(x.size)])

    start = coordinates.of(risk.space.zeros())
    found = least_squares(residuals, start, jacobian, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    x = found.x
    for _ in range(POLISHING):  # it ends where the sum of squares no longer changes, which is eight digits of x
        x = x - np.linalg.lstsq(jacobian(x), residuals(x))[0]
    return coordinates.element(x)
