"""Descent of a risk: one file per method, and the loop that runs them all."""

from .gradient_descent import GradientDescent
from .gradient_flow import GradientFlow
from .greedy import GreedyDescent
from .lbfgs import LBFGS
from .loop import Result, descend
from .method import Method, State

__all__ = ["LBFGS", "GradientDescent", "GradientFlow", "GreedyDescent", "Method", "Result", "State", "descend"]
