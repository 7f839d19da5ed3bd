"""The course of a descent: its columns, and the panels that show them."""

from __future__ import annotations

import math

import numpy as np

from ..storage import Run
from .packing import some
from .panels import BLUE, VERMILION

MOST = 600  # iterations shown
STYLES = {"risk": {"color": BLUE}, "validation": {"color": VERMILION, "dash": "dash"}}
RISKS = ("risk", "validation")


def history(run: Run) -> dict:
    """Iterations and columns, thinned where there are many, with null where a column has no number."""
    chosen = some(len(run.history["risk"]), MOST)
    columns = {name: _numbers(np.asarray(values, float)[chosen]) for name, values in run.history.items()}
    return {"iterations": chosen.tolist(), "columns": columns}


def history_panels(run: Run) -> list[dict]:
    """The risks, and a column to choose."""
    filled = [name for name, values in run.history.items() if name not in RISKS and np.any(np.isfinite(values))]
    choice = sorted(filled, key=lambda name: name != "gradient_norm")
    panel = {"kind": "history", "note": "", "styles": STYLES}
    return [
        {**panel, "title": "risk", "columns": list(RISKS), "choice": []},
        {**panel, "title": "any column of the history", "columns": [], "choice": choice},
    ]


def history_notes(run: Run) -> list[str]:
    """What is left out."""
    count = len(run.history["risk"])
    return [f"Of {count:,} iterates {MOST} are drawn."] if count > MOST else []


def _numbers(values) -> list[float | None]:
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values.tolist()]
