"""Losses and risks as models whose output is one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..hilbert import Euclidean, HilbertSpace
from ..losses.loss import Loss
from ..model import Model
from ..risk import Risk
from ..torus.density import DensitySpace, LogDensitySpace
from ..torus.grid import Torus


@dataclass(frozen=True, eq=False)
class OfLoss:
    """y -> the value of a loss at the output y."""

    loss: Loss
    space: HilbertSpace
    output_space = Euclidean(())

    def __call__(self, y) -> np.ndarray:
        return np.array(self.loss(y))

    def linearise(self, y) -> Value:
        """The value with the loss's gradient."""
        return Value(self.space, self.loss(y), lambda: self.loss.gradient(y))


@dataclass(frozen=True, eq=False)
class OfRisk:
    """w -> the value of a risk at the control w."""

    risk: Risk
    output_space = Euclidean(())

    @property
    def space(self) -> HilbertSpace:
        return self.risk.space

    def __call__(self, w) -> np.ndarray:
        return np.array(self.risk(w))

    def linearise(self, w) -> Value:
        """The value with the risk's gradient."""
        at = self.risk.at(w)
        return Value(self.space, at.value, lambda: at.gradient)


class Value:
    """A number and its gradient, which is computed when first asked for (`torusflow.model.Linearisation`)."""

    def __init__(self, space: HilbertSpace, value: float, gradient):
        self.output = np.array(value)
        self._space, self._make, self._gradient = space, gradient, None

    def tangent(self, dw) -> np.ndarray:
        """<gradient, dw>."""
        return np.array(self._space.inner(self._once(), dw))

    def adjoint(self, p) -> np.ndarray:
        """p times the gradient."""
        return float(p) * self._once()

    def _once(self) -> np.ndarray:
        if self._gradient is None:
            self._gradient = self._make()
        return self._gradient


def of_risk(risk: Risk) -> Model:
    """A risk as a model, or an InputError if it is none."""
    if not isinstance(risk, Risk):
        raise InputError(f"risk takes a tfl.Risk, got {risk!r}. For a loss write loss(loss, output).")
    return OfRisk(risk)


def of_loss(loss: Loss, shape, space: HilbertSpace | None) -> Model:
    """A loss as a model, or an InputError if it is none or does not take such outputs.

    Parameters
    ----------
    loss : Loss
    shape : tuple of int
        Of the output.
    space : HilbertSpace or None
        Where outputs live; by default (log-)densities on the loss's torus if it takes them, else arrays of this shape.
    """
    if isinstance(loss, Risk):
        raise InputError(
            "loss takes a loss and an output of a model. For a tfl.Risk and a control there is risk(risk, v)."
        )
    if not isinstance(loss, Loss) or isinstance(loss, type):
        raise InputError(f"loss takes a loss such as tfl.losses.SquaredL2(target), got {loss!r}.")
    if space is None:
        space = _space_of(loss, tuple(shape))
    loss.check(space)
    return OfLoss(loss, space)


def _space_of(loss: Loss, shape: tuple[int, ...]) -> HilbertSpace:
    """The first of the usual spaces of outputs that a loss takes."""
    torus, said = getattr(loss, "torus", None), ""
    spaces: list[HilbertSpace] = [Euclidean(shape)]
    if isinstance(torus, Torus):
        spaces = [DensitySpace(torus), LogDensitySpace(torus, getattr(loss, "given", ())), *spaces]
    for space in spaces:
        try:
            loss.check(space)
        except InputError as error:
            said = said or str(error)
        else:
            return space
    raise InputError(f"{said} Say where the outputs live: loss(..., space=model.output_space).")
