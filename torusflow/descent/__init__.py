"""Descent of a risk: one file per method, and the loop that runs them all."""

from ..public import public_names
from .barzilai_borwein import BarzilaiBorwein as BarzilaiBorwein
from .gauss_newton import GaussNewton as GaussNewton
from .gradient_descent import GradientDescent as GradientDescent
from .gradient_flow import GradientFlow as GradientFlow
from .greedy import GreedyDescent as GreedyDescent
from .lbfgs import LBFGS as LBFGS
from .loop import descend as descend
from .method import Method as Method
from .method import StalledError as StalledError
from .method import State as State
from .momentum import HeavyBall as HeavyBall
from .momentum import Nesterov as Nesterov
from .progress import Result as Result
from .recorder import Recorder as Recorder
from .scipy_adapter import scipy_minimize as scipy_minimize
from .stochastic import StochasticGradientDescent as StochasticGradientDescent

__all__ = public_names(vars())


def __dir__():
    return __all__
