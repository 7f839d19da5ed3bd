"""A stored fit of a `TorusDensity` in words, by labels of at most ten letters."""

from __future__ import annotations

import numpy as np

from ..estimators import TorusDensity
from ..estimators.fitting import LARGEST_GAP
from ..torus.coordinates import Coordinates

# A gap that is printed as zero is none.
SMALLEST_GAP = 0.0005


def choice_in_words(density: TorusDensity) -> dict[str, str]:
    """What a stored fit knows of itself, by labels."""
    coordinates, d = what_it_is_of(density)
    cell = float(np.sum(np.log(np.broadcast_to(coordinates.period, d))))
    nats = coordinates.log_volume(d) - density.validation_score_ - cell
    per = f"{ {1: '', 2: 'square ', 3: 'cubic '}[d] }{coordinates.unit_of_volume}"
    return {
        "held out": f"negative log-likelihood {nats:.4f} nats per {per}, uniform {coordinates.log_volume(d):.4f}",
        "gap": gap_in_words(density),
        "mass": mass_in_words(density),
    }


def what_it_is_of(density: TorusDensity) -> tuple[Coordinates, int]:
    """The coordinates that it is a density of, without conditions, and their number."""
    return density.coordinates_.along(*density.columns_), len(density.columns_)


def gap_in_words(density: TorusDensity) -> str:
    gap = density.train_validation_gap_
    if gap < SMALLEST_GAP:
        return "rows trained on are fitted no better than rows held out"
    words = f"rows trained on are fitted {gap:.3f} nats better than rows held out"
    if gap > LARGEST_GAP:
        words += f". WARNING: that is more than {LARGEST_GAP:g}, so these rows are few for what they show. Believe the "
        words += "score on rows held out, and no detail that a few rows make"
    return words


def mass_in_words(density: TorusDensity) -> str:
    """Whether the grid resolves the density."""
    change = abs(density.resolution_.change)
    if density.resolution_.passed:
        return f"one to {change:.0e} on a finer grid: the density is resolved"
    finer = "x".join([str(3 * density.settings_["grid"] // 2)] * density.n_features_in_)
    return f"one to {change:.0e} on a finer grid: WRONG, there are peaks between grid points. Use --grid {finer}"
