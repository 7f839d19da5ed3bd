"""Risks whose descent is known: quadratics with given eigenvalues in an inner product that is not the dot product."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

import torusflow as tfl
from torusflow import UnstableError
from torusflow.hilbert import Euclidean, norm


@dataclass(frozen=True, eq=False)
class Linear:
    """w -> diag(sqrt(eigenvalues)) C^T w on R^n with <u, w> = u^T C C^T w, so that DF* DF has these eigenvalues.

    Controls longer than `limit` are refused as unstable.
    """

    eigenvalues: np.ndarray
    limit: float = np.inf

    @cached_property
    def _factor(self):
        n = len(self.eigenvalues)
        return np.linalg.cholesky(np.eye(n) + np.ones((n, n)) / n + np.diag(np.arange(n) % 3))

    @cached_property
    def space(self):
        return Euclidean((len(self.eigenvalues), 1), 1.0, self._factor @ self._factor.T)

    @property
    def output_space(self):
        return Euclidean(self.space.shape)

    def __call__(self, w):
        if norm(self.space, w) > self.limit:
            raise UnstableError("too fast: use substeps=7", norm(self.space, w), 7)
        return self._apply(w)

    def linearise(self, w):
        return LinearLinearisation(self, self(w))

    def _apply(self, w):
        return np.sqrt(self.eigenvalues)[:, None] * (self._factor.T @ w)


class LinearLinearisation:
    def __init__(self, model, output):
        self.output, self._model = output, model

    def tangent(self, dw):
        return self._model._apply(dw)

    def adjoint(self, p):
        root = np.sqrt(self._model.eigenvalues)[:, None]
        return np.linalg.solve(self._model._factor.T, root * p)


class Counted:
    """A model that counts the passes it makes."""

    def __init__(self, model):
        self.model, self.space, self.output_space = model, model.space, model.output_space
        self.pushes = self.tangents = self.adjoints = 0

    def __call__(self, w):
        self.pushes += 1
        return self.model(w)

    def linearise(self, w):
        self.pushes += 1
        return CountedLinearisation(self, self.model.linearise(w))


class CountedLinearisation:
    def __init__(self, counts, linearisation):
        self.output, self._counts, self._linearisation = linearisation.output, counts, linearisation

    def tangent(self, dw):
        self._counts.tangents += 1
        return self._linearisation.tangent(dw)

    def adjoint(self, p):
        self._counts.adjoints += 1
        return self._linearisation.adjoint(p)


def quadratic(eigenvalues, penalty=0.0, **keywords):
    """A risk with these eigenvalues, from zero; without penalty its least value is zero."""
    eigenvalues = np.array(eigenvalues, float)
    model = Counted(Linear(eigenvalues, **keywords))
    # Every mode of the error starts with one: output_i = sqrt(lambda_i) z_i, and z_i = 1 at the solution.
    return tfl.Risk(model, tfl.losses.SquaredDistance(np.sqrt(eigenvalues)[:, None]), penalty)


def modes(risk, control):
    """The error in each eigenvector, of length one there, for risks without penalty."""
    model = risk.model.model
    return 1 - (model._factor.T @ control)[:, 0]


class Rosenbrock:
    """(1 - a)^2 + 100 (b - a^2)^2 as a loss on outputs (2,), least at (1, 1)."""

    def __call__(self, y):
        return float((1 - y[0]) ** 2 + 100 * (y[1] - y[0] ** 2) ** 2)

    def gradient(self, y):
        valley = y[1] - y[0] ** 2
        return np.array([-2 * (1 - y[0]) - 400 * y[0] * valley, 200 * valley])

    def check(self, space):
        pass


class Identity:
    """w -> w on R^n; controls longer than `limit` are unstable."""

    def __init__(self, n, limit=np.inf):
        self.space = self.output_space = Euclidean((n,))
        self.limit = limit

    def __call__(self, w):
        if norm(self.space, w) > self.limit:
            raise UnstableError("too fast: use substeps=7", norm(self.space, w), 7)
        return w

    def linearise(self, w):
        return IdentityLinearisation(self(w))


class IdentityLinearisation:
    def __init__(self, output):
        self.output = output

    def tangent(self, dw):
        return dw

    def adjoint(self, p):
        return p
