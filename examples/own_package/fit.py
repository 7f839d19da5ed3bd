"""Fits a density with a loss and a method of your own, stores the run, reads it back and goes on to the last bit.

python fit.py --iterations 60 -o run.h5
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torusflow as tfl

import ownflow


def main(arguments=None) -> tuple[float, float]:
    """How far the resumed run is from one without a break, and what share of the points' loss is left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("-o", "--output", type=Path, help="where to keep the run; nowhere if not given")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        gap = density(options.iterations, options.output or Path(folder) / "run.h5")
    return gap, points(options.iterations)


def density(iterations: int, path: Path) -> float:
    """A bump on the torus by the flow of a field, with the Renyi divergence; stopped half way, and resumed."""
    torus = tfl.Torus((24, 24))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=4, band=7)
    risk = tfl.Risk(model, ownflow.Renyi(tfl.densities.von_mises(torus, 0.3, 1.0)))
    method, start = ownflow.AdaGradNorm(step=0.05), model.space.zeros()
    tfl.descend(risk, start, method, iterations // 2, store=path)
    run = tfl.load(path, classes=[ownflow])
    resumed = tfl.descend(run.risk, start, run.method, iterations, store=path, resume=True)
    whole = tfl.descend(risk, start, method, iterations)
    gap = float(np.max(np.abs(resumed.control - whole.control)))
    print(f"{resumed.status}; resumed and whole run differ by {gap}")
    return gap


def points(iterations: int) -> float:
    """A sine by a network of two layers."""
    x = np.linspace(-2, 2, 21)[:, None]
    model = ownflow.TwoLayers(x, width=50)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.sin(2 * x)))
    start = 3 * np.random.default_rng(0).standard_normal(model.space.shape)
    result = tfl.descend(risk, start, tfl.LBFGS(), iterations)
    print(f"two layers: {result.status}")
    return result.value / result.history["risk"][0]


if __name__ == "__main__":
    main()
