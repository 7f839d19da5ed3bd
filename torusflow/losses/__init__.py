"""Losses on the output of a model: a value and its gradient in the output space."""

from ..public import public_names
from .circle import CircleWasserstein as CircleWasserstein
from .classification import MulticlassHinge as MulticlassHinge
from .classification import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from .cloud_mmd import CloudMMD as CloudMMD
from .cross_entropy import CrossEntropy as CrossEntropy
from .densities import L2 as L2
from .densities import DensityLoss as DensityLoss
from .densities import Hellinger as Hellinger
from .densities import KullbackLeibler as KullbackLeibler
from .densities import SobolevMMD as SobolevMMD
from .densities import SquaredL2 as SquaredL2
from .internal_energy import InternalEnergy as InternalEnergy
from .log_likelihood import LogLikelihood as LogLikelihood
from .loss import HasCurvature as HasCurvature
from .loss import Loss as Loss
from .loss import OnGrids as OnGrids
from .loss import OverSamples as OverSamples
from .loss import Predicting as Predicting
from .loss import Scored as Scored
from .normalised_likelihood import NormalisedLikelihood as NormalisedLikelihood
from .outer_layer import OuterLayer as OuterLayer
from .points import GeodesicDistance as GeodesicDistance
from .points import PointLoss as PointLoss
from .points import SquaredDistance as SquaredDistance
from .sinkhorn import Sinkhorn as Sinkhorn
from .variable_projection import VariableProjection as VariableProjection
from .weighted_sum import WeightedSum as WeightedSum

__all__ = public_names(vars())


def __dir__():
    return __all__
