"""The reference geodesics: a torus of n points per axis, the metric, the initial velocity."""

import numpy as np

import torusflow as tfl

TWO_PI = 2 * np.pi


def c15(n):
    torus = tfl.Torus((n,))
    x = torus.points[0]
    return torus, tfl.SobolevMetric(2.0, 0.3), (0.2 * (np.sin(TWO_PI * x) + 0.5 * np.cos(2 * TWO_PI * x)) + 0.1)[None]


def c16(n):
    torus = tfl.Torus((n, n))
    x, y = torus.points
    u0 = 0.1 * np.stack([np.sin(TWO_PI * y) + 0.5 * np.cos(TWO_PI * x), np.sin(TWO_PI * (x + y))])
    return torus, tfl.SobolevMetric(3.0, 0.15), u0
