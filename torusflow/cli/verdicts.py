"""A fitted density in words: what was chosen, how it scores, and what can be said against it."""

from __future__ import annotations

import numpy as np

from ..estimators import TorusDensity
from ..estimators.comparison import Comparison, mean_and_error
from ..estimators.fitting import LARGEST_GAP
from ..torus.coordinates import Coordinates
from .description import table, wrap

# A difference of so many standard errors is one; a gap that is printed as zero is none.
CLEAR, SMALLEST_GAP = 2.0, 0.0005


def describe_fit(density: TorusDensity, compared: Comparison, unseen: bool) -> str:
    """What a person should know of a fit, in a terminal of eighty columns.

    Parameters
    ----------
    density : TorusDensity
    compared : Comparison
    unseen : bool
        Whether its rows are those of a test; else they were held out to choose by.
    """
    chosen = density.settings_
    grid = " x ".join([str(chosen["grid"])] * density.n_features_in_)
    words = f"s = {chosen['smoothness']:g}, l = {chosen['length']:g}, penalty {chosen['penalty']:g}, "
    words += f"band {chosen['band']}, grid {grid}, {density.n_iter_} iterations; {density.fit_seconds_:.1f} s"
    lines = {"gap": _gap(density), "mass": _mass(density), "verdict": _verdict(compared)}
    if not density.complete_:
        lines["time"] = "WARNING: it was up before all was tried. A longer --max-time may give a better density."
    return "\n".join([table({"chosen": words}), _scores(density, compared, unseen), table(lines)])


def describe_choice(density: TorusDensity) -> dict[str, str]:
    """What a stored fit knows of itself, by labels."""
    coordinates, d = _what(density)
    cell = float(np.sum(np.log(np.broadcast_to(coordinates.period, d))))
    nats = coordinates.log_volume(d) - density.validation_score_ - cell
    per = f"{ {1: '', 2: 'square ', 3: 'cubic '}[d] }{coordinates.unit_of_volume}"
    return {
        "held out": f"negative log-likelihood {nats:.4f} nats per {per}, uniform {coordinates.log_volume(d):.4f}",
        "gap": _gap(density),
        "mass": _mass(density),
    }


def _scores(density: TorusDensity, compared: Comparison, unseen: bool) -> str:
    """Mean negative log-likelihoods with their standard errors, a density a line, and whose rows they are of."""
    coordinates, d = _what(density)
    volume, power = coordinates.log_volume(d), {1: "", 2: " square", 3: " cubic"}[d]
    scored, count = len(compared.density), compared.held_out
    rows = f"{scored} of {count} rows" if scored < count else f"{count} rows"
    which = "set aside for the test" if unseen else "held out of training, by which both were chosen"
    title = f"negative log-likelihood in nats per{power} {coordinates.unit_of_volume}, on {rows} {which}:"
    lines = [wrap(title)]
    for name, values in (("this density", compared.density), ("kernel estimate", compared.kernel)):
        mean, error = mean_and_error(values, compared.weights)
        lines.append(f"  {name:<16}{volume - mean:8.4f} +- {error:.4f}")
    return "\n".join([*lines, f"  {'uniform density':<16}{volume:8.4f}"])


def _what(density: TorusDensity) -> tuple[Coordinates, int]:
    """The coordinates that it is a density of, without conditions, and their number."""
    return density.coordinates_.along(*density.columns_), len(density.columns_)


def _gap(density: TorusDensity) -> str:
    gap = density.train_validation_gap_
    if gap < SMALLEST_GAP:
        return "rows trained on are fitted no better than rows held out"
    words = f"rows trained on are fitted {gap:.3f} nats better than rows held out"
    if gap > LARGEST_GAP:
        words += f". WARNING: that is more than {LARGEST_GAP:g}, so these rows are few for what they show. Believe the "
        words += "score on rows held out, and no detail that a few rows make"
    return words


def _mass(density: TorusDensity) -> str:
    """Whether the grid resolves the density."""
    change = abs(density.resolution_.change)
    if density.resolution_.passed:
        return f"one to {change:.0e} on a finer grid: the density is resolved"
    finer = "x".join([str(3 * density.settings_["grid"] // 2)] * density.n_features_in_)
    return f"one to {change:.0e} on a finer grid: WRONG, there are peaks between grid points. Use --grid {finer}"


def _verdict(compared: Comparison) -> str:
    """How it compares, in a sentence."""
    mean, error = compared.difference
    above, its_error = mean_and_error(compared.density, compared.weights)
    by = f"{abs(mean):.3f} +- {error:.3f} nats a row"
    if above < CLEAR * its_error:
        return "no better than the uniform density: these rows may come from that"
    if mean > CLEAR * error:
        return f"better than a kernel estimate, by {by}"
    if mean < -CLEAR * error:
        return f"WARNING: worse than a kernel estimate, by {by}: for these rows take that"
    return f"as good as a kernel estimate: the difference is {mean:+.3f} +- {error:.3f} nats a row"
