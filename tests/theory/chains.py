"""Many stochastic descents of one linear model at once: each chain sees the same samples in an order of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import torusflow as tfl
from torusflow.hilbert import Euclidean


@dataclass(frozen=True, eq=False)
class Chains:
    """w -> (A_ik w_k) for samples i and chains k; inputs (N, K, m, n), control (K, n)."""

    A: np.ndarray

    @property
    def space(self):
        return Euclidean((self.A.shape[1], self.A.shape[3]))

    @property
    def output_space(self):
        return Euclidean(self.A.shape[:3])

    def part(self, rows):
        return replace(self, A=self.A[rows])

    def __call__(self, w):
        return np.einsum("ikmn,kn->ikm", self.A, w)

    def linearise(self, w):
        return OfChains(self, self(w))


class OfChains:
    def __init__(self, model, output):
        self._model, self.output = model, output

    def tangent(self, dw):
        return self._model(dw)

    def adjoint(self, p):
        return np.einsum("ikmn,ikm->kn", self._model.A, p)


def chains(A, y, count, rng):
    """Half the squared distance of A_i w to y_i, for so many chains at once; A (N, m, n), y (N, m)."""
    order = np.stack([rng.permutation(len(A)) for _ in range(count)], axis=1)
    return tfl.Risk(Chains(A[order]), tfl.losses.SquaredDistance(y[order]))


def minimum(A, y):
    """The least-squares solution of least norm, a control of one chain."""
    return np.linalg.lstsq(A.reshape(-1, A.shape[2]), y.ravel(), rcond=None)[0][None]
