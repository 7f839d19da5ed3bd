"""Losses derived from the bases: with a value and a gradient they promise all that losses promise."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow import config, losses, testing


class FourthPower(losses.DensityLoss):
    def __call__(self, rho):
        return self.torus.mean((rho - self.target.values) ** 4) / 4

    def gradient(self, rho):
        return (rho - self.target.values) ** 3


class LogCosh(losses.PointLoss):
    def __call__(self, y):
        return float(np.sum(np.log(np.cosh(self.difference(y)))))

    def gradient(self, y):
        return np.tanh(self.difference(y))


TORUS = tfl.Torus((9, 8), threads=1)
MODEL = tfl.MeasureNODE(TORUS, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(TORUS), layers=2, band=2)
DERIVED = {
    "density": (FourthPower(tfl.densities.von_mises(TORUS, 0.3)), MODEL),
    "points": (LogCosh(np.arange(6.0).reshape(3, 2)), tfl.Euclidean((3, 2))),
}


@pytest.mark.parametrize("name", DERIVED)
def test_a_value_and_a_gradient_are_enough(name):
    testing.check_loss(*DERIVED[name])


def test_bases_are_no_losses():
    assert not {"DensityLoss", "PointLoss"} & {*config.LOSSES, *config.points.LOSSES}
    assert not isinstance(losses.DensityLoss(tfl.densities.uniform(TORUS)), losses.Loss)
