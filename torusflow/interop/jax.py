"""JAX: its functions as models here, and models, losses and risks as differentiable functions there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..hilbert import HilbertSpace
from ..losses.loss import Loss
from ..model import Model
from ..risk import Risk
from .functionals import of_loss, of_risk
from .jax_model import JaxModel
from .operator import Operator
from .packages import needed

__all__ = ["loss", "model", "push", "risk"]


def model(function, parameters, inputs) -> JaxModel:
    """A function of JAX as a model: parameters -> outputs, in double precision.

    Its control is the vector of all parameters, ``model.start`` those given, and ``model.unflatten(w)`` the pytree of a
    control. It computes in double precision, whatever that of the parameters is and whether JAX's ``jax_enable_x64`` is
    set, so derivatives are exact to round-off of float64.

    Parameters
    ----------
    function : callable
        (parameters, inputs) -> array with one row for each input, which `jax.jit` can compile. What it does to a row
        should not depend on the others.
    parameters : pytree
        Of real floating-point arrays.
    inputs : array (N, ...)
        Whole numbers stay whole, for embeddings.

    Returns
    -------
    JaxModel

    Raises
    ------
    InputError
        If JAX is not there, or the function has no output of this kind.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np, torusflow as tfl
    >>> model = tfl.interop.jax.model(lambda p, x: jnp.tanh(x @ p['A']), {'A': np.ones((2, 3))}, np.ones((5, 2)))
    >>> kernel = tfl.tangent_kernel(model, model.start)
    >>> kernel.shape
    (15, 15)
    """
    return JaxModel(inputs, function, parameters)


def push(model: Model, v, gradient: str = "dual") -> Any:
    """F(v), an array that JAX differentiates both ways by the exact derivative of the model.

    One linearisation gives the value and all derivatives, also within `jax.jit`, where the last one is kept; `jax.vmap`
    is not supported. For complex controls JAX's convention holds: the gradient is dL/dRe v - i dL/dIm v.

    Parameters
    ----------
    model : Model
        Any of torusflow.
    v : array
        A control.
    gradient : {"dual", "riesz"}
        What arrives at v going backward: the partial derivatives, which the chain rule and optimisers expect; or the
        gradient in the inner product of the model's space (H^s), for steps of descent on v itself: then nothing that v
        is computed from gets a right gradient.

    Returns
    -------
    array
        In double precision.

    Raises
    ------
    InputError
        If v is not a control of the model, or JAX computes in single precision only.

    Examples
    --------
    >>> import jax, torusflow as tfl
    >>> jax.config.update('jax_enable_x64', True)
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> v = model.space.zeros()
    >>> gradient = jax.grad(lambda v: (tfl.interop.jax.push(model, v) ** 2).mean())(v)
    >>> gradient.shape
    (2, 1, 11)
    """
    return _applied(Operator(model, gradient), model.space, v, "v")


def loss(loss: Loss, output, gradient: str = "dual", space: HilbertSpace | None = None) -> Any:
    """The value of a loss at an output, an array () that JAX differentiates both ways.

    Parameters
    ----------
    loss : Loss
    output : array
    gradient : {"dual", "riesz"}
        As in `push`; for densities the partial derivatives, or the first variation, which is as many times as large as
        there are grid points.
    space : HilbertSpace, optional
        Where outputs live, such as ``model.output_space``; by default what the loss takes.

    Returns
    -------
    array ()

    Examples
    --------
    >>> import jax, torusflow as tfl
    >>> jax.config.update('jax_enable_x64', True)
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> import numpy as np
    >>> loss = tfl.losses.SquaredL2(tfl.densities.von_mises(torus))
    >>> jax.grad(lambda rho: tfl.interop.jax.loss(loss, rho, space=model.output_space))(np.ones(32)).shape
    (32,)
    """
    of = of_loss(loss, np.shape(output), space)
    return _applied(Operator(of, gradient), of.space, output, "output")


def risk(risk: Risk, v, gradient: str = "dual") -> Any:
    """The value of a risk at a control, its penalty included, an array () that JAX differentiates both ways.

    Parameters
    ----------
    risk : Risk
    v : array
    gradient : {"dual", "riesz"}
        As in `push`.

    Returns
    -------
    array ()

    Examples
    --------
    >>> import jax, torusflow as tfl
    >>> jax.config.update('jax_enable_x64', True)
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> jax.grad(lambda v: tfl.interop.jax.risk(risk, v))(model.space.zeros()).shape
    (2, 1, 11)
    """
    of = of_risk(risk)
    return _applied(Operator(of, gradient), of.space, v, "v")


def _applied(operator: Operator, space: HilbertSpace, v, name: str):
    jax = needed("jax")
    jnp = jax.numpy
    if not jax.config.jax_enable_x64:
        raise InputError(
            "torusflow computes in double precision, and JAX is set to single. Write "
            "jax.config.update('jax_enable_x64', True) at the start of the program."
        )
    if np.shape(v) != tuple(space.shape) or isinstance(v, str):
        given = f"one {np.shape(v)}" if np.shape(v) else f"a {type(v).__name__}"
        raise InputError(f"{name} must be an array {space.shape}, got {given}.")
    v = jnp.asarray(v)
    if space.dtype.kind == "c":
        x = jnp.stack([v.real, v.imag], axis=-1)
    elif jnp.iscomplexobj(v):
        raise InputError(f"{name} must be real, got an array of {v.dtype}. Write jax.numpy.real(...), say.")
    else:
        x = v
    x = x.astype(float)
    if not isinstance(x, jax.core.Tracer):
        operator.output(x)  # what it raises comes as it is, and what it computes is kept
    return _differentiable(jax, operator)(x)


def _differentiable(jax, operator: Operator):
    """The operator as a function with a tangent that JAX can transpose."""
    x_like = jax.ShapeDtypeStruct(operator.shape, np.dtype(float))
    y_like = jax.ShapeDtypeStruct(operator.output_shape, np.dtype(float))

    @jax.custom_jvp
    def push(x):
        return jax.pure_callback(operator.output, y_like, x)

    def tangent(x, dx):
        return jax.pure_callback(operator.tangent, y_like, x, dx)

    def adjoint(x, p):
        return jax.pure_callback(operator.adjoint, x_like, x, p)

    @push.defjvp
    def differentiated(primals, tangents):
        x = _of_first_order(jax)(*primals)
        return push(*primals), jax.custom_derivatives.linear_call(tangent, adjoint, x, *tangents)

    return push


def _of_first_order(jax):
    """x -> x, which refuses to be differentiated: where it is, somebody asks for a second derivative."""
    same = jax.custom_jvp(lambda x: x)

    @same.defjvp
    def refuse(primals, tangents):
        raise InputError(
            "second derivatives of torusflow's models and losses are not offered to JAX, which asks for one here. Ask "
            "for first derivatives only."
        )

    return same
