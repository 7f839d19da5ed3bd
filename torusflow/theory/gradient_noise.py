"""The covariance of the gradient of a batch at a control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import check_generator, check_kind, checked_name, checked_whole
from ..display import OneLine
from ..errors import InputError
from ..hilbert import HilbertSpace
from ..memory import check_memory
from ..risk import Risk
from ..torus.isometry import isometry

# How much of the covariance of one sample's gradient is that of a batch of B of N samples.
FACTORS = {
    "subsets": lambda n, b: (n - b) / (b * max(n - 1, 1)),
    "replacement": lambda n, b: 1 / b,
}


@dataclass(frozen=True, eq=False)
class GradientNoise(OneLine):
    """C = factor (1/N) sum_i d_i <d_i, .>, d_i the gradient of sample i less that of the risk: an operator on controls.

    Called, it applies C to a control. `Risk.part` says what the gradient of one sample is; a penalty is in all of them
    and makes no noise.

    Attributes
    ----------
    space : HilbertSpace
        Of the controls, with whose inner product C is symmetric.
    gradient : array
        Of the risk.
    deviations : array (N, ...)
        d_1, ..., d_N.
    factor : float
        1/B for batches of B samples drawn with repetition, (1/B) (N - B)/(N - 1) without.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> X = np.random.default_rng(0).standard_normal((2, 40))
    >>> risk = tfl.Risk(tfl.LinearNetwork(X, (1,)), tfl.losses.SquaredDistance(X[:1] - X[1:]))
    >>> noise = tfl.noise.covariance(risk, risk.space.zeros(), batch=5)
    >>> noise.trace > 0
    True
    """

    space: HilbertSpace
    gradient: np.ndarray
    deviations: np.ndarray
    factor: float

    def __call__(self, u) -> np.ndarray:
        """C u, array like a control."""
        u = self.space.element(u)
        weights = np.array([self.space.inner(d, u) for d in self.deviations])
        return self.combine(self.factor / len(weights) * weights)

    def combine(self, weights) -> np.ndarray:
        """sum_i weights_i d_i."""
        return np.tensordot(weights, self.deviations, 1)

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        """A Gaussian control with this covariance and mean zero."""
        check_generator(rng)
        n = len(self.deviations)
        return self.combine(np.sqrt(self.factor / n) * rng.standard_normal(n))

    @property
    def trace(self) -> float:
        """The mean of |grad R_B - grad R|^2 over the batches B."""
        return self.factor * float(np.mean([self.space.inner(d, d) for d in self.deviations]))

    def matrix(self) -> np.ndarray:
        """C in orthonormal coordinates of the controls (`torusflow.torus.isometry`), array (n, n)."""
        coordinates = isometry(self.space)
        rows = np.stack([coordinates.of(d) for d in self.deviations])
        return self.factor / len(rows) * rows.T @ rows


def covariance(risk: Risk, control, batch: int = 1, *, draw: str = "subsets") -> GradientNoise:
    """The covariance of the gradients of batches at a control, from the gradient of every sample.

    Parameters
    ----------
    risk : Risk
        That can be taken apart (`Risk.part`).
    control : array
    batch : int
        B, samples per batch.
    draw : {"subsets", "replacement"}
        Whether a batch is drawn without or with repetition.

    Raises
    ------
    InputError
        If the risk is no sum or mean over samples, or the batch is larger than the data.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> X = np.random.default_rng(0).standard_normal((2, 40))
    >>> risk = tfl.Risk(tfl.LinearNetwork(X, (1,)), tfl.losses.SquaredDistance(X[:1] - X[1:]))
    >>> noise = tfl.noise.covariance(risk, risk.space.zeros(), batch=5)
    >>> noise.deviations.shape
    (40, 2)
    """
    check_kind("the first argument", risk, Risk, "tfl.noise.covariance(tfl.Risk(model, loss), control)")
    n, control = risk.samples, risk.space.element(control)
    factor = checked_factor(n, batch, draw)
    check_memory(n * control.size, f"the gradients of {n} samples", "Take a smaller model, or part of the samples.")
    gradients = np.stack([risk.part([i]).value_and_gradient(control)[1] for i in range(n)])
    mean = np.mean(gradients, axis=0)
    return GradientNoise(risk.space, mean, gradients - mean, factor)


def checked_factor(samples: int, batch: int, draw: str) -> float:
    """What of the covariance of one sample's gradient is that of a batch's, or an InputError."""
    if isinstance(draw, str) and draw == "passes":
        raise InputError(
            "batches of one pass make up for one another, so their noise is not that of independent ones. Take "
            "draw='subsets', here and in StochasticGradientDescent."
        )
    factor = FACTORS[checked_name("draw", draw, FACTORS)]
    if checked_whole("batch", batch) > samples:
        raise InputError(f"batch is {batch}, but there are {samples} samples. Take batch={samples} or less.")
    return factor(samples, batch)
