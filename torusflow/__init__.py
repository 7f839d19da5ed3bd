"""torusflow: gradient descent on flows of vector fields, from two points to a density on a 3-D torus."""

from . import checks, geodesic, losses, model, porous_medium
from .descent import (
    LBFGS,
    BarzilaiBorwein,
    GaussNewton,
    GradientDescent,
    GradientFlow,
    GreedyDescent,
    HeavyBall,
    Nesterov,
    Result,
    StochasticGradientDescent,
    descend,
)
from .descent.coarse_to_fine import coarse_to_fine
from .descent.selection import Selection, select
from .errors import InputError, NumericalError, TorusflowError, UnstableError
from .models.features import Features, RandomFourierFeatures
from .models.geodesic_node import GeodesicNODE
from .models.kernels import GaussianKernel, KernelField, MaternKernel
from .models.lazy import Linearised, Scaled
from .models.linear import LinearNetwork, LinearNODE, LinearResNet
from .models.measure_node import MeasureNODE
from .models.resnet import ResNet
from .models.rkhs_node import RKHSNODE
from .models.sample_node import SampleNODE
from .models.torus_node import TorusNODE
from .porous_medium.tangent_flow import TangentFlow
from .risk import Risk
from .storage import Reference, Run, RunFile, add_reference, load
from .theory import lojasiewicz
from .theory.tangent_kernels import TangentKernel, drift, lazy_risk, tangent_kernel
from .torus import densities
from .torus.coordinates import Coordinates
from .torus.density import Density
from .torus.grid import Torus
from .torus.sobolev import SobolevMetric
from .transport.diffeomorphism import Diffeomorphism
from .transport.flow_map import FlowMap

__all__ = [
    "LBFGS",
    "RKHSNODE",
    "BarzilaiBorwein",
    "Coordinates",
    "Density",
    "Diffeomorphism",
    "Features",
    "FlowMap",
    "GaussNewton",
    "GaussianKernel",
    "GeodesicNODE",
    "GradientDescent",
    "GradientFlow",
    "GreedyDescent",
    "HeavyBall",
    "InputError",
    "KernelField",
    "LinearNODE",
    "LinearNetwork",
    "LinearResNet",
    "Linearised",
    "MaternKernel",
    "MeasureNODE",
    "Nesterov",
    "NumericalError",
    "RandomFourierFeatures",
    "Reference",
    "ResNet",
    "Result",
    "Risk",
    "Run",
    "RunFile",
    "SampleNODE",
    "Scaled",
    "Selection",
    "SobolevMetric",
    "StochasticGradientDescent",
    "TangentFlow",
    "TangentKernel",
    "Torus",
    "TorusNODE",
    "TorusflowError",
    "UnstableError",
    "add_reference",
    "checks",
    "coarse_to_fine",
    "densities",
    "descend",
    "drift",
    "geodesic",
    "lazy_risk",
    "load",
    "lojasiewicz",
    "losses",
    "model",
    "porous_medium",
    "select",
    "tangent_kernel",
]

__version__ = "0.1.0"
