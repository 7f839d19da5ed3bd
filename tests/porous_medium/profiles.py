"""Densities and weights that several tests of the finite volumes start from."""

import math

import numpy as np
from numpy.polynomial.legendre import leggauss

TWO_PI = 2 * math.pi


def quantisation_weight(n, c):
    """Cell means of the g of C10, mean one."""
    y, w = leggauss(6)
    x = TWO_PI / n * (np.arange(n)[:, None] + y / 2)
    g = (1 / (1 + c * np.sin(x / 2) ** 2) + 0.5 / (1 + c * np.sin((x - 0.4 * math.pi) / 2) ** 2)) @ w
    return g / g.mean()


def waves(n, frequency, phase, centred=False):
    """Cell means of cos(2 pi (frequency x + phase)) on [j/n, (j+1)/n], or around j/n."""
    shift = 0.0 if centred else 0.5
    return np.sinc(frequency / n) * np.cos(TWO_PI * (frequency * (np.arange(n) + shift) / n + phase))
