"""How fast the derivative of a network of perceptrons changes with its weights: constants of certificates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

# Iterations for the distance that states may move; where they do not settle, nothing is said.
MOST_ITERATIONS = 60


def resnet_lipschitz(
    rate: float, bend: float, trained: bool, outer, inner, states, values, slopes
) -> Callable[[float], float]:
    """Radius -> kappa with |DF(u) - DF(u')| <= kappa |u - u'| for x_(l+1) = x_l + (c/L) A_l sigma(B_l x_l).

    Parameters
    ----------
    rate : float
        c.
    bend : float
        max |sigma''|, while |sigma'| <= 1.
    trained : bool
        Whether the B_l are part of the control.
    outer, inner : array (L, d, m), (L, m, d)
        A_l and B_l of the control in the middle.
    states : array (L, d, N)
        x_l there.
    values, slopes : array (L, m, N)
        sigma and sigma' at B_l x_l.

    Notes
    -----
    In the ball a layer's matrices move by at most sqrt L R, so that |A_l| <= a, |B_l| <= b, and if states move by at
    most D then |x_l| <= x, arguments of sigma move by at most z = b D + sqrt L R |x_l|, and the Jacobian of a layer by
    at most j/L, j = c (sqrt L R (a + b) + a s z b), s the bend. If no product of Jacobians of successive layers exceeds
    p in the middle, none exceeds P = p exp(p mean j) in the ball. Along u + t dw the first and second derivatives of a
    state are propagated by them, and a layer adds at most, with delta_A^2 + delta_B^2 = delta_l^2 and
    (1/L) sum delta_l^2 <= 1,

        to e:  (c/L) delta sqrt(|sigma|^2 + (a x)^2),
        to q:  (c/L) (2 delta_A (b e + delta_B x) + a s (b e + delta_B x)^2 + 2 a delta_B e).

    So where a layer begins e <= c P sqrt((1/L) sum (|sigma|^2 + (a x)^2)), the sum over all layers but the last, and
    with the largest of a, b, x of all layers q <= c P (2 e sqrt(a^2 + b^2) + x + a s (b e + x)^2). States move by at
    most R e: a D with R e(D) <= D is one that they do not exceed, since they would have to pass it.
    """
    layers, _, count = states.shape
    a0, b0 = np.linalg.norm(outer, 2, axis=(1, 2)), np.linalg.norm(inner, 2, axis=(1, 2))
    x0, sigma0 = (np.linalg.norm(part, axis=1).max(axis=1) for part in (states, values))
    p = _longest_product(np.eye(states.shape[1]) + rate / layers * np.einsum("lim,lmn,lmj->lnij", outer, slopes, inner))

    def first(radius, moved):
        da = math.sqrt(layers) * radius
        db = da if trained else 0.0
        a, b, x = a0 + da, b0 + db, x0 + moved
        z = b * moved + db * x0
        j = rate * (da * b + a0 * bend * z * b + a0 * db)
        size = np.hypot(sigma0 + z, a * x) if trained else sigma0 + z
        with np.errstate(over="ignore"):
            grown = p * np.exp(p * j.mean())
        return grown, rate * grown * np.sqrt((size[:-1] ** 2).sum() / layers), a.max(), b.max(), x.max()

    def lipschitz(radius):
        moved = 0.0
        for _ in range(MOST_ITERATIONS):
            grown, e, a, b, x = first(radius, moved)
            if radius * e <= moved:
                break
            moved = 1.1 * radius * e
        else:
            return math.inf
        if trained:
            second = 2 * e * np.hypot(a, b) + x + a * bend * (b * e + x) ** 2
        else:
            second = 2 * b * e + a * bend * (b * e) ** 2
        return math.sqrt(count) * rate * float(grown * second)

    return lipschitz


def _longest_product(jacobians) -> float:
    """The largest norm of a product of those of successive layers, array (L, N, d, d), one at least."""
    longest = 1.0
    for first in range(len(jacobians)):
        product = jacobians[first]
        for factor in [*jacobians[first + 1 :], None]:
            longest = max(longest, float(np.linalg.norm(product, 2, axis=(1, 2)).max()))
            product = product if factor is None else factor @ product
    return longest
