"""The one protocol that every model follows: an output, and its derivative in the control both ways."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from .hilbert import HilbertSpace


class Linearisation(Protocol):
    """One forward pass at a control w, kept; its derivative can be applied as often as wanted."""

    @property
    def output(self) -> np.ndarray: ...

    def tangent(self, dw) -> np.ndarray:
        """DF(w) dw, the change of the output."""
        ...

    def adjoint(self, p) -> np.ndarray:
        """DF(w)* p in the control space: <adjoint(p), dw> = <p, tangent(dw)> of the output space."""
        ...


@runtime_checkable
class Model(Protocol):
    """F : control -> output, with the spaces both live in."""

    @property
    def space(self) -> HilbertSpace: ...

    @property
    def output_space(self) -> HilbertSpace: ...

    def __call__(self, w) -> np.ndarray:
        """F(w)."""
        ...

    def linearise(self, w) -> Linearisation:
        """F(w) together with DF(w) and its adjoint."""
        ...
