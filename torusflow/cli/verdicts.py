"""A fitted density in words: what was chosen, how it scores, and what can be said against it."""

from __future__ import annotations

from ..estimators import TorusDensity
from ..estimators.comparison import Comparison, mean_and_error
from ..reports.choices import gap_in_words, mass_in_words, what_it_is_of
from .description import table, wrap

# A difference of so many standard errors is one.
CLEAR = 2.0


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
    lines = {"gap": gap_in_words(density), "mass": mass_in_words(density), "verdict": _verdict(compared)}
    if not density.complete_:
        lines["time"] = "WARNING: it was up before all was tried. A longer --max-time may give a better density."
    return "\n".join([table({"chosen": words}), _scores(density, compared, unseen), table(lines)])


def _scores(density: TorusDensity, compared: Comparison, unseen: bool) -> str:
    """Mean negative log-likelihoods with their standard errors, a density a line, and whose rows they are of."""
    coordinates, d = what_it_is_of(density)
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
