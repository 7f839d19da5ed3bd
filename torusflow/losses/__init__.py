"""Losses on the output of a model: a value and its gradient in the output space."""

from .circle import CircleWasserstein
from .cloud_mmd import CloudMMD
from .cross_entropy import CrossEntropy
from .densities import L2, Hellinger, KullbackLeibler, SobolevMMD, SquaredL2
from .log_likelihood import LogLikelihood
from .loss import Loss
from .points import GeodesicDistance, SquaredDistance
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
