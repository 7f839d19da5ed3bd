"""Calls of what runs several descents, for `calls`."""

import numpy as np
from things import FIT, RISK, Call, W, X

import torusflow as tfl
from torusflow import losses

DESCENTS = {
    "ensemble": Call(
        tfl.ensemble,
        {"risk": RISK, "starts": [W], "method": tfl.GradientDescent(0.1), "iterations": 1, "within": 1e-6},
        str,
    ),
    "Ensemble.law": Call(
        tfl.Ensemble(1e-6, (), np.zeros(3), np.array([4.0, 2.0, 1.0])).law, {"distances": np.arange(1.0, 4.0)}, str
    ),
    "coarse_to_fine": Call(
        tfl.coarse_to_fine, {"risk": FIT, "method": tfl.GradientDescent(0.1), "levels": 1, "iterations": 1}
    ),
    "whole_space": Call(
        tfl.whole_space,
        {
            "risk": tfl.Risk(
                tfl.RKHSNODE(X.T, tfl.KernelSpan(tfl.GaussianKernel(0.5), X.T), 2),
                losses.SquaredDistance(np.zeros((3, 2))),
            ),
            "control": np.zeros((2, 3, 2)),
            "method": tfl.GradientDescent(0.1),
            "iterations": 1,
            "tolerance": 1e-2,
        },
    ),
    "select": Call(
        tfl.select,
        {
            "candidates": [(RISK, RISK)],
            "method": tfl.GradientDescent(0.1),
            "rounds": (1, 1),
            "keep": 0.5,
            "callback": None,
        },
    ),
}
