"""Problems of maximum likelihood: [target] with samples, [split], [metric], [model] and, if not uniform, [initial]."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import is_number
from ..errors import InputError
from ..losses import LogLikelihood
from ..models.sample_node import SampleNODE
from ..risk import Risk
from ..torus.coordinates import Coordinates
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from .densities import SHAPES, density, read_samples
from .tables import call

# What fits backbone angles of proteins; docs/likelihood.md says how they were chosen.
METRIC = {"smoothness": 2.5, "length": 0.06}
MODEL = {"layers": 6, "substeps": 2}
BANDS = {1: 12, 2: 12, 3: 6}
RISK = {"penalty": 1e-4}


class Likelihood(NamedTuple):
    """The risks on three parts of the samples, and the user's units."""

    training: Risk
    validation: Risk | None
    test: Risk | None
    coordinates: Coordinates


def likelihood(table: dict, folder: Path) -> Likelihood:
    """The risks of `SampleNODE`s that share all but their samples.

    Parameters
    ----------
    table : dict
        All tables of the problem, empty where not given; keys are taken out.
    folder : path
        What file names are relative to.
    """
    target = table["target"]
    if target.pop("kind", "samples") != "samples":
        raise InputError(
            '[target] a likelihood is one of samples: give a CSV file (in a problem file kind = "samples" and file), '
            "or another loss."
        )
    points, coordinates = call(read_samples, "target", target, folder=folder)
    d = points.shape[1]
    if table["torus"].get("device", "cpu") != "cpu":
        raise InputError("[torus] a likelihood is computed on processors, so it takes no device (no --device).")
    metric = call(SobolevMetric, "metric", METRIC | table["metric"])
    threads, initial = table["torus"].get("threads"), None
    if table["initial"]:
        torus = call(Torus, "torus", {"shape": SHAPES[d]} | table["torus"])
        initial, _ = density("initial", table["initial"], torus, folder)
    elif "shape" in table["torus"]:
        raise InputError(
            "[torus] a likelihood has no grid, so it takes no shape (no --grid), unless there is an [initial] density."
        )
    parts = call(split, "split", table["split"], n=len(points))
    models = [
        call(SampleNODE, "model", {"band": BANDS[d]} | MODEL | table["model"], **given)
        for given in (
            {"points": points[rows], "metric": metric, "initial": initial, "threads": threads}
            for rows in parts
            if len(rows)
        )
    ]
    table["loss"].pop("kind", None)
    loss = call(LogLikelihood, "loss", table["loss"])
    training = call(Risk, "risk", RISK | table["risk"], model=models.pop(0), loss=loss)
    validation, test = (Risk(models.pop(0), loss) if len(rows) else None for rows in parts[1:])
    return Likelihood(training, validation, test, coordinates)


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
