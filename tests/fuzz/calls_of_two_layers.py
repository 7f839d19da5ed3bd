"""Calls of two-layer networks and their losses, for `calls`."""

import numpy as np
from things import HILL_ON_LINE, POINTS, RNG, Call, _used_loss, _used_model

import torusflow as tfl
from torusflow import losses, porous_medium, two_timescales

NEURONS = tfl.Neurons(POINTS, 3)
THETA = NEURONS.initial(RNG)
FEATURES = NEURONS(THETA)
CIRCLE = tfl.CircleNeurons(POINTS[:, :1], 3, tfl.SobolevMetric(1.0, 0.1), 2)
BOTH = tfl.TwoLayer(NEURONS, 2.0)
PROJECTED = losses.VariableProjection(np.ones(7), 0.1)
OUTER = {"targets": np.ones(7), "ridge": 0.1, "regulariser": "entropic"}

TWO_LAYERS = {
    "Neurons": Call(tfl.Neurons, {"inputs": POINTS, "count": 3, "activation": "tanh"}, _used_model),
    "Neurons.initial": Call(NEURONS.initial, {"rng": RNG}),
    "CircleNeurons": Call(
        tfl.CircleNeurons,
        {"inputs": POINTS[:, :1], "count": 3, "metric": tfl.SobolevMetric(1.0, 0.1), "band": 2},
        _used_model,
    ),
    "CircleNeurons.mean_field": Call(CIRCLE.mean_field, {"density": np.ones(8)}),
    "TwoLayer": Call(tfl.TwoLayer, {"features": NEURONS, "ratio": 2.0, "outputs": 1}, _used_model),
    "TwoLayer.control": Call(BOTH.control, {"theta": THETA, "weights": np.ones(3)}),
    "TwoLayer.parts": Call(BOTH.parts, {"w": BOTH.space.zeros()}),
    "VariableProjection": Call(losses.VariableProjection, OUTER, _used_loss(FEATURES)),
    "VariableProjection.weights": Call(PROJECTED.weights, {"output": FEATURES}),
    "VariableProjection.predictions": Call(PROJECTED.predictions, {"output": FEATURES}),
    "OuterLayer": Call(losses.OuterLayer, OUTER, _used_loss(np.vstack([FEATURES, np.ones(3)]))),
    "LogarithmicDiffusion": Call(
        porous_medium.LogarithmicDiffusion,
        {"weight": np.ones(8)},
        lambda kind: porous_medium.FiniteVolume(8, kind).solve(HILL_ON_LINE.values, [0.01], 1e-2),
    ),
    "two_timescales.histogram": Call(two_timescales.histogram, {"places": POINTS[:, 0], "cells": 4}),
    "two_timescales.limit": Call(
        two_timescales.limit,
        {"loss": PROJECTED, "teacher": HILL_ON_LINE.values, "initial": np.ones(8), "times": [0.1], "tolerance": 1e-2},
    ),
}
