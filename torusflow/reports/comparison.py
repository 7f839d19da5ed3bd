"""Several runs beside one another."""

from __future__ import annotations

import numpy as np

from ..storage.classes import Unknown
from .histories import history
from .panels import safe
from .summary import relative_error

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888")


def table(subjects) -> list[list[str]]:
    """A row of names, and one of numbers for each run."""
    head = ["run", "model", "loss", "method", "iterations", "seconds", "first risk", "last risk", "gradient", "error"]
    return [head, *map(_row, subjects)]


def panels(subjects) -> list[dict]:
    """Risks over iterations and over seconds."""
    found = []
    for name, title in (("iteration", "risk over iterations"), ("seconds", "risk over seconds")):
        traces, values = [], []
        for i, subject in enumerate(subjects):
            shown = history(subject.run)
            x = shown["iterations"] if name == "iteration" else shown["columns"]["seconds"]
            risks = shown["columns"]["risk"]
            values += [risk for risk in risks if risk is not None]
            line = {"color": COLOURS[i % len(COLOURS)], "dash": ("solid", "dash", "dot")[i // len(COLOURS) % 3]}
            traces.append({"type": "scatter", "x": x, "y": risks, "name": safe(subject.name), "line": line})
        logarithmic = min(values) > 0 and max(values) > 10 * min(values)
        layout = {
            "xaxis": {"title": {"text": name}},
            "yaxis": {"type": "log" if logarithmic else "linear", "exponentformat": "power"},
            "legend": {"orientation": "h", "y": 1.15},
            "showlegend": True,
        }
        found.append({"id": f"compared-{name}", "title": title, "data": traces, "layout": layout})
    return found


def notes(subjects) -> list[str]:
    """What makes the runs hard to compare."""
    kinds = {_kinds(subject.run) for subject in subjects}
    if len({model for model, _ in kinds}) > 1:
        models = ", ".join(sorted({model for model, _ in kinds}))
        return [f"These runs are of different kinds, {models}: their risks do not measure the same."]
    if len(kinds) > 1:
        losses = ", ".join(sorted({loss for _, loss in kinds}))
        return [f"The losses differ, {losses}, so the risks cannot be compared; relative errors can."]
    return []


def _kinds(run) -> tuple[str, str]:
    if isinstance(run.risk, Unknown):
        return "unknown", "unknown"
    return type(run.risk.model).__name__, type(run.risk.loss).__name__


def _row(subject) -> list[str]:
    run = subject.run
    first, last = ({name: float(values[i]) for name, values in run.history.items()} for i in (0, -1))
    error = None if isinstance(run.risk, Unknown) else relative_error(run, run.output)
    numbers = [len(run.history["risk"]) - 1, last["seconds"], first["risk"], last["risk"], last["gradient_norm"]]
    method = "unknown" if isinstance(run.method, Unknown) else type(run.method).__name__
    return [
        subject.name,
        *_kinds(run),
        method,
        *(f"{number:.4g}" for number in numbers),
        "" if error is None else f"{100 * error:.3g} %" if np.isfinite(error) else "",
    ]
