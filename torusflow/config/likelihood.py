"""Problems of maximum likelihood: [target] with samples, [split], [metric], [model] and, if not uniform, [initial]."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..arguments import is_number
from ..errors import InputError
from ..losses import LogLikelihood, NormalisedLikelihood
from ..models.log_density_node import LogDensityNODE
from ..models.sample_node import SampleNODE
from ..risk import Risk
from ..torus.coordinates import Coordinates
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from .densities import SHAPES, density, read_samples
from .tables import call

# Which models are fitted by maximum likelihood, and the loss that each of them needs.
LIKELIHOODS = {"SampleNODE": "LogLikelihood", "LogDensityNODE": "NormalisedLikelihood"}
# What fits backbone angles of proteins; docs/likelihood.md says how they were chosen.
METRIC = {"smoothness": 2.5, "length": 0.06}
MODEL = {"layers": 6, "substeps": 2}
BANDS = {1: 12, 2: 12, 3: 6}
RISK = {"penalty": 1e-4}
# The same for log-densities, by the dimension; they have a grid, and time steps for speeds up to one.
SMOOTHNESS, PENALTIES = {1: 2.5, 2: 2.5, 3: 3.0}, {1: 1e-4, 2: 1e-4, 3: 1e-3}
LENGTH, CARRIED = 0.1, {"layers": 8, "substeps": None}


class Likelihood(NamedTuple):
    """The risks on three parts of the samples, and the user's units."""

    training: Risk
    validation: Risk | None
    test: Risk | None
    coordinates: Coordinates


def likelihood(table: dict, folder: Path, model=SampleNODE, comm: Any = None) -> Likelihood:
    """The risks of a model on three parts of the samples.

    Parameters
    ----------
    table : dict
        All tables of the problem, empty where not given; keys are taken out.
    folder : path
        What file names are relative to.
    model : {SampleNODE, LogDensityNODE}
    comm : communicator of mpi4py, optional
        Of the torus of a `LogDensityNODE`.
    """
    target = table["target"]
    if target.pop("kind", "samples") != "samples":
        raise InputError(
            '[target] a likelihood needs samples: give a CSV file (in a problem file kind = "samples" and file), '
            "or another loss."
        )
    points, coordinates = call(read_samples, "target", target, folder=folder)
    parts = [points[rows] for rows in call(split, "split", table["split"], n=len(points))]
    table["loss"].pop("kind", None)
    on_a_grid = model is LogDensityNODE
    risks = _on_a_grid(table, folder, parts, comm) if on_a_grid else _at_samples(table, folder, parts)
    return Likelihood(*risks, coordinates)


def fewer(risk: Risk, count: int) -> Risk:
    """The same on some of the samples, which are in random order, where time goes with their number."""
    if not isinstance(risk.model, SampleNODE):
        return risk
    return replace(risk, model=replace(risk.model, points=risk.model.points[:count]))


def _on_a_grid(table: dict, folder: Path, parts, comm) -> tuple[Risk, Risk | None, Risk | None]:
    """Of one `LogDensityNODE`, with losses that differ by their samples."""
    d = parts[0].shape[1]
    metric = call(SobolevMetric, "metric", {"smoothness": SMOOTHNESS[d], "length": LENGTH} | table["metric"])
    torus = call(Torus, "torus", {"shape": SHAPES[d]} | table["torus"], comm=comm)
    if torus.dimension != d:
        raise InputError(f"[torus] the samples have {d} columns, the torus has {torus.dimension} dimensions.")
    initial = density("initial", table["initial"], torus, folder)[0] if table["initial"] else None
    given = {"torus": torus, "metric": metric, "initial": initial}
    band = tuple(min(BANDS[d], (n - 1) // 3) for n in torus.shape)
    model = call(LogDensityNODE, "model", {"band": band} | CARRIED | table["model"], **given)
    losses = [
        call(NormalisedLikelihood, "loss", table["loss"], samples=points, torus=torus, weights=None, given=model.given)
        if len(points)
        else None
        for points in parts
    ]
    training = call(Risk, "risk", {"penalty": PENALTIES[d]} | table["risk"], model=model, loss=losses.pop(0))
    validation, test = (loss and Risk(model, loss) for loss in losses)
    return training, validation, test


def _at_samples(table: dict, folder: Path, parts) -> tuple[Risk, Risk | None, Risk | None]:
    """Of `SampleNODE`s that share all but their samples."""
    d = parts[0].shape[1]
    if table["torus"].get("device", "cpu") != "cpu":
        raise InputError("[torus] a SampleNODE is computed on processors, so it takes no device (no --device).")
    metric = call(SobolevMetric, "metric", METRIC | table["metric"])
    threads, initial = table["torus"].get("threads"), None
    if table["initial"]:
        torus = call(Torus, "torus", {"shape": SHAPES[d]} | table["torus"], comm=None)
        initial, _ = density("initial", table["initial"], torus, folder)
    elif "shape" in table["torus"]:
        raise InputError(
            "[torus] a likelihood has no grid, so it takes no shape (no --grid), unless there is an [initial] density."
        )
    models = [
        call(SampleNODE, "model", {"band": BANDS[d]} | MODEL | table["model"], **given)
        for given in (
            {"points": points, "metric": metric, "initial": initial, "threads": threads}
            for points in parts
            if len(points)
        )
    ]
    loss = call(LogLikelihood, "loss", table["loss"])
    training = call(Risk, "risk", RISK | table["risk"], model=models.pop(0), loss=loss)
    validation, test = (Risk(models.pop(0), loss) if len(points) else None for points in parts[1:])
    return training, validation, test


def split(n, validation=0.1, test=0.0, seed=0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows for training, validation and test: of a random order the last for the test, those before for validation."""
    for name, share in (("validation", validation), ("test", test)):
        if not is_number(share) or not 0 <= share < 1:
            raise InputError(f"{name} must be a share of the samples, 0 <= {name} < 1, got {share!r}.")
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to 2^32 - 1, got {seed!r}.")
    n_validation, n_test = int(n * validation), int(n * test)
    if n_validation + n_test >= n:
        raise InputError(f"validation={validation:g} and test={test:g} leave none of {n} samples for training.")
    # The legacy generator: its stream is frozen, so the parts are the same with every NumPy.
    order = np.random.RandomState(seed).permutation(n)
    training, seen, unseen = np.split(order, [n - n_validation - n_test, n - n_test])
    return training, seen, unseen
