"""What came out of a run, in the sentences that a scientist reads first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import to_host
from ..estimators import TorusDensity
from ..estimators.files import notes_of
from ..losses import LogLikelihood, SquaredDistance
from ..losses.normalised_likelihood import NormalisedLikelihood
from ..storage import Run
from ..storage.classes import Unknown
from ..torus.density import Density
from .choices import choice_in_words
from .training import Iterate

RUNNING = "This run was still being written: it is reported as far as it had come."
STRANGER = "Classes of the run were not given, so only its numbers are reported. Name their module: --classes MODULE."


def summary(path, run: Run, iterates: list[Iterate]) -> list[str]:
    """Sentences: what was done, how near it came, and why it ended."""
    history, done = run.history, len(run.history["risk"]) - 1
    said = [RUNNING] if run.status.startswith("running") else []
    if isinstance(run.risk, Unknown):
        said.append(STRANGER)
    else:
        said.append(
            f"A {type(run.risk.model).__name__} was trained for {done} iterations of {_name(run.method)} on "
            f"{type(run.risk.loss).__name__}, in {history['seconds'][-1]:.3g} s."
        )
    said.append(f"The risk went from {history['risk'][0]:.4g} to {history['risk'][-1]:.4g}.")
    said += [nearness] if (nearness := how_near(run, iterates)) else []
    if "validation" in history:
        best = int(np.nanargmin(history["validation"]))
        said.append(f"On data set aside it was lowest at iteration {best}: {history['validation'][best]:.4g}.")
    if notes_of(run):
        said += [f"{label.capitalize()}: {words}." for label, words in choice_in_words(TorusDensity.load(path)).items()]
    return [*said, f"How it ended: {run.status.removesuffix('.')}."]


def how_near(run: Run, iterates: list[Iterate]) -> str:
    """How near the output came to the target, relative to it, or what a row of data is worth; empty where none is."""
    if isinstance(run.risk, Unknown) or not iterates:
        return ""
    if (error := relative_error(run, iterates[-1].output)) is not None:
        before = relative_error(run, iterates[0].output)
        start = f", it was {100 * before:.3g} % at the start" if before is not None and len(iterates) > 1 else ""
        return f"The output is {100 * error:.3g} % of the target's norm away from the target{start}."
    if isinstance(run.risk.loss, NormalisedLikelihood | LogLikelihood):
        mean = -run.risk.loss(iterates[-1].output)
        return f"Rows trained on have {mean:.4g} nats more a row than under the uniform density."
    return ""


def relative_error(run: Run, output) -> float | None:
    """|output - target| / |target| in the output space; None without a target that outputs are subtracted from."""
    loss: Any = run.risk.loss
    space = run.risk.model.output_space
    target = getattr(loss, "target", None)
    target = to_host(target.values) if isinstance(target, Density) else None
    if isinstance(loss, SquaredDistance):
        target = loss.targets
    if target is None or np.shape(target) != np.shape(output):
        return None
    size = space.inner(target, target)
    return float(np.sqrt(space.inner(output - target, output - target) / size)) if size > 0 else None


def _name(method) -> str:
    return "a method that is not known here" if isinstance(method, Unknown) else type(method).__name__
