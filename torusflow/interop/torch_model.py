"""Modules of PyTorch as models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from ..arguments import settle
from ..errors import InputError
from ..hilbert import Euclidean
from .on_rows import OnRows, checked_inputs, checked_output_space, checked_start, not_applied, refuse_infinite
from .packages import needed
from .torch_parameters import array, fill, fixed, in_double, numbers, places, trained

TO_STORE = (
    "Give a module whose class is a dataclass of numbers and texts and builds its layers from them, as docs/interop.md "
    "shows, or run without store."
)


@dataclass(frozen=True, eq=False)
class TorchModel(OnRows):
    """w -> module(x) with the parameters w, in double precision.

    Made by `torusflow.interop.torch.model`.

    Parameters
    ----------
    x : array (N, ...)
        The inputs, one per row; whole numbers stay whole.
    module : torch.nn.Module
        It is copied, and the copy converted to double precision.
    start : array (n,), optional
        The parameters that can be trained, one after another; by default those that the module has.
    constants : array (m,), optional
        Its buffers and the parameters that are not trained, likewise.

    Examples
    --------
    >>> import numpy as np, torch, torusflow as tfl
    >>> module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    >>> model = tfl.interop.torch.model(module, np.ones((5, 2)))
    >>> model.start.shape, model(model.start).shape
    ((13,), (5, 1))
    """

    module: Any = field(metadata={"to store": TO_STORE})
    start: np.ndarray | None = None
    constants: np.ndarray | None = None

    def __post_init__(self):
        torch = needed("torch")
        if not isinstance(self.module, torch.nn.Module):
            raise InputError(f"the module must be a torch.nn.Module, got {self.module!r}.")
        module = in_double(torch, self.module)
        tensors = trained(module).values()
        if self.constants is not None:
            fill(torch, fixed(module), self.constants)
        start = numbers(tensors) if self.start is None else self.start
        settle(self, module=module, x=checked_inputs(_host(self.x)), constants=numbers(fixed(module)))
        settle(self, space=Euclidean((sum(tensor.numel() for tensor in tensors),)))
        settle(self, start=checked_start(start, self.space))
        settle(self, output_space=self._tried(torch))

    def linearise(self, w) -> TorchLinearisation:
        """The module with its derivative both ways, by `torch.func.vjp`."""
        return TorchLinearisation(self, self.space.element(w).copy())

    def parameters(self, w) -> dict:
        """The tensors that a control stands for, by their names: ``module.load_state_dict(..., strict=False)``."""
        torch = needed("torch")
        return self._split(self._tensor(torch, self.space.element(w).copy()))

    def describe(self) -> dict[str, str]:
        """The module, and how many parameters are trained."""
        constants = len(cast(np.ndarray, self.constants))
        return {
            "module": " ".join(str(self.module).split()),
            "control": f"{self.space.shape[0]} parameters in double precision, {constants} more fixed",
        }

    def _tensor(self, torch, values):
        """Numbers as a tensor where the module is."""
        place = next(iter(self.module.parameters()))
        return torch.tensor(values, device=place.device)

    def _split(self, w) -> dict:
        """The parameters, by their names, of all in one tensor."""
        tensors = trained(self.module)
        parts = w.split([tensor.numel() for tensor in tensors.values()])
        return {name: part.view(tensor.shape) for (name, tensor), part in zip(tensors.items(), parts, strict=True)}

    def _function(self, torch) -> Callable:
        """The parameters, one tensor, -> the output, a tensor."""
        x, attention, names = self._tensor(torch, self.x), torch.nn.attention, places(self.module)

        def function(w):
            parts = self._split(w)
            tensors = {place: parts[name] for place, name in names.items()}
            with attention.sdpa_kernel(attention.SDPBackend.MATH):  # the others have no derivative of the adjoint
                return torch.func.functional_call(self.module, tensors, (x,), tie_weights=False)

        return function

    def _tried(self, torch) -> Euclidean:
        """The space of the outputs, once the module has shown twice that it has no state that changes."""
        apply, w = self._function(torch), self._tensor(torch, self.start)
        with torch.no_grad():
            try:
                first, second = apply(w), apply(w)
            except Exception as error:  # of any kind: it is somebody else's code
                raise not_applied("module", self.x, error) from error
        if not isinstance(first, torch.Tensor):
            raise InputError(
                f"the module must return one tensor, got a {type(first).__name__}. Wrap it in one that does."
            )
        if not np.array_equal(numbers(fixed(self.module)), cast(np.ndarray, self.constants), equal_nan=True):
            raise InputError(
                "the module changes its buffers as it is applied, as batch norm does in training mode, so it is no "
                "function of its parameters. Write module.eval() before, or take LayerNorm or GroupNorm."
            )
        if not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second)):
            raise InputError(
                "the module gives another output the second time, as dropout does in training mode, so it is no "
                "function of its parameters. Write module.eval() before."
            )
        return checked_output_space(first.shape, str(first.dtype).removeprefix("torch."), self.x)


class TorchLinearisation:
    """A module at a control (`torusflow.model.Linearisation`): one pass forward, whose graph is kept.

    The tangent is the transpose of the adjoint, which is linear, so it asks nothing of forward differentiation.
    """

    def __init__(self, model: TorchModel, w):
        self._model, self._torch = model, needed("torch")
        self._output, self._pull = self._torch.func.vjp(model._function(self._torch), model._tensor(self._torch, w))
        self._push = None
        self.output = array(self._output)
        refuse_infinite(self.output)

    def tangent(self, dw) -> np.ndarray:
        """The change of the output, array (N, ...)."""
        dw = self._model._tensor(self._torch, self._model.space.element(dw))
        if self._push is None:
            zero = self._torch.zeros_like(self._output)
            self._push = self._torch.func.vjp(lambda p: self._pull(p)[0], zero)[1]
        return array(self._push(dw)[0])

    def adjoint(self, p) -> np.ndarray:
        """The control g with g . dw = sum p tangent(dw)."""
        p = self._model._tensor(self._torch, self._model.output_space.element(p))
        return array(self._pull(p.to(self._output.dtype))[0])


def _host(x):
    """Inputs, which may be a tensor, as NumPy takes them."""
    return x.detach().cpu().numpy() if hasattr(x, "detach") else x
