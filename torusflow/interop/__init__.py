"""Doors to other people's frameworks: each package is imported where it is used."""

from . import jax as jax
from . import torch as torch
from .jax_model import JaxModel as JaxModel
from .torch_model import TorchModel as TorchModel

__all__ = ["JaxModel", "TorchModel", "jax", "torch"]
