"""Problems and runs in words, for a terminal of eighty columns."""

from __future__ import annotations

import textwrap
from typing import Any, cast

import numpy as np

from ..errors import printable
from ..reports.words import problem_in_words, run_in_words
from ..risk import Risk
from ..storage import Reference, Run
from ..torus.coordinates import Coordinates

COLUMNS, LABEL = 80, 11


def describe_problem(risk: Risk, coordinates: Coordinates) -> str:
    """Model, target and risk, a line or two each."""
    return table(problem_in_words(risk, coordinates))


def describe_scores(scores: dict[str, np.ndarray], coordinates: Coordinates, dimension: int) -> str:
    """Mean negative log-likelihoods with their standard errors, one part of the samples a line.

    Parameters
    ----------
    scores : dict of str to array (N,)
        -log rho_1, relative to the uniform density.
    coordinates : Coordinates
        Say whether densities are counted per radian or per turn.
    dimension : int
    """
    volume = coordinates.log_volume(dimension)
    unit = coordinates.unit_of_volume
    power = {1: "", 2: " square", 3: " cubic"}[dimension]
    lines = [f"negative log-likelihood in nats, densities per{power} {unit} (uniform {volume:.4f}):"]
    for name, values in scores.items():
        error = np.std(values) / np.sqrt(len(values))
        lines.append(f"  {name:<12}{np.mean(values) + volume:8.4f} +- {error:.4f}  ({len(values)} samples)")
    return "\n".join(lines)


def describe_run(name: str, run: Run) -> str:
    """The problem of a run, as far as its classes are known, and how far the run came."""
    return table({"run file": f"{name}, written {run.attributes['created']}"} | run_in_words(run))


def describe_comparison(run: Run, reference: Reference) -> str:
    """The final risks and the distance of the final densities, in a sentence."""
    model = cast(Any, run.risk.model)  # of densities, or there would be no reference
    torus = model.torus
    apart = torus.norm(run.output - reference.density[-1])
    moved = torus.norm(run.output - model.initial.values)
    risk = run.history["risk"][-1]
    return (
        f"{reference.solver}: at training time {reference.times[-1]:.4g} its risk is {reference.risk[-1]:.4g}, the "
        f"run's {risk:.4g}; the densities are {apart:.3g} apart in L2, the run has moved {moved:.3g}."
    )


def wrap(text: str, indent: int = 0) -> str:
    """Text for the terminal, hanging beside a label of `indent` columns."""
    margin = " " * indent
    return textwrap.fill(printable(text), COLUMNS, initial_indent=margin, subsequent_indent=margin).strip()


def table(lines: dict[str, str]) -> str:
    """Texts beside their labels."""
    return "\n".join(f"{key:<{LABEL}}{wrap(value, LABEL)}" for key, value in lines.items())
