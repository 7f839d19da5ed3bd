"""The likelihood of samples under a density pushed along a flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class LogLikelihood:
    """-(1/N) sum_i log rho_1(y_i) for the uniform rho_0, on the outputs (Psi(y), log det DPsi(y)) of a `SampleNODE`.

    In units where the uniform density on the torus is 1, so it is zero at v = 0; in angles on [0, 2 pi)^d add
    d log(2 pi).
    """

    def __call__(self, output) -> float:
        return -float(np.mean(np.asarray(output)[:, -1]))

    def gradient(self, output) -> np.ndarray:
        gradient = np.zeros_like(output)
        gradient[:, -1] = -1 / len(output)
        return gradient

    def check(self, space) -> None:
        """Raise an InputError unless outputs are positions with a logarithm."""
        if len(space.shape) != 2 or not 2 <= space.shape[1] <= 4:
            raise InputError(
                f"LogLikelihood takes the outputs (N, d + 1) of a SampleNODE, the model gives {space.shape}."
            )
