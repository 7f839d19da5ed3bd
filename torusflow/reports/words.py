"""Problems and runs in words, by labels of at most ten letters."""

from __future__ import annotations

import numpy as np

from ..model import Described, HasCourantNumber
from ..risk import Risk
from ..storage import Run
from ..storage.classes import Unknown
from ..torus.coordinates import Coordinates
from ..torus.density import Density, DensitySpace, LogDensitySpace
from ..torus.grid import Torus


def problem_in_words(risk: Risk, coordinates: Coordinates) -> dict[str, str]:
    """Model, target and loss; the target stands beside what is carried to it."""
    model = risk.model
    lines = {"model": type(model).__name__} | (model.describe() if isinstance(model, Described) else _arrays(model))
    target = getattr(risk.loss, "target", None)
    if isinstance(target, Density):
        lines["target"] = target.name
    if isinstance(torus := getattr(model.space, "torus", None), Torus):
        lines["axes"] = coordinates.in_words(torus.dimension)
    return lines | {"loss": f"{type(risk.loss).__name__}, penalty {risk.penalty:g}"}


def run_in_words(run: Run) -> dict[str, str]:
    """The problem of a run, as far as its classes are known, and how far the run came."""
    history = run.history
    last = {key: values[-1] for key, values in history.items()}
    lines = {"status": run.status}
    known = not isinstance(run.risk, Unknown)
    if known:
        lines |= problem_in_words(run.risk, run.coordinates)
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
    return lines


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
