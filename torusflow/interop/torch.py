"""PyTorch: its modules as models here, and models, losses and risks as differentiable functions there."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..hilbert import HilbertSpace
from ..losses.loss import Loss
from ..model import Model
from ..risk import Risk
from .functionals import of_loss, of_risk
from .operator import Operator
from .packages import needed
from .torch_model import TorchModel

__all__ = ["loss", "model", "push", "risk"]


def model(module, inputs) -> TorchModel:
    """A PyTorch module as a model: parameters -> outputs, in double precision.

    Its control is the vector of all parameters that can be trained, ``model.start`` those that the module has, and
    ``model.parameters(w)`` the tensors of a control. The module is copied, and the copy converted to double
    precision: whatever the precision of the module, derivatives are exact to round-off of float64, and outputs differ
    from those of a float32 module by its own rounding, some 1e-6 of them.

    Parameters
    ----------
    module : torch.nn.Module
        Its forward takes the inputs alone, and returns one row of a tensor for each. What it does to a row should not
        depend on the others.
    inputs : array or tensor (N, ...)
        Whole numbers stay whole, for embeddings.

    Returns
    -------
    TorchModel

    Raises
    ------
    InputError
        If PyTorch is not there, the module has state that changes as it is applied (batch norm or dropout in training
        mode), or no output of this kind.

    Examples
    --------
    >>> import numpy as np, torch, torusflow as tfl
    >>> module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    >>> model = tfl.interop.torch.model(module, np.ones((5, 2)))
    >>> kernel = tfl.tangent_kernel(model, model.start)
    >>> kernel.shape
    (5, 5)
    """
    return TorchModel(inputs, module)


def push(model: Model, v, gradient: str = "dual") -> Any:
    """F(v), a tensor that PyTorch differentiates both ways by the exact derivative of the model.

    One linearisation gives the value and all derivatives. For complex controls PyTorch's convention holds: the gradient
    is dL/dRe v + i dL/dIm v.

    Parameters
    ----------
    model : Model
        Any of torusflow.
    v : tensor
        A control; less than double precision is converted, and gets its gradient back in its own.
    gradient : {"dual", "riesz"}
        What arrives at v going backward: the partial derivatives, which the chain rule and PyTorch's optimisers expect;
        or the gradient in the inner product of the model's space (H^s), for steps of descent on v itself: then nothing
        that v is computed from gets a right gradient.

    Returns
    -------
    tensor
        In double precision.

    Raises
    ------
    InputError
        If v is not a control of the model.

    Examples
    --------
    >>> import torch, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> v = torch.zeros(model.space.shape, dtype=torch.complex128, requires_grad=True)
    >>> density = tfl.interop.torch.push(model, v)
    >>> (density**2).mean().backward()
    >>> v.grad.shape
    torch.Size([2, 1, 11])
    """
    return _applied(Operator(model, gradient), model.space, v, "v")


def loss(loss: Loss, output, gradient: str = "dual", space: HilbertSpace | None = None) -> Any:
    """The value of a loss at an output, a tensor () that PyTorch differentiates both ways.

    Parameters
    ----------
    loss : Loss
    output : tensor
    gradient : {"dual", "riesz"}
        As in `push`; for densities the partial derivatives, or the first variation, which is as many times as large as
        there are grid points.
    space : HilbertSpace, optional
        Where outputs live, such as ``model.output_space``; by default what the loss takes.

    Returns
    -------
    tensor ()

    Examples
    --------
    >>> import torch, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> rho = torch.ones(32, dtype=torch.float64, requires_grad=True)
    >>> loss = tfl.losses.SquaredL2(tfl.densities.von_mises(torus))
    >>> tfl.interop.torch.loss(loss, rho, space=model.output_space).backward()
    >>> rho.grad.shape
    torch.Size([32])
    """
    of = of_loss(loss, getattr(output, "shape", ()), space)
    return _applied(Operator(of, gradient), of.space, output, "output")


def risk(risk: Risk, v, gradient: str = "dual") -> Any:
    """The value of a risk at a control, its penalty included, a tensor () that PyTorch differentiates both ways.

    Parameters
    ----------
    risk : Risk
    v : tensor
    gradient : {"dual", "riesz"}
        As in `push`; with "riesz" ``torch.optim.SGD`` is gradient descent as `torusflow.GradientDescent` does it.

    Returns
    -------
    tensor ()

    Examples
    --------
    >>> import torch, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> v = torch.zeros(model.space.shape, dtype=torch.complex128, requires_grad=True)
    >>> tfl.interop.torch.risk(risk, v).backward()
    >>> v.grad.shape
    torch.Size([2, 1, 11])
    """
    of = of_risk(risk)
    return _applied(Operator(of, gradient), of.space, v, "v")


def _applied(operator: Operator, space: HilbertSpace, v, name: str):
    torch = needed("torch")
    if not isinstance(v, torch.Tensor) or v.shape != space.shape:
        given = f"one {tuple(v.shape)}" if isinstance(v, torch.Tensor) else f"a {type(v).__name__}"
        raise InputError(f"{name} must be a tensor {space.shape}, got {given}. Write torch.tensor(array), say.")
    if space.dtype.kind == "c":
        x = torch.view_as_real(v.to(torch.complex128).resolve_conj())
    elif v.is_complex():
        raise InputError(f"{name} must be real, got a tensor of {v.dtype}. Write torch.real(...), say.")
    else:
        x = v.to(torch.float64)
    from .autograd import Push

    return Push.apply(x, operator)
