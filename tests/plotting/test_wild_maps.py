"""A flow that goes round the torus without end is refused, at no cost of memory, and not drawn."""

import pytest

import torusflow as tfl
from torusflow.plotting import plot_map


@pytest.mark.parametrize("speed", [1e4, 1e10, 1e300])
def test_a_flow_too_wild_for_a_picture_is_refused(speed, rng):
    torus = tfl.Torus((16, 15), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), 2, 3)
    flow = tfl.FlowMap(model, speed * model.space.random(rng))
    with pytest.raises((tfl.InputError, tfl.NumericalError)):
        plot_map(flow)
