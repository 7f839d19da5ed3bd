"""Problems and runs in words, for a terminal of eighty columns."""

from __future__ import annotations

import textwrap
from typing import Any, cast

import numpy as np

from ..errors import printable
from ..model import Described, HasCourantNumber
from ..risk import Risk
from ..storage import Reference, Run
from ..storage.classes import Unknown
from ..torus.coordinates import Coordinates
from ..torus.density import Density, DensitySpace, LogDensitySpace
from ..torus.grid import Torus

COLUMNS, LABEL = 80, 11


def describe_problem(risk: Risk, coordinates: Coordinates) -> str:
    """Model, target and risk, a line or two each."""
    return table(_problem(risk, coordinates))


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
    history = run.history
    last = {key: values[-1] for key, values in history.items()}
    lines = {"run file": f"{name}, written {run.attributes['created']}", "status": run.status}
    known = not isinstance(run.risk, Unknown)
    if known:
        lines |= _problem(run.risk, run.coordinates)
    lines |= {
        "method": str(run.method),
        "iterations": f"{len(history['risk']) - 1} in {last['seconds']:.1f} s",
        "risk": f"{history['risk'][0]:.6g} -> {last['risk']:.6g}",
        "gradient": f"norm {last['gradient_norm']:.3g}" + _ratio(last["pl_ratio"]),
    }
    if known and "accuracy" in last:
        held_out = f", {last['validation_accuracy']:.4g} in validation" if "validation_accuracy" in last else ""
        lines["accuracy"] = f"{last['accuracy']:.4g}{held_out}"
    if known and isinstance(run.risk.model.output_space, DensitySpace):
        lines["density"] = f"from {last['minimum']:.4g} to {last['maximum']:.4g}, mass 1 {last['mass'] - 1:+.1e}"
    if known and isinstance(run.risk.model.output_space, LogDensitySpace):
        lines["density"] = f"logarithm from {last['lowest'] - last['log_mass']:.4g} to "
        lines["density"] += f"{last['highest'] - last['log_mass']:.4g}, log Z {last['log_mass']:.3g} on the grid"
    if known and isinstance(run.risk.model, HasCourantNumber):
        model = run.risk.model
        number, limit = model.courant(run.control), model.courant_limit
        lines["stability"] = f"Courant number {number:.2f}, stable up to {limit:.2f}"
    if run.references:
        lines["beside it"] = "; ".join(reference.solver for reference in run.references.values())
    return table(lines)


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


def _problem(risk: Risk, coordinates: Coordinates) -> dict[str, str]:
    """Model, target and loss; the target stands beside what is carried to it."""
    model = risk.model
    lines = {"model": type(model).__name__} | (model.describe() if isinstance(model, Described) else _arrays(model))
    target = getattr(risk.loss, "target", None)
    if isinstance(target, Density):
        lines["target"] = target.name
    if isinstance(torus := getattr(model.space, "torus", None), Torus):
        lines["axes"] = coordinates.in_words(torus.dimension)
    return lines | {"loss": f"{type(risk.loss).__name__}, penalty {risk.penalty:g}"}


def _arrays(model) -> dict[str, str]:
    """The shapes of a model that does not describe itself."""
    space, output_space = model.space, model.output_space
    return {
        "control": f"array {space.shape} of {space.dtype}, {int(np.prod(space.shape))} numbers",
        "output": f"array {output_space.shape}",
    }


def _ratio(value) -> str:
    """The Polyak-Lojasiewicz ratio, where risks are positive and there is one."""
    return f", |grad|^2/(2 risk) = {value:.3g}" if np.isfinite(value) else ""


def table(lines: dict[str, str]) -> str:
    """Texts beside their labels."""
    return "\n".join(f"{key:<{LABEL}}{wrap(value, LABEL)}" for key, value in lines.items())
