"""The Gibbs kernel of the squared geodesic distance on the grid: a product over axes, applied in logarithms.

It is computed by compiled loops on the processors of this machine, wherever fields live.
"""

from __future__ import annotations

import math

import numpy as np

from ..backends import split
from ..compilation import compiler
from ..torus.grid import Torus

# Below this many pairs of points a second thread costs more than it saves.
MINIMUM_PAIRS_PER_THREAD = 2**20
# exp(-640) and products of such numbers vanish; a sum above LEAST_SUM has lost nothing that its last digit could show.
VANISHING = -640.0
LEAST_SUM = 1e-260
# exp(-38) = 3e-17 of the largest term.
NEGLIGIBLE = -38.0

# Without the promise of finite numbers: where a density vanishes its logarithm is minus infinity.
_compiled = compiler(error_model="numpy", fastmath={"reassoc", "contract"})


class GibbsKernel:
    """K(x, y) = exp(-sum_j d(x_j, y_j)^2 / epsilon), d the distance on the circle of length one, on a grid.

    Parameters
    ----------
    torus : Torus
    epsilon : float
        In squared sides of the torus.
    """

    def __init__(self, torus: Torus, epsilon: float):
        self.torus, self.epsilon = torus, epsilon
        self._tables = [_tables(n, epsilon) for n in torus.shape]

    def log(self, h) -> np.ndarray:
        """log mean_y K(x, y) exp h(y), array (*n), with h = -inf allowed.

        Parameters
        ----------
        h : array (*n)
        """
        for axis in range(self.torus.dimension):
            h, _ = self._log_along(h, axis)
        return h

    def conditional(self, h) -> Conditional:
        """The conditional expectations of p(y | x) proportional to K(x, y) exp h(y)."""
        return Conditional(self, h)

    def _log_along(self, h, axis: int) -> tuple[np.ndarray, bool]:
        """The same along one axis, and whether the plain sum of exponentials served for all points."""
        lines = self.lines(h, axis)
        out, plain = np.empty_like(lines), np.empty(len(lines), bool)
        self.run(lambda part: _log_sums(lines, *self._tables[axis], out, plain, *part), lines)
        return self.field(out, axis), all(self.torus.everyone(bool(plain.all())))

    # -- for conditional expectations ----------------------------------------------------------------------------

    def lines(self, field, axis: int) -> np.ndarray:
        """The values along one axis as rows, array (lines, n) of this machine; of those along the first axis, where
        processes share it, each has some."""
        field = np.ascontiguousarray(np.moveaxis(self.torus.to_host(field), axis, -1))
        lines = field.reshape(-1, field.shape[-1])
        return lines if axis else np.ascontiguousarray(self.torus.division.lines(lines))

    def field(self, lines, axis: int) -> np.ndarray:
        """The inverse of `lines`."""
        lines = lines if axis else self.torus.division.pieces(lines)
        shape = [n for other, n in enumerate(self.torus.local_shape) if other != axis]
        return self.torus.asarray(np.moveaxis(lines.reshape(*shape, -1), -1, axis))

    def run(self, function, lines) -> None:
        """function((start, stop)) for parts of the lines, on the threads of the torus."""
        pairs = lines.size * lines.shape[1]
        parts = min(self.torus.threads or 1, max(1, pairs // MINIMUM_PAIRS_PER_THREAD))
        self.torus.parallel(function, split(len(lines), parts))


class Conditional:
    """v -> sum_y p(y | x) v(y) with p(y | x) proportional to K(x, y) exp h(y): an average along each axis in turn.

    Where exp h fits into floating-point numbers along all lines of an axis, K and exp h are applied as they are.
    Elsewhere the weights of the average are kept: then epsilon is small, and each point has a few.

    Parameters
    ----------
    kernel : GibbsKernel
    h : array (*n)
    """

    def __init__(self, kernel: GibbsKernel, h):
        self._kernel, self._axes = kernel, []
        for axis in range(kernel.torus.dimension):
            lines, tables = kernel.lines(h, axis), kernel._tables[axis]
            h, plain = kernel._log_along(h, axis)
            self._axes.append((_averages, (lines, tables[1])) if plain else self._weights(lines, tables[0]))

    def __call__(self, v) -> np.ndarray:
        """Array (*n)."""
        for axis, (function, data) in enumerate(self._axes):
            v = self._along(v, axis, function, data)
        return v

    def _along(self, v, axis, function, data):
        lines = self._kernel.lines(v, axis)
        out = np.empty_like(lines)
        self._kernel.run(lambda part: function(*data, lines, out, *part), lines)
        return self._kernel.field(out, axis)

    def _weights(self, lines, exponent):
        first, count = np.empty(lines.shape, np.int32), np.empty(lines.shape, np.int32)
        self._kernel.run(lambda part: _windows(lines, exponent, first, count, *part), lines)
        stop = np.cumsum(count, dtype=np.int64).reshape(count.shape)
        weights = np.empty(int(count.sum(dtype=np.int64)))
        offset = stop - count
        self._kernel.run(lambda part: _fill(lines, exponent, first, count, offset, weights, *part), lines)
        return _window_averages, (first, count, offset, weights)


def _tables(n: int, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """d^2 / epsilon + log n at the n points that follow the one opposite, and exp(-that)."""
    steps = (np.arange(n) + n // 2) % n
    exponent = (np.minimum(steps, n - steps) / n) ** 2 / epsilon + math.log(n)
    return exponent, np.where(exponent < -VANISHING, np.exp(-exponent), 0.0)


# Point i of a line meets the others in the order i + n//2, i + n//2 + 1, ...: contiguous in a line written twice, and
# the same distances for every i.


@_compiled
def _log_sums(h, exponent, weight, out, plain, start, stop):
    """out_i = log sum_j exp(h_j - e_ij); plain: whether no sum of a line underflowed."""
    n = h.shape[1]
    twice, u = np.empty(2 * n), np.empty(2 * n)
    for line in range(start, stop):
        plain[line] = True
        top = _largest(h[line])
        if top == -np.inf:
            out[line] = -np.inf
            continue
        _exponentials(h[line], top, u)
        ready = False
        for i in range(n):
            opposite = (i + n // 2) % n
            near = u[opposite : opposite + n]
            total = 0.0
            for m in range(n):
                total += weight[m] * near[m]
            if total > LEAST_SUM:
                out[line, i] = top + math.log(total)
                continue
            plain[line] = False
            if not ready:
                twice[:n], twice[n:] = h[line], h[line]
                ready = True
            exponents = twice[opposite : opposite + n]
            best = -np.inf
            for m in range(n):
                best = max(best, exponents[m] - exponent[m])
            total = 0.0
            for m in range(n):
                below = exponents[m] - exponent[m] - best
                if below > NEGLIGIBLE:
                    total += math.exp(below)
            out[line, i] = best + math.log(total)


@_compiled
def _averages(h, weight, v, out, start, stop):
    """out_i = sum_j exp(h_j - e_ij) v_j / sum_j exp(h_j - e_ij)."""
    n = h.shape[1]
    u, uv = np.empty(2 * n), np.empty(2 * n)
    for line in range(start, stop):
        top = _largest(h[line])
        if top == -np.inf:
            out[line] = 0.0
            continue
        _exponentials(h[line], top, u)
        uv[:n] = u[:n] * v[line]
        uv[n:] = uv[:n]
        for i in range(n):
            opposite = (i + n // 2) % n
            near, near_v = u[opposite : opposite + n], uv[opposite : opposite + n]
            total, moment = 0.0, 0.0
            for m in range(n):
                total += weight[m] * near[m]
                moment += weight[m] * near_v[m]
            out[line, i] = moment / total


@_compiled
def _windows(h, exponent, first, count, start, stop):
    """Where, in a line written twice, the terms that are not negligible for point i begin, and how many there are."""
    n = h.shape[1]
    twice = np.empty(2 * n)
    for line in range(start, stop):
        twice[:n], twice[n:] = h[line], h[line]
        for i in range(n):
            opposite = (i + n // 2) % n
            exponents = twice[opposite : opposite + n]
            best = -np.inf
            for m in range(n):
                best = max(best, exponents[m] - exponent[m])
            lowest, highest = 0, n - 1
            if best == -np.inf:
                highest = -1
            else:
                while exponents[lowest] - exponent[lowest] - best < NEGLIGIBLE:
                    lowest += 1
                while exponents[highest] - exponent[highest] - best < NEGLIGIBLE:
                    highest -= 1
            first[line, i], count[line, i] = opposite + lowest, highest + 1 - lowest


@_compiled
def _fill(h, exponent, first, count, offset, weights, start, stop):
    """The terms in the windows, divided by their sum."""
    n = h.shape[1]
    for line in range(start, stop):
        for i in range(n):
            here = weights[offset[line, i] : offset[line, i] + count[line, i]]
            m = first[line, i] - (i + n // 2) % n
            for k in range(here.size):
                here[k] = h[line, (first[line, i] + k) % n] - exponent[m + k]
            best, total = _largest(here), 0.0
            for k in range(here.size):
                here[k] = math.exp(here[k] - best)
                total += here[k]
            for k in range(here.size):
                here[k] /= total


@_compiled
def _window_averages(first, count, offset, weights, v, out, start, stop):
    """out_i = sum of weights times v over the window of i."""
    n = v.shape[1]
    twice = np.empty(2 * n)
    for line in range(start, stop):
        twice[:n], twice[n:] = v[line], v[line]
        for i in range(n):
            near = twice[first[line, i] : first[line, i] + count[line, i]]
            here = weights[offset[line, i] : offset[line, i] + count[line, i]]
            total = 0.0
            for k in range(here.size):
                total += here[k] * near[k]
            out[line, i] = total


@_compiled
def _largest(values):
    top = -np.inf
    for value in values:
        top = max(top, value)
    return top


@_compiled
def _exponentials(h, top, u):
    """exp(h - top) written twice, zero where it vanishes."""
    n = h.size
    for j in range(n):
        u[j] = math.exp(h[j] - top) if h[j] - top > VANISHING else 0.0
        u[n + j] = u[j]
