"""What every model offers: an output and its derivative both ways."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from ..hilbert import HilbertSpace


class Linearisation(Protocol):
    """One forward pass at a control w, kept; its derivative can be applied as often as wanted.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> at = model.linearise(model.space.zeros())
    >>> at.output.shape, at.tangent(model.space.zeros()).shape, at.adjoint(np.eye(2)).shape
    ((2, 2), (2, 2), (4, 2, 2))
    """

    @property
    def output(self) -> np.ndarray: ...

    def tangent(self, dw, /) -> np.ndarray:
        """DF(w) dw, the change of the output."""
        ...

    def adjoint(self, p, /) -> np.ndarray:
        """DF(w)* p in the control space: <adjoint(p), dw> = <p, tangent(dw)> of the output space."""
        ...


@runtime_checkable
class Model(Protocol):
    """F : control -> output, with the spaces both live in.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=2)
    >>> isinstance(model, tfl.model.Model)
    True
    """

    @property
    def space(self) -> HilbertSpace: ...

    @property
    def output_space(self) -> HilbertSpace: ...

    def __call__(self, w, /) -> np.ndarray:
        """F(w)."""
        ...

    def linearise(self, w, /) -> Linearisation:
        """F(w) together with DF(w) and its adjoint."""
        ...
