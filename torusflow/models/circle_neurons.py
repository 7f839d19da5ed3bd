"""Neurons on the circle: bumps that are moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..arguments import check_generator, check_kind, checked_whole, real_array, settle
from ..errors import InputError
from ..hilbert import Euclidean
from ..torus.sobolev import SobolevMetric
from .neurons import OneLayer


@dataclass(frozen=True, eq=False)
class CircleNeurons(OneLayer):
    """theta -> k(x_i - theta_m), array (N, M), with k(x) = sum_(|j| <= band) (1 + l^2 (2 pi j)^2)^-s exp(2 pi i j x).

    The features of a two-layer network whose neurons are points of the circle [0, 1). At the inputs 0, 1/N, ... with
    N > 2 band, sums over inputs of products of two features are integrals over the circle.

    Parameters
    ----------
    inputs : array (N, 1)
        x, in sides of the circle.
    count : int
        M.
    metric : SobolevMetric
        s and l. The less smooth, the more of the distribution of the neurons shows in the outputs.
    band : int

    Attributes
    ----------
    space : Euclidean
        Of controls (M,), the places theta_m in sides of the circle; whole turns do not count. Inner products are means
        over the neurons, as in `Neurons`.
    output_space : Euclidean
        (N, M).

    Raises
    ------
    InputError
        If the inputs are not one column of finite numbers, or another argument cannot be used.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.CircleNeurons(np.arange(16)[:, None] / 16, 8, tfl.SobolevMetric(2.0, 0.1))
    >>> model(model.space.zeros()).shape
    (16, 8)
    """

    metric: SobolevMetric
    band: int = 16
    _waves: np.ndarray = field(init=False, repr=False)
    _symbol: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        if self.inputs.shape[1] != 1:
            raise InputError(
                f"CircleNeurons: inputs lie on a circle, one number a row, got an array {self.inputs.shape}."
            )
        check_kind("CircleNeurons: metric", self.metric, SobolevMetric, "tfl.SobolevMetric(1.0, 0.1)")
        band = checked_whole("CircleNeurons: band", self.band)
        waves = 2 * np.pi * np.arange(1, band + 1)
        settle(self, band=band, _waves=waves, _symbol=2 / self.metric.symbol(waves**2))

    @cached_property
    def space(self) -> Euclidean:
        return Euclidean((self.count,), 1 / self.count)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Independent places, evenly distributed."""
        check_generator(rng)
        return rng.random(self.count)

    def __call__(self, theta) -> np.ndarray:
        """The features, array (N, M)."""
        return self.linearise(theta).output

    def linearise(self, theta) -> CircleNeuronsLinearisation:
        """The features with tangent and adjoint."""
        return CircleNeuronsLinearisation(self, self.space.element(theta))

    def mean_field(self, density) -> np.ndarray:
        """What neurons of density g and outer weight one predict, array (N,): the integral of k(x_i - theta) g(theta).

        Parameters
        ----------
        density : array (cells,)
            Cell means of g, more of them than 2 band.

        Raises
        ------
        InputError
            If it is not a row of finite numbers, or too short.

        Notes
        -----
        Cell means have the Fourier coefficients of g times sin(pi j/n)/(pi j/n), which is divided out; modes of g above
        n/2 are taken to be small.
        """
        density = real_array(density, "the density")
        cells = len(density) if density.ndim == 1 else 0
        if cells <= 2 * self.band or not np.all(np.isfinite(density)):
            raise InputError(
                f"the density must be a row of finite numbers, more than 2 band = {2 * self.band}, got an array "
                f"{density.shape}."
            )
        cos, sin = self.waves((np.arange(cells) + 0.5) / cells)
        scale = cells * np.sinc(self._waves / (2 * np.pi * cells))
        here_cos, here_sin = self._at_inputs
        return density.sum() / cells + here_cos @ (density @ cos / scale) + here_sin @ (density @ sin / scale)

    def waves(self, places) -> tuple[np.ndarray, np.ndarray]:
        """cos and sin of 2 pi j x for j = 1, ..., band, arrays (places, band)."""
        angles = (places - np.floor(places))[:, None] * self._waves
        return np.cos(angles), np.sin(angles)

    @cached_property
    def _at_inputs(self) -> tuple[np.ndarray, np.ndarray]:
        cos, sin = self.waves(self.inputs[:, 0])
        return self._symbol * cos, self._symbol * sin


class CircleNeuronsLinearisation:
    """`CircleNeurons` at a control (`torusflow.model.Linearisation`)."""

    def __init__(self, model: CircleNeurons, theta):
        self._model = model
        cos, sin = model.waves(theta)
        here_cos, here_sin = model._at_inputs
        self.output = 1 + here_cos @ cos.T + here_sin @ sin.T
        self._slope = here_sin @ (model._waves * cos).T - here_cos @ (model._waves * sin).T

    def tangent(self, dw) -> np.ndarray:
        """The change of the features, array (N, M)."""
        return self._slope * self._model.space.element(dw)

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dw> = <p, tangent(dw)>."""
        model = self._model
        return model.count * np.einsum("nm,nm->m", self._slope, model.output_space.element(p))
