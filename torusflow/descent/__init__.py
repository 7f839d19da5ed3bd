"""Descent of a risk: one file per method, and the loop that runs them all."""

from .barzilai_borwein import BarzilaiBorwein
from .gauss_newton import GaussNewton
from .gradient_descent import GradientDescent
from .gradient_flow import GradientFlow
from .greedy import GreedyDescent
from .lbfgs import LBFGS
from .loop import descend
from .method import Method, State
from .momentum import HeavyBall, Nesterov
from .progress import Result
from .scipy_adapter import scipy_minimize
from .stochastic import StochasticGradientDescent

__all__ = [
    "LBFGS",
    "BarzilaiBorwein",
    "GaussNewton",
    "GradientDescent",
    "GradientFlow",
    "GreedyDescent",
    "HeavyBall",
    "Method",
    "Nesterov",
    "Result",
    "State",
    "StochasticGradientDescent",
    "descend",
    "scipy_minimize",
]
