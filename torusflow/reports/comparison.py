"""Several runs beside one another."""

from __future__ import annotations

import numpy as np

from ..storage.classes import Unknown
from . import page
from .histories import history
from .panels import line_of, plain, safe
from .side_by_side import densities
from .summary import relative_error


def section(subjects, numbers: int) -> tuple[str, dict]:
    """The words of a comparison as HTML, and the numbers of its panels.

    Parameters
    ----------
    subjects : list of Subject
    numbers : int
        That the densities may have.
    """
    beside = densities(subjects, numbers)
    words = {
        "doubts": page.paragraphs(notes(subjects)),
        "table": page.grid(table(subjects)),
        "notes": page.paragraphs(beside.notes, "note"),
    }
    panels = [*risks(subjects), *beside.panels]
    of_panels = {"id": "compared", "panels": panels, "fields": {}, "colours": beside.colours, "sliders": {}}
    return page.comparison_section("compared", words), of_panels


def table(subjects) -> list[list[str]]:
    """A row of names, and one of numbers for each run."""
    head = ["run", "model", "loss", "method", "iterations", "seconds", "first risk", "last risk", "gradient", "error"]
    return [head, *map(_row, subjects)]


def risks(subjects) -> list[dict]:
    """Risks over iterations and over seconds."""
    found = []
    for name, title in (("iteration", "risk over iterations"), ("seconds", "risk over seconds")):
        traces, values = [], []
        for i, subject in enumerate(subjects):
            shown = history(subject.run)
            x = shown["iterations"] if name == "iteration" else shown["columns"]["seconds"]
            risks = shown["columns"]["risk"]
            values += [risk for risk in risks if risk is not None]
            traces.append({"type": "scatter", "x": x, "y": risks, "name": safe(subject.name), "line": line_of(i)})
        layout = {
            "xaxis": {"title": {"text": name}},
            "yaxis": _scale(min(values), max(values)),
            "legend": {"orientation": "h", "y": 1.15},
            "showlegend": True,
        }
        found.append(plain(title, traces, layout))
    return found


def _scale(low: float, high: float) -> dict:
    """An axis of risks, logarithmic where they differ by more than ten times."""
    if low <= 0 or high <= 10 * low:
        return {"type": "linear"}
    return {"type": "log", "exponentformat": "power", "dtick": 1 if high > 100 * low else "D2"}


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
