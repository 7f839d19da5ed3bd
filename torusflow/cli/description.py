"""Problems and runs in words, for a terminal of eighty columns."""

from __future__ import annotations

import textwrap

import numpy as np

from ..errors import printable
from ..models.measure_node import MeasureNODE
from ..models.sample_node import SampleNODE
from ..risk import Risk
from ..storage import Reference, Run
from ..torus.coordinates import Coordinates

COLUMNS, LABEL = 80, 11


def describe_problem(risk: Risk, coordinates: Coordinates) -> str:
    """Model, target and risk, a line or two each."""
    return _table(_problem(risk, coordinates))


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
    """The problem of a run, and how far the run came."""
    history = run.history
    last = {key: values[-1] for key, values in history.items()}
    lines = {"run file": f"{name}, written {run.attributes['created']}", "status": run.status}
    lines |= _problem(run.risk, run.coordinates)
    lines |= {
        "method": str(run.method),
        "iterations": f"{len(history['risk']) - 1} in {last['seconds']:.1f} s",
        "risk": f"{history['risk'][0]:.6g} -> {last['risk']:.6g}",
        "gradient": f"norm {last['gradient_norm']:.3g}" + _ratio(last["pl_ratio"]),
    }
    if isinstance(run.risk.model, MeasureNODE):
        lines["density"] = f"from {last['minimum']:.4g} to {last['maximum']:.4g}, mass 1 {last['mass'] - 1:+.1e}"
        model = run.risk.model
        limit = model.equation.scheme.stability_limit
        lines["stability"] = f"Courant number {model.courant(run.control):.2f}, stable up to {limit:.2f}"
    if run.references:
        lines["beside it"] = "; ".join(reference.solver for reference in run.references.values())
    return _table(lines)


def describe_comparison(run: Run, reference: Reference) -> str:
    """The final risks and the distance of the final densities, in a sentence."""
    torus = run.risk.model.torus
    apart = torus.norm(run.output - reference.density[-1])
    moved = torus.norm(run.output - run.risk.model.initial.values)
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
    describe = {MeasureNODE: _densities, SampleNODE: _samples}.get(type(risk.model), _points)
    lines = describe(risk, coordinates)
    return lines | {"loss": f"{type(risk.loss).__name__}, penalty {risk.penalty:g}"}


def _densities(risk, coordinates) -> dict[str, str]:
    model = risk.model
    torus = model.torus
    grid = " x ".join(str(n) for n in torus.shape)
    memory = f"{model.gradient_memory / 1e9:.2g} GB for the gradient" + ("" if model.keeps_stages else " (recomputed)")
    return {
        "initial": model.initial.name,
        "target": getattr(getattr(risk.loss, "target", None), "name", "none"),
        "torus": f"{grid}; {_axes(coordinates, torus)}; transforms by {torus.library}, {torus.threads} threads",
        "control": _control(model),
        "scheme": f"{model.scheme}, Runge-Kutta steps per layer: {model.substeps}; {memory}",
    }


def _samples(risk, coordinates) -> dict[str, str]:
    model = risk.model
    return {
        "initial": model.initial.name if model.initial else "uniform density",
        "samples": f"{len(model.points)} for training; {_axes(coordinates, model.space.torus)}",
        "control": _control(model),
        "scheme": f"{model.scheme}, Runge-Kutta steps per layer: {model.substeps}, {model.space.torus.threads} threads",
    }


def _axes(coordinates, torus) -> str:
    return f"axes {', '.join(map(coordinates.name, range(torus.dimension)))} in {coordinates.units}"


def _control(model) -> str:
    metric = model.metric
    return f"{model.layers} layers, band {max(model.band)}, H^s with s = {metric.smoothness:g}, l = {metric.length:g}"


def _points(risk, coordinates) -> dict[str, str]:
    space, output_space = risk.model.space, risk.model.output_space
    return {
        "model": type(risk.model).__name__,
        "control": f"array {space.shape} of {space.dtype}, {int(np.prod(space.shape))} numbers",
        "output": f"array {output_space.shape}",
    }


def _ratio(value) -> str:
    """The Polyak-Lojasiewicz ratio, where risks are positive and there is one."""
    return f", |grad|^2/(2 risk) = {value:.3g}" if np.isfinite(value) else ""


def _table(lines: dict[str, str]) -> str:
    return "\n".join(f"{key:<{LABEL}}{wrap(value, LABEL)}" for key, value in lines.items())
