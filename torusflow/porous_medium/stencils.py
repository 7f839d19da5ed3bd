"""Fourth-order conservative stencils on a periodic grid of cells, the positivity limiter, and linear solves.

Arrays come as (outer, n, inner) for one axis: `along(f, axis)` gives that view. Face i lies between cells i and i + 1.
"""

from __future__ import annotations

import math

import numpy as np

from ..compilation import compiler

# The limiter scales by a hair more than needed, so that round-off in a later sum cannot make a cell negative.
SLACK = 1 - 8 * np.finfo(float).eps

# A cell with less than this, relative to the fullest, gives nothing away.
SPECK = 1e-30


def along(f, axis: int) -> np.ndarray:
    """f, array (*shape), as a view (outer, n, inner) around one axis."""
    return f.reshape(math.prod(f.shape[:axis]), f.shape[axis], -1)


@compiler()
def add_second_difference(f, factor, out):
    """out_i += factor (f_(i-1) - 2 f_i + f_(i+1)), arrays (outer, n, inner)."""
    n = f.shape[1]
    for a in range(f.shape[0]):
        for i in range(n):
            left, right = (i - 1 if i > 0 else n - 1), (i + 1 if i < n - 1 else 0)
            for c in range(f.shape[2]):
                # Symmetric in the neighbours, so that a mirrored density gives mirrored numbers.
                out[a, i, c] += factor * ((f[a, left, c] + f[a, right, c]) - 2 * f[a, i, c])


@compiler()
def set_gradient(f, inverse_width, out):
    """out_i = (f_(i-1) - 15 f_i + 15 f_(i+1) - f_(i+2)) / (12 h): face means of df/dx from cell means, order four."""
    n = f.shape[1]
    scale = inverse_width / 12
    for a in range(f.shape[0]):
        for i in range(n):
            left, right = (i - 1 if i > 0 else n - 1), (i + 1 if i < n - 1 else 0)
            far = right + 1 if right < n - 1 else 0
            for c in range(f.shape[2]):
                outer = f[a, far, c] - f[a, left, c]
                out[a, i, c] = scale * (15 * (f[a, right, c] - f[a, i, c]) - outer)


@compiler()
def set_difference(f, inverse_width, out):
    """out_i = (f_(i+1) - f_i) / h, arrays (outer, n, inner)."""
    n = f.shape[1]
    for a in range(f.shape[0]):
        for i in range(n):
            right = i + 1 if i < n - 1 else 0
            for c in range(f.shape[2]):
                out[a, i, c] = inverse_width * (f[a, right, c] - f[a, i, c])


@compiler()
def subtract_divergence(flux, factor, out):
    """out_i -= factor (J_i - J_(i-1)), arrays (outer, n, inner)."""
    n = flux.shape[1]
    for a in range(flux.shape[0]):
        for i in range(n):
            left = i - 1 if i > 0 else n - 1
            for c in range(flux.shape[2]):
                out[a, i, c] -= factor * (flux[a, i, c] - flux[a, left, c])


@compiler()
def add_exchange(flux, factor, gain, loss):
    """gain_i += what flows into cell i, loss_i += what flows out, both >= 0, through the two faces of one axis."""
    n = flux.shape[1]
    for a in range(flux.shape[0]):
        for i in range(n):
            left = i - 1 if i > 0 else n - 1
            for c in range(flux.shape[2]):
                lower, upper = factor * flux[a, left, c], factor * flux[a, i, c]
                gain[a, i, c] += max(lower, 0.0) + max(-upper, 0.0)
                loss[a, i, c] += max(-lower, 0.0) + max(upper, 0.0)


@compiler()
def scale_outflow(flux, keep):
    """J_face *= keep of the cell that it leaves, arrays (outer, n, inner)."""
    n = flux.shape[1]
    for a in range(flux.shape[0]):
        for i in range(n):
            right = i + 1 if i < n - 1 else 0
            for c in range(flux.shape[2]):
                flux[a, i, c] *= keep[a, i, c] if flux[a, i, c] > 0 else keep[a, right, c]


def limit_outflow(density, flux, inverse_widths, sweeps: int = 200) -> np.ndarray | None:
    """density - div(flux) >= 0, each flux scaled in place by one factor in [0, 1] of the cell that it leaves.

    Parameters
    ----------
    density : array (*shape)
        Not negative.
    flux : array (d, *shape)
        Time-integrated; changed. A face has one value, so that mass is conserved whatever the factors are.
    inverse_widths : tuple of float
    sweeps : int
        A cell that gets less because its neighbour was limited may need another sweep.

    Returns
    -------
    array (*shape) or None
        None if the sweeps were not enough.
    """
    speck = SPECK * density.max()
    for _ in range(sweeps):
        new = density.copy()
        for axis, inverse in enumerate(inverse_widths):
            subtract_divergence(along(flux[axis], axis), inverse, along(new, axis))
        if new.min() >= 0:
            return new
        gain, loss = np.zeros_like(density), np.zeros_like(density)
        for axis, inverse in enumerate(inverse_widths):
            add_exchange(along(flux[axis], axis), inverse, along(gain, axis), along(loss, axis))
        keep = np.ones_like(density)
        dry = new < 0
        available = density[dry] + gain[dry]
        # Specks would be handed on from one empty cell to the next without end.
        keep[dry] = np.where(available > speck, np.minimum(1, available / loss[dry]) * SLACK, 0)
        for axis in range(len(flux)):
            scale_outflow(along(flux[axis], axis), along(keep, axis))
    return None


# -- (1 + c s L s) v = b, with L the graph Laplacian of the grid weighted by the faces --------------------------------


@compiler()
def solve_cyclic(diagonal, off, b):
    """The solution of a symmetric positive definite cyclic tridiagonal system, array (n,), n >= 3.

    `off[i]` couples i and i + 1. Elimination without pivoting, the corner by the Sherman-Morrison formula.
    """
    n = len(diagonal)
    corner = off[n - 1]
    shift = -diagonal[0]
    pivot, x, z = np.empty(n), np.empty(n), np.empty(n)
    pivot[0], x[0], z[0] = diagonal[0] - shift, b[0], shift
    for i in range(1, n):
        entry = diagonal[i] - (corner * corner / shift if i == n - 1 else 0.0)
        factor = off[i - 1] / pivot[i - 1]
        pivot[i] = entry - factor * off[i - 1]
        x[i] = b[i] - factor * x[i - 1]
        z[i] = (corner if i == n - 1 else 0.0) - factor * z[i - 1]
    x[n - 1] /= pivot[n - 1]
    z[n - 1] /= pivot[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = (x[i] - off[i] * x[i + 1]) / pivot[i]
        z[i] = (z[i] - off[i] * z[i + 1]) / pivot[i]
    ratio = (x[0] + corner / shift * x[n - 1]) / (1 + z[0] + corner / shift * z[n - 1])
    return x - ratio * z


@compiler()
def apply_symmetric(v, s, weights, coefficients, out, work):
    """out = v + s L (s v), arrays (n0, n1, n2), missing axes first with length one; returns <v, out>."""
    n0, n1, n2 = v.shape
    first = 3 - len(coefficients)
    plain = weights.shape[1] == 1 and weights.shape[2] == 1 and weights.shape[3] == 1
    for i in range(n0):
        for j in range(n1):
            for k in range(n2):
                work[i, j, k] = s[i, j, k] * v[i, j, k]
    total = 0.0
    for i in range(n0):
        il, ir = (i - 1 if i > 0 else n0 - 1), (i + 1 if i < n0 - 1 else 0)
        for j in range(n1):
            jl, jr = (j - 1 if j > 0 else n1 - 1), (j + 1 if j < n1 - 1 else 0)
            for k in range(n2):
                kl, kr = (k - 1 if k > 0 else n2 - 1), (k + 1 if k < n2 - 1 else 0)
                at = work[i, j, k]
                sum_ = 0.0
                for axis in range(first, 3):
                    row = axis - first
                    if axis == 0:
                        lower, upper = work[il, j, k], work[ir, j, k]
                    elif axis == 1:
                        lower, upper = work[i, jl, k], work[i, jr, k]
                    else:
                        lower, upper = work[i, j, kl], work[i, j, kr]
                    if plain:
                        sum_ += coefficients[row] * (2 * at - (lower + upper))
                    else:
                        if axis == 0:
                            below = weights[row, il, j, k]
                        elif axis == 1:
                            below = weights[row, i, jl, k]
                        else:
                            below = weights[row, i, j, kl]
                        sum_ += coefficients[row] * (below * (at - lower) + weights[row, i, j, k] * (at - upper))
                value = v[i, j, k] + s[i, j, k] * sum_
                out[i, j, k] = value
                total += v[i, j, k] * value
    return total


@compiler()
def conjugate_gradients(b, s, weights, coefficients, tolerance, limit):
    """(1 + s L s) v = b by conjugate gradients with the diagonal as preconditioner; (v, iterations).

    Stops when |residual| <= tolerance (Euclidean), or after `limit` iterations.
    """
    diagonal = np.ones_like(b)
    n0, n1, n2 = b.shape
    first = 3 - len(coefficients)
    plain = weights.shape[1] == 1 and weights.shape[2] == 1 and weights.shape[3] == 1
    for i in range(n0):
        for j in range(n1):
            for k in range(n2):
                for axis in range(first, 3):
                    row = axis - first
                    if plain:
                        both = 2.0
                    elif axis == 0:
                        both = weights[row, i, j, k] + weights[row, i - 1, j, k]
                    elif axis == 1:
                        both = weights[row, i, j, k] + weights[row, i, j - 1, k]
                    else:
                        both = weights[row, i, j, k] + weights[row, i, j, k - 1]
                    diagonal[i, j, k] += coefficients[row] * both * s[i, j, k] ** 2
    v = b / diagonal
    work, image = np.empty_like(b), np.empty_like(b)
    apply_symmetric(v, s, weights, coefficients, image, work)
    r = b - image
    p = r / diagonal
    rho = np.sum(r * p)
    count = 0
    while count < limit and math.sqrt(np.sum(r * r)) > tolerance:
        step = rho / apply_symmetric(p, s, weights, coefficients, image, work)
        v += step * p
        r -= step * image
        rho_new = np.sum(r * r / diagonal)
        p = r / diagonal + rho_new / rho * p
        rho = rho_new
        count += 1
    return v, count
