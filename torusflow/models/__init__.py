"""Models: how a control acts on points, matrices or densities."""

from ..public import public_names
from .affine import Affine as Affine
from .circle_neurons import CircleNeurons as CircleNeurons
from .features import Features as Features
from .features import RandomFourierFeatures as RandomFourierFeatures
from .fixed import Fixed as Fixed
from .geodesic_node import GeodesicNODE as GeodesicNODE
from .kernel_field import KernelField as KernelField
from .kernel_span import KernelSpan as KernelSpan
from .kernels import GaussianKernel as GaussianKernel
from .kernels import MaternKernel as MaternKernel
from .lazy import Linearised as Linearised
from .lazy import Scaled as Scaled
from .linear import LinearNetwork as LinearNetwork
from .linear import LinearNODE as LinearNODE
from .linear import LinearResNet as LinearResNet
from .log_density_node import LogDensityNODE as LogDensityNODE
from .mean_field_resnet import MeanFieldResNet as MeanFieldResNet
from .measure_node import MeasureNODE as MeasureNODE
from .network import Network as Network
from .neurons import Neurons as Neurons
from .node import NODE as NODE
from .padding import Padding as Padding
from .perceptrons import Perceptrons as Perceptrons
from .resnet import ResNet as ResNet
from .rkhs_node import RKHSNODE as RKHSNODE
from .sample_node import SampleNODE as SampleNODE
from .sobolev_kernel import SobolevKernel as SobolevKernel
from .torus_node import TorusNODE as TorusNODE
from .two_layer import TwoLayer as TwoLayer

__all__ = public_names(vars())


def __dir__():
    return __all__
