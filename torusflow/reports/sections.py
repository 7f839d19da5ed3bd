"""What a report says and shows of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model import HasDensity, OnPoints
from ..storage import Run
from ..storage.classes import Unknown
from . import page
from .fields import densities, has_density
from .flows import flows
from .histories import history, history_notes, history_panels
from .packing import packed, some
from .panels import Part
from .points import outputs
from .settings import environment, settings
from .summary import summary
from .training import Iterate, iterates
from .verdicts import verdicts
from .words import problem_in_words, run_in_words

# Iterates and ends of layers shown, at most; the densities of a likelihood of samples take longer.
ITERATES, ITERATES_OF_SAMPLES, LAYERS = 12, 5, 13


@dataclass(frozen=True, eq=False)
class Subject:
    """A run to report.

    Attributes
    ----------
    path : str or path
    name : str
        By which it is told from others in the page.
    run : Run
    """

    path: Any
    name: str
    run: Run


def section(key: str, subject: Subject, numbers: int, seconds: float) -> tuple[str, dict]:
    """The words of a run as HTML, and the numbers of its panels.

    Parameters
    ----------
    key : str
        The name of the section in the page.
    subject : Subject
    numbers : int
        That the densities may have.
    seconds : float
        That repeating the descent, and checking it, may take.
    """
    run, known = subject.run, not isinstance(subject.run.risk, Unknown)
    found, source = _iterates(subject, seconds) if known else ([], "")
    layers = _layers(run) if known else None
    parts = _parts(run, found, layers, numbers) if known else []
    asked = problem_in_words(run.risk, run.coordinates) | {"method": str(run.method)} if known else run_in_words(run)
    notes = [note for part in parts for note in part.notes] + history_notes(run)
    moved = {name for part in parts for panel in part.panels for name in _sliders_of(panel)}
    words = {
        "summary": page.paragraphs(summary(subject.path, run, found)),
        "asked": page.rows(asked),
        "checks": page.judged(verdicts(run, seconds)) if known else "",
        "notes": page.paragraphs([*notes, *[source] * bool(source)], "note"),
        "settings": page.rows(settings(run)),
        "environment": page.rows({"file": str(subject.path), **environment(run)}),
    }
    of_panels = {
        "id": key,
        "panels": [panel for part in parts for panel in part.panels] + history_panels(run),
        "fields": {name: packed(field) for part in parts for name, field in part.fields.items()},
        "colours": next((part.colours for part in parts if part.colours), None),
        "sliders": {name: slider for name, slider in _sliders(run, found, layers).items() if name in moved},
        "history": history(run),
    }
    return page.run_section(key, subject.name, words), of_panels


def _iterates(subject: Subject, seconds: float) -> tuple[list[Iterate], str]:
    model = subject.run.risk.model
    of_samples = isinstance(model, HasDensity) and isinstance(model, OnPoints)
    return iterates(subject.path, subject.run, ITERATES_OF_SAMPLES if of_samples else ITERATES, seconds)


def _layers(run: Run) -> np.ndarray | None:
    """Some of the ends of layers, 0 the start among them."""
    layers = getattr(run.risk.model, "layers", None)
    return some(layers + 1, LAYERS) if isinstance(layers, int) else None


def _parts(run: Run, found: list[Iterate], layers, numbers: int) -> list[Part]:
    model = run.risk.model
    flow = [] if layers is None else [flows(run, layers)]
    if has_density(model):
        return [densities(run, found, layers, numbers), *flow]
    parts = [outputs(run, found, layers), *flow]
    if not any(part.panels for part in parts):
        parts.append(Part([], {}, None, ["There is nothing to draw of this run but its history."]))
    return parts


def _sliders_of(panel: dict) -> list[str]:
    return list(panel["moves"]) if panel["kind"] == "plain" else [panel.get("field", "")]


def _sliders(run: Run, found: list[Iterate], layers) -> dict[str, dict]:
    sliders: dict[str, dict] = {}
    if layers is not None:
        last = layers[-1]
        sliders["layer"] = {
            "label": "along the flow",
            "names": [f"s = {i / last:.3g}, " + (f"after layer {i} of {last}" if i else "the start") for i in layers],
        }
    if found:
        done = len(run.history["risk"]) - 1
        steps = [iterate.iteration for iterate in found]
        names = [f"iteration {step} of {done}" for step in steps]
        sliders["iteration"] = {"label": "over the training", "names": names, "iterations": steps}
    return sliders
