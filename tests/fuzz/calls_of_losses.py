"""A call that works of every loss; see `calls.py`."""

import numpy as np
from things import (
    DENSITY,
    HILL,
    HILL_ON_LINE,
    PLANE,
    POINTS,
    Call,
    X,
    _used_loss,
)

from torusflow import losses


def of_loss(name, loss, out):
    """A value and its gradient."""
    return {f"{name}()": Call(loss.__call__, {"*": out}), f"{name}.gradient": Call(loss.gradient, {"*": out})}


LOSSES = {
    "SquaredL2": Call(losses.SquaredL2, {"target": HILL}, _used_loss(DENSITY)),
    "L2": Call(losses.L2, {"target": HILL}, _used_loss(DENSITY)),
    "KullbackLeibler": Call(
        losses.KullbackLeibler, {"target": HILL, "reverse": False, "floor": 1e-3}, _used_loss(DENSITY, -DENSITY)
    ),
    "Hellinger": Call(losses.Hellinger, {"target": HILL, "floor": 1e-3}, _used_loss(DENSITY, -DENSITY)),
    "SobolevMMD": Call(
        losses.SobolevMMD,
        {"target": HILL, "order": 1.0, "length": 1.0, "squared": False, "torus": PLANE},
        _used_loss(DENSITY),
    ),
    "SobolevMMD of samples": Call(
        losses.SobolevMMD, {"target": POINTS, "order": 1.0, "length": 1.0, "torus": PLANE}, _used_loss(DENSITY)
    ),
    "Sinkhorn": Call(losses.Sinkhorn, {"target": HILL, "epsilon": 0.05, "floor": 1e-3}, _used_loss(DENSITY)),
    "CircleWasserstein": Call(
        losses.CircleWasserstein, {"target": HILL_ON_LINE, "floor": 1e-3}, _used_loss(np.ones(8))
    ),
    "NormalisedLikelihood": Call(
        losses.NormalisedLikelihood,
        {"samples": POINTS, "torus": PLANE, "weights": np.arange(7.0)},
        _used_loss(DENSITY),
    ),
    "CrossEntropy": Call(losses.CrossEntropy, {"target": POINTS, "torus": PLANE, "floor": 1e-3}, _used_loss(DENSITY)),
    "InternalEnergy": Call(losses.InternalEnergy, {"torus": PLANE, "exponent": 2.0}, _used_loss(DENSITY)),
    "CloudMMD": Call(
        losses.CloudMMD,
        {"target": POINTS, "torus": PLANE, "order": 2.0, "length": 1.0, "squared": True},
        _used_loss(POINTS),
    ),
    "SquaredDistance": Call(losses.SquaredDistance, {"targets": X}, _used_loss(X)),
    "GeodesicDistance": Call(losses.GeodesicDistance, {"targets": X}, _used_loss(X)),
    "WeightedSum": Call(
        losses.WeightedSum,
        {"losses": (losses.SquaredL2(HILL), losses.L2(HILL)), "weights": (1.0, 2.0)},
        _used_loss(DENSITY),
    ),
    **of_loss("SquaredL2", losses.SquaredL2(HILL), DENSITY),
    **of_loss("L2", losses.L2(HILL), DENSITY),
    **of_loss("KullbackLeibler", losses.KullbackLeibler(HILL), DENSITY),
    **of_loss("Hellinger", losses.Hellinger(HILL), DENSITY),
    **of_loss("SobolevMMD", losses.SobolevMMD(HILL), DENSITY),
    **of_loss("Sinkhorn", losses.Sinkhorn(HILL, 0.05), DENSITY),
    **of_loss("CircleWasserstein", losses.CircleWasserstein(HILL_ON_LINE), np.ones(8)),
    **of_loss("NormalisedLikelihood", losses.NormalisedLikelihood(POINTS, PLANE), DENSITY),
    **of_loss("CrossEntropy", losses.CrossEntropy(POINTS, PLANE), DENSITY),
    **of_loss("CloudMMD", losses.CloudMMD(POINTS, PLANE), POINTS),
    **of_loss("SquaredDistance", losses.SquaredDistance(X), X),
    **of_loss("GeodesicDistance", losses.GeodesicDistance(X), X),
    **of_loss("LogLikelihood", losses.LogLikelihood(), np.ones(7)),
}
