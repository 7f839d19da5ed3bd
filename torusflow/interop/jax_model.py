"""Functions of JAX as models."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from ..arguments import settle
from ..errors import InputError
from ..hilbert import Euclidean
from .on_rows import OnRows, checked_inputs, checked_output_space, checked_start, not_applied, refuse_infinite
from .packages import needed

TO_STORE = (
    "Give an instance of a frozen dataclass of numbers and texts with __call__(self, parameters, inputs) in place of a "
    "function, as docs/interop.md shows, or run without store."
)


@dataclass(frozen=True, eq=False)
class JaxModel(OnRows):
    """w -> function(parameters, x) with all parameters in one vector w, in double precision.

    Made by `torusflow.interop.jax.model`.

    Parameters
    ----------
    x : array (N, ...)
        The inputs, one per row; whole numbers stay whole.
    function : callable
        (parameters, x) -> array (N, ...), which `jax.jit` can compile.
    parameters : pytree or str
        The parameters at the start, or as a text how they are nested and their shapes, as ``"{'b': '2', 'w': '3x2'}"``.
        Where dicts, lists and tuples hold them, such a text takes their place.
    start : array (n,), optional
        Their numbers, one after another.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np, torusflow as tfl
    >>> model = tfl.interop.jax.model(lambda p, x: jnp.tanh(x @ p['A']), {'A': np.ones((2, 3))}, np.ones((5, 2)))
    >>> model.start.shape, model(model.start).shape
    ((6,), (5, 3))
    """

    function: Callable = field(metadata={"to store": TO_STORE})
    parameters: Any
    start: np.ndarray | None = None
    _compiled: Compiled = field(init=False, repr=False)

    def __post_init__(self):
        jax = needed("jax")
        if not callable(self.function) or isinstance(self.function, type):
            raise InputError(f"the function must be one of (parameters, inputs), got {self.function!r}.")
        layout, numbers = _taken_apart(jax, self.parameters)
        compiled = Compiled(jax, self.function, layout)
        settle(self, parameters=layout, _compiled=compiled, space=Euclidean((sum(compiled.sizes),)))
        if self.start is not None or numbers is None:
            numbers = self.space.zeros() if self.start is None else self.start
        settle(self, x=checked_inputs(self.x), start=checked_start(numbers, self.space))
        settle(self, output_space=self._tried(jax))

    def __reduce__(self):
        return JaxModel, (self.x, self.function, self.parameters, self.start)

    def linearise(self, w) -> JaxLinearisation:
        """The function with its derivative both ways, by `jax.linearize`."""
        return JaxLinearisation(self, self.space.element(w))

    def unflatten(self, w) -> Any:
        """The parameters that a control stands for, nested as they were given, of NumPy's arrays."""
        return self._compiled.unflatten(self.space.element(w).copy())

    def describe(self) -> dict[str, str]:
        """The function, and how many parameters there are."""
        name = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return {"function": name, "control": f"{self.space.shape[0]} parameters in double precision"}

    def _tried(self, jax) -> Euclidean:
        """The space of the outputs, from their shape alone."""
        try:
            with jax.enable_x64(True):
                output = jax.eval_shape(self._compiled.apply, self.start, self.x)
        except Exception as error:  # of any kind: it is somebody else's code
            raise not_applied("function", self.x, error) from error
        if not isinstance(output, jax.ShapeDtypeStruct):
            raise InputError(f"the function must return one array, got a {type(output).__name__}. Choose one of them.")
        return checked_output_space(output.shape, str(output.dtype), self.x)


class Compiled:
    """A function of parameters in one vector, its derivative and the transpose of that, compiled once a shape."""

    def __init__(self, jax, function: Callable, layout):
        leaves, self._tree = jax.tree.flatten(_template(jax, layout))
        if not leaves:
            raise InputError("the parameters hold no array, so there is nothing to train.")
        self._shapes, self._unflatten, self._function = [leaf.shape for leaf in leaves], jax.tree.unflatten, function
        self.sizes = [math.prod(shape) for shape in self._shapes]
        self.linearise = jax.jit(lambda w, x: jax.linearize(lambda w: self.apply(w, x), w))
        self.tangent = jax.jit(lambda derivative, dw: derivative(dw))
        self.adjoint = jax.jit(lambda derivative, w, p: jax.linear_transpose(derivative, w)(p)[0])

    def apply(self, w, x):
        """function(parameters, x)."""
        return self._function(self.unflatten(w), x)

    def unflatten(self, w):
        """The parameters of a vector of them all."""
        parts = zip(accumulate(self.sizes), self.sizes, self._shapes, strict=True)
        return self._unflatten(self._tree, [w[end - size : end].reshape(shape) for end, size, shape in parts])


class JaxLinearisation:
    """A function at a control (`torusflow.model.Linearisation`): one linearisation, and its transpose."""

    def __init__(self, model: JaxModel, w):
        self._model, self._jax, self._w = model, needed("jax"), w.copy()
        with self._jax.enable_x64(True):
            output, self._derivative = model._compiled.linearise(self._w, model.x)
        self._dtype, self.output = output.dtype, np.array(output, float)
        refuse_infinite(self.output)

    def tangent(self, dw) -> np.ndarray:
        """The change of the output, array (N, ...)."""
        dw = self._model.space.element(dw)
        with self._jax.enable_x64(True):
            return np.array(self._model._compiled.tangent(self._derivative, dw), float)

    def adjoint(self, p) -> np.ndarray:
        """The control g with g . dw = sum p tangent(dw)."""
        p = self._model.output_space.element(p).astype(self._dtype)
        with self._jax.enable_x64(True):
            return np.array(self._model._compiled.adjoint(self._derivative, self._w, p), float)


def _taken_apart(jax, parameters) -> tuple[Any, np.ndarray | None]:
    """How parameters are nested, as a text or else the pytree itself, and their numbers, which a text has not."""
    if isinstance(parameters, str):
        return parameters, None
    leaves, tree = jax.tree.flatten(parameters)
    arrays = [np.asarray(leaf) for leaf in leaves]
    for array in arrays:
        if array.dtype.kind != "f" and "float" not in str(array.dtype):
            raise InputError(
                f"the parameters must be real floating-point arrays, one is {array.dtype} {array.shape}. Let the "
                f"function hold what is not trained."
            )
    arrays = [array.astype(float) for array in arrays]
    numbers = np.concatenate([np.empty(0), *map(np.ravel, arrays)])
    text = repr(jax.tree.unflatten(tree, ["x".join(map(str, array.shape)) for array in arrays]))
    return (text if _is_layout(jax, text, tree) else jax.tree.unflatten(tree, arrays)), numbers


def _is_layout(jax, text: str, tree) -> bool:
    """Whether a text says how parameters are nested: not where classes other than dict, list and tuple hold them."""
    try:
        return jax.tree.structure(_template(jax, text)) == tree
    except InputError:
        return False


def _template(jax, layout):
    """A pytree of things that have a shape, for a layout."""
    if not isinstance(layout, str):
        return layout
    try:
        return jax.tree.map(_Shape, ast.literal_eval(layout))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise InputError(
            f"parameters must be a pytree of arrays, or a text that says their shapes, \"{{'b': '2', 'w': '3x2'}}\" "
            f"say, got {layout!r}."
        ) from None


class _Shape:
    """A leaf that has a shape, written 3x2."""

    def __init__(self, text: str):
        if not re.fullmatch(r"(\d+(x\d+)*)?", text):
            raise ValueError(text)
        self.shape = tuple(map(int, text.split("x"))) if text else ()
