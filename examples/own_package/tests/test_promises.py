"""The classes of this package keep what torusflow asks of a loss, a model and a method; a test for each promise."""

import numpy as np
import pytest
import torusflow as tfl
from torusflow import testing

from ownflow import AdaGradNorm, Renyi, TwoLayers

TORUS = tfl.Torus((16, 15), threads=1)
TARGET = tfl.densities.von_mises(TORUS, 0.3, 1.0)
FLOW = tfl.MeasureNODE(TORUS, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(TORUS), layers=2, band=3)
POINTS = np.random.default_rng(0).standard_normal((7, 2))


@pytest.mark.parametrize("order", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("check", testing.loss_checks())
def test_renyi(check, order):
    testing.check_loss(Renyi(TARGET, order), FLOW, checks=[check])


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("check", testing.model_checks())
def test_two_layers(check, outputs):
    model = TwoLayers(POINTS, width=5, outputs=outputs)
    control = 3 * model.space.random(np.random.default_rng(1))
    testing.check_model(model, control, checks=[check])


@pytest.mark.parametrize("check", testing.method_checks())
def test_adagrad(check):
    testing.check_method(AdaGradNorm(), checks=[check])


def test_order_one_half_is_minus_twice_the_logarithm_of_the_mean_of_the_roots():
    rho = 1 + 0.5 * np.cos(2 * np.pi * TORUS.points[0])
    expected = -2 * np.log(np.mean(np.sqrt(rho * TARGET.values)))
    assert Renyi(TARGET)(rho) == pytest.approx(expected, abs=1e-14)
    assert abs(Renyi(TARGET)(TARGET.values)) < 1e-14


def test_near_order_one_it_is_the_kullback_leibler_divergence():
    rho = 1 + 0.5 * np.cos(2 * np.pi * TORUS.points[0])
    assert Renyi(TARGET, 1 - 1e-6)(rho) == pytest.approx(tfl.losses.KullbackLeibler(TARGET)(rho), rel=1e-5)


def test_fit():
    import fit

    gap, distance = fit.main(["--iterations", "12"])
    assert gap == 0.0 and distance < 0.2
