"""A Ramachandran plot with regions and a score
============================================

A Ramachandran plot of the angles we ship: data, density, regions of 50 and 98 per cent, and a score on unseen rows.

Every tenth row of data/adk_torsions.csv is held out for the score. The density
(`TorusDensity`) chooses its settings by a validation on rows of its own, and so does the kernel estimate beside it.
"""

import argparse

import numpy as np
import pandas as pd

import torusflow as tfl
from torusflow.estimators.kernel_estimate import KernelEstimate

DATA = tfl.example_file("adk_torsions.csv")


def main(arguments=None):
    """Fit and draw; return the mean log-density of unseen rows above uniform, of the fit and of the kernel estimate."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="of the table, from its start")
    parser.add_argument("-o", "--output", default="out/ramachandran.png")
    options = parser.parse_args(arguments)

    angles = pd.read_csv(DATA)[: options.rows]  # columns phi and psi
    unseen, seen = angles[::10], angles.drop(angles.index[::10])
    density = tfl.TorusDensity("degrees").fit(seen)
    print(density)
    points = np.random.default_rng(0).permutation(seen.to_numpy() / 360 % 1.0)
    tenth = len(points) // 10
    kernel = KernelEstimate.fitted(points[tenth:], points[:tenth])
    scores = density.score_samples(unseen) + 2 * np.log(360), kernel.log_density(unseen.to_numpy() / 360 % 1.0)
    difference = scores[0] - scores[1]
    for name, values in (("torus density", scores[0]), ("kernel estimate", scores[1]), ("difference", difference)):
        print(f"{name:<16}{values.mean():8.4f} +- {values.std() / len(values) ** 0.5:.4f} nats a row above uniform")
    half, most = density.contour_levels([0.5, 0.98])
    print(f"half of the mass lies above {half:.3g} per square degree, 98 % above {most:.3g}; mode {density.mode()}")
    tfl.plotting.save(density.plot(), options.output, overwrite=True)
    return scores[0].mean(), scores[1].mean()


if __name__ == "__main__":
    main()
