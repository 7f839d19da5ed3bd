"""Models as functions that PyTorch differentiates; imported where PyTorch is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .operator import Operator
from .packages import needed

torch: Any = needed("torch")


class Push(torch.autograd.Function):
    """x -> F(x) on real tensors in double precision."""

    @staticmethod
    def forward(x, operator: Operator):
        return _tensor(operator.output(_array(x)), x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.operator = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx, p):
        return Derivative.apply(p, *ctx.saved_tensors, ctx.operator, "adjoint"), None

    @staticmethod
    def jvp(ctx, dx, _):
        return Derivative.apply(dx, *ctx.saved_tensors, ctx.operator, "tangent")


class Derivative(torch.autograd.Function):
    """Tangent or adjoint of F at x, linear in their first argument, each the other's transpose."""

    @staticmethod
    def forward(u, x, operator: Operator, way: str):
        return _tensor(getattr(operator, way)(_array(x), _array(u)), u)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, x, ctx.operator, ctx.way = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx, p):
        if ctx.needs_input_grad[1] or ctx.operator.gradient != "dual":
            raise InputError(SECOND)
        transpose = {"tangent": "adjoint", "adjoint": "tangent"}[ctx.way]
        return Derivative.apply(p, *ctx.saved_tensors, ctx.operator, transpose), None, None, None

    @staticmethod
    def jvp(ctx, du, dx, *_):
        if dx is not None:
            raise InputError(SECOND)
        return Derivative.apply(du, *ctx.saved_tensors, ctx.operator, ctx.way)


SECOND = (
    "second derivatives of torusflow's models and losses are not offered to PyTorch, which asks for one here. Ask for "
    "first derivatives only, without create_graph=True."
)


def _array(x) -> np.ndarray:
    return x.detach().cpu().numpy()


def _tensor(values, like):
    return torch.from_numpy(values).to(like.device)
