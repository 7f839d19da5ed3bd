"""The parameters and buffers of PyTorch's modules, and their numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np

from ..errors import InputError
from ..hilbert import Euclidean


def in_double(torch, module):
    """A copy of a module in double precision, or an InputError where it cannot be one."""
    if any(torch.nn.parameter.is_lazy(tensor) for tensor in module.parameters()):
        raise InputError("the module has parameters without a shape yet. Apply it to the inputs once, then give it.")
    if any(tensor.is_complex() for tensor in module.parameters()):
        raise InputError("the module has complex parameters: make them of two real ones, torch.complex(re, im).")
    return copy.deepcopy(module).double()


def trained(module) -> dict:
    """The parameters that can be trained, by their names, or an InputError where there is none."""
    found = {name: tensor for name, tensor in module.named_parameters() if tensor.requires_grad}
    if not found:
        raise InputError("the module has no parameters that can be trained. Write module.requires_grad_(True) before.")
    return found


def places(module) -> dict:
    """Where each parameter that is trained stands, once in each layer, and its name.

    PyTorch finds parameters that layers share too, but leaves a layer that stands in two places without its own.
    """
    names = {id(tensor): name for name, tensor in trained(module).items()}
    found = {}
    for prefix, layer in module.named_modules():
        for place, tensor in layer.named_parameters(prefix, recurse=False, remove_duplicate=False):
            if id(tensor) in names:
                found[place] = names[id(tensor)]
    return found


def fixed(module) -> list:
    """Buffers and parameters that are not trained; complex ones are what the class of the module makes them."""
    tensors = [tensor for tensor in module.parameters() if not tensor.requires_grad]
    return [*tensors, *(tensor for tensor in module.buffers() if not tensor.is_complex())]


def numbers(tensors: Iterable) -> np.ndarray:
    """All of some tensors, one after another, in double precision."""
    return np.concatenate([np.empty(0), *(array(tensor).ravel() for tensor in tensors)])


def fill(torch, tensors: list, values) -> None:
    """The reverse of `numbers`."""
    values = Euclidean((sum(tensor.numel() for tensor in tensors),)).element(values)
    parts = torch.tensor(values).split([tensor.numel() for tensor in tensors])
    with torch.no_grad():
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))


def array(tensor) -> np.ndarray:
    """A tensor as a new array in double precision."""
    return np.array(tensor.detach().cpu().numpy(), float)
