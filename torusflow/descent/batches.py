"""Batches: which samples each step of a stochastic descent sees, in one pass over as many as there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Draw = Callable[[np.random.Generator, int, int], Sequence[np.ndarray]]


def in_passes(rng: np.random.Generator, samples: int, batch: int) -> Sequence[np.ndarray]:
    """Every sample once, in a random order; sizes differ by one at most."""
    return np.array_split(rng.permutation(samples), count(samples, batch))


def subsets(rng: np.random.Generator, samples: int, batch: int) -> Sequence[np.ndarray]:
    """Independent batches, each without repetition."""
    return [rng.choice(samples, batch, replace=False) for _ in range(count(samples, batch))]


def with_replacement(rng: np.random.Generator, samples: int, batch: int) -> Sequence[np.ndarray]:
    """Samples drawn independently."""
    return list(rng.integers(samples, size=(count(samples, batch), batch)))


def count(samples: int, batch: int) -> int:
    """How many steps a pass has."""
    return -(-samples // batch)


DRAWS: dict[str, Draw] = {"passes": in_passes, "subsets": subsets, "replacement": with_replacement}
