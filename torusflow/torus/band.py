"""Largest wavenumbers of velocity fields, and which of their components there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .grid import Torus


def checked_band(torus: Torus, band) -> tuple[int, ...]:
    """The band per axis; None is the largest for which a density keeps at least as many modes, the 2/3 rule."""
    largest = tuple((n - 1) // 3 for n in torus.shape)
    if band is None:
        return largest
    several = isinstance(band, tuple | list) or (isinstance(band, np.ndarray) and band.ndim)
    bands: tuple = tuple(band) if several else (band,) * torus.dimension
    whole = all(isinstance(b, int | np.integer) and not isinstance(b, bool) and b >= 0 for b in bands)
    if not whole or len(bands) != torus.dimension:
        raise InputError(f"band must be a whole number >= 0, or one for each of {torus.dimension} axes, got {band!r}.")
    for b, top, n in zip(bands, largest, torus.shape, strict=True):
        if b > top:
            raise InputError(
                f"band={b} is too large for an axis of {n} grid points: products of a density and a field can only be "
                f"formed without aliasing for band <= {top}. Use band={top}, or {3 * int(b) + 1} grid points."
            )
    return tuple(int(b) for b in bands)


def wavenumbers_within(band: Sequence[int]) -> list[np.ndarray]:
    """The integers of at most the band along each axis, in FFT order; along the last one from zero on."""
    first = [np.concatenate([np.arange(b + 1), np.arange(-b, 0)]) for b in band[:-1]]
    return [*first, np.arange(band[-1] + 1)]


def torus_of_band(name: str, band, dimension: int, threads) -> Torus:
    """The smallest grid that allows the band of a model that has none of its own."""
    array = isinstance(band, np.ndarray) and band.ndim == 1
    bands = band if (array or isinstance(band, tuple | list)) and len(band) else (band,)
    if not all(isinstance(b, int | np.integer) and not isinstance(b, bool) and b >= 0 for b in bands):
        raise InputError(f"{name}: band must be a whole number >= 0, or one for each axis, got {band!r}.")
    return Torus((max(4, 3 * int(max(bands)) + 1),) * dimension, threads=threads)


def checked_components(components, dimension: int) -> tuple[int, ...]:
    """The axes along which fields move, in their order; None is all of them."""
    if components is None:
        return tuple(range(dimension))
    several = isinstance(components, tuple | list | np.ndarray)
    chosen = tuple(components) if several else (components,)
    whole = all(isinstance(c, int | np.integer) and not isinstance(c, bool) and 0 <= c < dimension for c in chosen)
    if not whole or len(set(chosen)) != len(chosen) or not chosen:
        raise InputError(
            f"components must be different axes from 0 to {dimension - 1}, those that fields move along, such as "
            f"({dimension - 1},), or None for all of them; got {components!r}."
        )
    return tuple(sorted(int(c) for c in chosen))
