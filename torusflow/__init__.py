"""torusflow: gradient descent on flows of vector fields, from two points to a density on a 3-D torus."""

from . import checks as checks
from . import geodesic as geodesic
from . import interop as interop
from . import losses as losses
from . import model as model
from . import plotting as plotting
from . import porous_medium as porous_medium
from . import testing as testing
from .descent import *  # noqa: F403
from .descent.coarse_to_fine import coarse_to_fine as coarse_to_fine
from .descent.ensembles import Ensemble as Ensemble
from .descent.ensembles import ensemble as ensemble
from .descent.selection import Selection as Selection
from .descent.selection import select as select
from .descent.whole_space import whole_space as whole_space
from .errors import InputError as InputError
from .errors import NumericalError as NumericalError
from .errors import TorusflowError as TorusflowError
from .errors import UnfinishedError as UnfinishedError
from .errors import UnstableError as UnstableError
from .estimators import ChainDensity as ChainDensity
from .estimators import TorusDensity as TorusDensity
from .example_data import example_file as example_file
from .hilbert import Euclidean as Euclidean
from .hilbert import ProductSpace as ProductSpace
from .models import *  # noqa: F403
from .porous_medium.tangent_flow import TangentFlow as TangentFlow
from .public import public_names
from .reports import animate as animate
from .reports import report as report
from .risk import Risk as Risk
from .storage import Reference as Reference
from .storage import Run as Run
from .storage import RunFile as RunFile
from .storage import add_reference as add_reference
from .storage import load as load
from .storage import open_dataset as open_dataset
from .structures import torsions as torsions
from .theory import deep_linear as deep_linear
from .theory import lojasiewicz as lojasiewicz
from .theory import mean_field as mean_field
from .theory import noise as noise
from .theory import quantities as quantities
from .theory import two_timescales as two_timescales
from .theory import wasserstein as wasserstein
from .theory.critical_points import CriticalPoint as CriticalPoint
from .theory.critical_points import critical_point as critical_point
from .theory.tangent_kernels import TangentKernel as TangentKernel
from .theory.tangent_kernels import drift as drift
from .theory.tangent_kernels import lazy_risk as lazy_risk
from .theory.tangent_kernels import tangent_kernel as tangent_kernel
from .torus import densities as densities
from .torus.control import VelocitySpace as VelocitySpace
from .torus.coordinates import Coordinates as Coordinates
from .torus.density import Density as Density
from .torus.grid import Torus as Torus
from .torus.sobolev import SobolevMetric as SobolevMetric
from .transport.diffeomorphism import Diffeomorphism as Diffeomorphism
from .transport.flow_map import FlowMap as FlowMap

__all__ = [
    *public_names(vars()),
    "checks",
    "deep_linear",
    "densities",
    "geodesic",
    "interop",
    "lojasiewicz",
    "losses",
    "mean_field",
    "model",
    "noise",
    "plotting",
    "porous_medium",
    "quantities",
    "testing",
    "two_timescales",
    "wasserstein",
]
__version__ = "0.2.0"


def __dir__():
    return sorted([*__all__, "__version__"])
