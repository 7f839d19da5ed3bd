"""The diffusion that stochastic gradient descent approaches as its step becomes small."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import LARGEST_COUNT, check_generator, check_kind, checked_times, checked_whole, is_positive
from ..errors import InputError
from ..risk import Risk
from .gradient_noise import checked_factor, covariance


def diffusion(
    risk: Risk,
    control,
    step: float,
    times,
    rng: np.random.Generator,
    batch: int = 1,
    *,
    draw: str = "subsets",
    substeps: int = 10,
) -> np.ndarray:
    """A path of dw = -grad R(w) dt + sqrt(step C(w)) dB at the times asked for, array (times, ...) [1]_.

    Stochastic descent with this step is at time n step after n steps; averages of smooth functions of w differ by the
    order of the step.

    Parameters
    ----------
    risk : Risk
        That can be taken apart (`Risk.part`).
    control : array
        At time 0.
    step : float
        Of the stochastic descent.
    times : sequence of float
        Increasing, from 0 or later.
    rng : numpy.random.Generator
    batch : int
        Samples per batch.
    draw : {"subsets", "replacement"}
    substeps : int
        Euler-Maruyama steps in the time of one step; each needs the gradients of all samples, of which C is made, one
        by one.

    Raises
    ------
    InputError
        If the risk is no sum or mean over samples, or an argument is out of range.

    References
    ----------
    .. [1] Q. Li, C. Tai, W. E, Stochastic modified equations and adaptive stochastic gradient algorithms, ICML 2017,
       arXiv:1511.06251, Theorem 1.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> X = np.random.default_rng(0).standard_normal((2, 40))
    >>> risk = tfl.Risk(tfl.LinearNetwork(X, (1,)), tfl.losses.SquaredDistance(X[:1] - X[1:]))
    >>> path = tfl.noise.diffusion(risk, risk.space.zeros(), 1e-3, [0.0, 0.01], np.random.default_rng(0))
    >>> path.shape
    (2, 2)
    """
    check_kind("the first argument", risk, Risk, "tfl.noise.diffusion(tfl.Risk(model, loss), start, step, times, rng)")
    check_generator(rng)
    if not is_positive(step):
        raise InputError(f"step must be a positive number, got {step!r}.")
    times, w = checked_times(times), risk.space.element(control)
    checked_factor(risk.samples, batch, draw)
    longest, path, now = step / checked_whole("substeps", substeps), [], 0.0
    if not times[-1] <= LARGEST_COUNT * longest:
        raise InputError(
            f"time {times[-1]:.3g} is more than {LARGEST_COUNT:,} steps of {longest:.3g} away. Take an earlier one, or "
            f"fewer substeps."
        )
    for time in times:
        count = math.ceil((time - now) / longest * (1 - 1e-12))
        for _ in range(count):
            dt, noise = (time - now) / count, covariance(risk, w, batch, draw=draw)
            w = w - dt * noise.gradient + math.sqrt(step * dt) * noise.sample(rng)
        now = time
        path.append(w)
    return np.stack(path)
