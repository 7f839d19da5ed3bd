"""A loss, a model and a method of descent that torusflow does not have."""

from .adagrad import AdaGradNorm
from .renyi import Renyi
from .two_layers import TwoLayers

__all__ = ["AdaGradNorm", "Renyi", "TwoLayers"]
