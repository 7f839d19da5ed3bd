"""A model as other frameworks differentiate functions: between arrays of real numbers, by partial derivatives."""

from __future__ import annotations

import numpy as np

from ..backends import to_host
from ..errors import InputError
from ..hilbert import HilbertSpace, placed
from ..model import Linearisation, Model
from .duality import dual, riesz

GRADIENTS = ("dual", "riesz")


class Operator:
    """x -> F(x) with its derivative both ways, all from one linearisation.

    Complex arrays are seen as real ones with real and imaginary parts along a last axis, so that no convention for
    complex derivatives enters. The last linearisation is kept, as derivatives are asked for at the same x, and again.

    Parameters
    ----------
    model : Model
    gradient : {"dual", "riesz"}
        What `adjoint` gives: partial derivatives, or the gradient in the inner product of the model's space.

    Attributes
    ----------
    shape, output_shape : tuple of int
        Of the real arrays.
    """

    def __init__(self, model: Model, gradient: str = "dual"):
        if not isinstance(model, Model) or isinstance(model, type):
            raise InputError(f"push takes a model of torusflow, such as a tfl.MeasureNODE, got {model!r}.")
        if not isinstance(gradient, str) or gradient not in GRADIENTS:
            raise InputError(
                f"gradient must be 'dual' (partial derivatives) or 'riesz' (of the model's inner product), "
                f"got {gradient!r}."
            )
        self._model, self.gradient = model, gradient
        self.shape, self.output_shape = real_shape(model.space), real_shape(model.output_space)
        self._kept: tuple[np.ndarray, Linearisation] | None = None

    def output(self, x) -> np.ndarray:
        """F(x)."""
        return as_real(self._model.output_space, self._at(x).output)

    def tangent(self, x, dx) -> np.ndarray:
        """DF(x) dx."""
        change = self._at(x).tangent(from_real(self._model.space, dx))
        return as_real(self._model.output_space, change)

    def adjoint(self, x, p) -> np.ndarray:
        """The array of sum_i p_i dF_i/dx_j, or the gradient that it stands for."""
        space, outputs = self._model.space, self._model.output_space
        gradient = self._at(x).adjoint(riesz(outputs, from_real(outputs, p)))
        return as_real(space, dual(space, gradient) if self.gradient == "dual" else gradient)

    def _at(self, x) -> Linearisation:
        x = np.asarray(x)
        kept = self._kept
        if kept is None or not np.array_equal(kept[0], x):
            kept = x.copy(), self._model.linearise(from_real(self._model.space, x))
            self._kept = kept
        return kept[1]


def real_shape(space: HilbertSpace) -> tuple[int, ...]:
    """Of the real arrays that stand for elements of a space."""
    return (*space.shape, 2) if space.dtype.kind == "c" else tuple(space.shape)


def as_real(space: HilbertSpace, u) -> np.ndarray:
    """An element of a space as a new real array of this machine."""
    u = np.array(to_host(u), space.dtype, order="C")
    return u.view(float).reshape(real_shape(space)) if space.dtype.kind == "c" else u


def from_real(space: HilbertSpace, x) -> np.ndarray:
    """The element of a space that a real array stands for."""
    x = np.array(x, float, order="C")
    u = x.view(space.dtype).reshape(x.shape[:-1]) if space.dtype.kind == "c" else x
    return space.element(placed(space, u))
