"""The likelihood of samples under a density pushed along a flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import real_array
from ..display import OneLine
from ..errors import InputError
from ..hilbert import Euclidean


@dataclass(frozen=True)
class LogLikelihood(OneLine):
    """-(1/N) sum_i log rho_1(y_i), on the outputs log rho_1(y) of a `SampleNODE`.

    In units where the uniform density on the torus is 1, so it is zero at v = 0 for the uniform rho_0; in angles on
    [0, 2 pi)^d add d log(2 pi).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> round(tfl.losses.LogLikelihood()(np.log([1.0, 2.0])), 4)
    -0.3466
    """

    def __call__(self, output) -> float:
        return 0.0 - float(np.mean(_one_a_sample(output)))  # zero without a sign

    def gradient(self, output) -> np.ndarray:
        output = _one_a_sample(output)
        return np.full_like(output, -1 / len(output))

    def part(self, rows, axis: int = 0) -> LogLikelihood:
        """The loss itself, a mean that holds no samples."""
        return self

    def check(self, space) -> None:
        """Raise an InputError unless outputs are one number per sample."""
        if not isinstance(space, Euclidean) or len(space.shape) != 1:
            raise InputError(f"LogLikelihood takes the outputs (N,) of a SampleNODE, the model gives {space.shape}.")


def _one_a_sample(output) -> np.ndarray:
    output = real_array(output, "LogLikelihood: the outputs")
    if output.ndim != 1 or not output.size:
        raise InputError(f"LogLikelihood takes outputs (N,), one per sample, got {output.shape}.")
    return output
