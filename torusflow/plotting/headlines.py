"""What a run has reached, in the words and numbers that a reader of its picture looks for first."""

from __future__ import annotations

import numpy as np

from ..model import HasDensity, OnPoints
from ..torus.control import VelocitySpace
from ..torus.density import Density, LogDensitySpace


def headline(run) -> str:
    """The score on rows held out, the relative error, or else what the risk has become, after how many iterations."""
    iterations = len(run.history["risk"]) - 1
    return f"{_reached(run)} after {iterations:,} iteration{'s' * (iterations != 1)}".replace("-", "−")


def _reached(run) -> str:
    model, loss, space = run.risk.model, run.risk.loss, run.risk.model.output_space
    if isinstance(space, LogDensitySpace) or (isinstance(model, HasDensity) and isinstance(model, OnPoints)):
        score = f"{-loss(run.output):.3f} nats a row above uniform on rows trained on"
        held_out = run.history.get("validation")
        return score if held_out is None else f"{score}, {-np.nanmin(held_out):.3f} on rows held out,"
    error = _relative_error(model, loss, run.output)
    if error is not None:
        return f"relative error {100 * error:.3g} %"
    return f"risk {run.history['risk'][0]:.3g} → {run.history['risk'][-1]:.3g}"


def _relative_error(model, loss, output) -> float | None:
    """|output - target| / |target| in the norm of the outputs; None for points of the torus, which have no zero."""
    target, targets = getattr(loss, "target", None), getattr(loss, "targets", None)
    if isinstance(target, Density) and target.values.shape == output.shape:
        return model.torus.norm(output - target.values) / model.torus.norm(target.values)
    if targets is None or np.shape(targets) != np.shape(output) or isinstance(model.space, VelocitySpace):
        return None
    return float(np.linalg.norm(output - targets) / np.linalg.norm(targets)) if np.any(targets) else None
