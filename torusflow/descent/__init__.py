"""Descent of a risk: one file per method, and the loop that runs them all."""

from .gradient_descent import GradientDescent
from .loop import Result, descend
from .method import Method, State

__all__ = ["GradientDescent", "Method", "Result", "State", "descend"]
