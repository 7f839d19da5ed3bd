"""Losses on the output of a model: a value and its gradient in the output space."""

from .circle import CircleWasserstein
from .densities import L2, Hellinger, KullbackLeibler, SobolevMMD, SquaredL2
from .likelihood import LogLikelihood
from .loss import Loss
from .points import CloudMMD, GeodesicDistance, SquaredDistance
from .samples import CrossEntropy
from .sinkhorn import Sinkhorn
from .weighted_sum import WeightedSum

__all__ = [
    "L2",
    "CircleWasserstein",
    "CloudMMD",
    "CrossEntropy",
    "GeodesicDistance",
    "Hellinger",
    "KullbackLeibler",
    "LogLikelihood",
    "Loss",
    "Sinkhorn",
    "SobolevMMD",
    "SquaredDistance",
    "SquaredL2",
    "WeightedSum",
]
