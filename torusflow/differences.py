"""Differences of a risk along a line: which steps show its derivative best, and how far that can be trusted."""

from __future__ import annotations

import math

import numpy as np

from .errors import NumericalError
from .hilbert import norm
from .risk import Risk

EPS = float(np.finfo(float).eps)
# Differences of the risk may be off by this many times their estimated error.
SAFETY = 3.0
# Trials for the suitable step.
MOST_TRIALS = 8


class Line:
    """R(w + h dw) as a function of h; NaN where the model refuses the control."""

    def __init__(self, risk: Risk, w, dw):
        self.risk, self.w, self.dw = risk, w, dw
        self.size = max(norm(risk.space, w), 1e-1)

    def __call__(self, h: float) -> float:
        try:
            return self.risk(self.w + h * self.dw)
        except NumericalError:
            return math.nan


def suitable_step(line: Line, value: float, slope: float) -> float:
    """The h whose third-order part is a thousandth of the remainder, seen from a trial at 1e-3 of the control's size.

    Or from a longer one, where the remainder is round-off, or a shorter one, where the model refuses it.
    """
    h, longest = 1e-3 * line.size, math.inf
    for _ in range(MOST_TRIALS):
        plus, minus = (line(sign * h) - value - sign * h * slope for sign in (1, -1))
        second, third = abs(plus + minus) / 2, abs(plus - minus) / 2
        if math.isnan(third):
            longest, h = h / 4, h / 100
        elif max(second, third) > 1e3 * EPS * abs(value):
            factor = 1e-3 * second / third if third > 0 else 10.0
            h *= min(max(factor, 1e-3), 10.0)
            if factor > 1e-3:
                break
        elif h == longest:
            break
        else:
            h *= 10.0
        h = min(h, longest)
    return h


def derivative_of(line: Line, steps) -> tuple[float, float]:
    """The fourth-order difference, from steps h and 4 h, that can be trusted most, and how far it can.

    Its error in h is seen from the one with four times the step. Round-off is at least a quarter of what it is with a
    quarter of the step, and so on: no agreement by chance is believed.
    """
    plus, minus = (np.array([line(sign * h) for h in steps]) for sign in (1, -1))
    second = (plus - minus) / (2 * steps)
    fourth = second[1:] + np.diff(second) / 15
    between = np.abs(np.diff(fourth))
    noise = EPS / 4 * np.maximum(np.abs(plus), np.abs(minus)) / steps
    best, derivative = math.inf, math.nan
    for k in range(len(between) - 1):
        below = between[k + 1 :] / 4.0 ** np.arange(1, len(between) - k)
        error = between[k] / 16 + np.sum(below) + noise[k + 2]
        if error < best:  # not where the model refused a control
            best, derivative = float(error), float(fourth[k + 1])
    return derivative, SAFETY * best
