"""A run that is cut, resumed, refined and carried on
==================================================

A run that is cut, resumed, refined to another grid and carried on: what each file holds, in one picture.

The first descent ends after half its iterations, as a time limit or a signal would end it; resumed, it is the
uninterrupted one to the last bit. Then it is read at twice the resolution and goes on from there.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import torusflow as tfl
from torusflow import plotting
from torusflow.descent.refinement import refined


def main(arguments=None):
    """Run in pieces, draw, and return the largest difference of the histories and the last risk on either grid."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=32, help="grid points per axis")
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("-o", "--output", default="out/interrupted_run.png")
    options = parser.parse_args(arguments)

    torus = tfl.Torus((options.points, options.points))
    initial, target = tfl.densities.uniform(torus), tfl.densities.von_mises(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), initial, layers=4, substeps=4)
    risk, method, start = tfl.Risk(model, tfl.losses.SquaredL2(target)), tfl.LBFGS(), model.space.zeros()

    whole = tfl.descend(risk, start, method, options.iterations)
    with tempfile.TemporaryDirectory() as folder:
        path, fine_path = Path(folder) / "run.h5", Path(folder) / "fine.h5"
        half = tfl.descend(risk, start, method, options.iterations // 2, store=path)
        run = tfl.load(path)  # another process would begin here
        resumed = tfl.descend(run.risk, run.control, run.method, options.iterations, store=path, resume=True)
        fine, control, _ = refined(tfl.load(path), shape=(2 * options.points, 2 * options.points), substeps=8)
        further = tfl.descend(fine, control, method, options.iterations // 2, store=fine_path)
    gap = float(np.max(np.abs(resumed.history["risk"] - whole.history["risk"])))
    print(f"resumed after {half.iterations} iterations: largest difference of the risks {gap:g}")
    print(f"risk {resumed.value:.3e} on {torus.shape}, {further.value:.3e} on {fine.model.torus.shape}")

    figure = plotting.canvas(None, 7, 4.2)
    axes = figure.subplots()
    axes.semilogy(whole.history["risk"], color="0.8", linewidth=7, label="not interrupted")
    axes.semilogy(half.history["risk"], label="until it was cut", **plotting.line_style(0))
    later = np.arange(half.iterations, resumed.iterations + 1)
    axes.semilogy(later, resumed.history["risk"][half.iterations :], label="resumed", **plotting.line_style(1))
    steps = resumed.iterations + np.arange(further.iterations + 1)
    axes.semilogy(steps, further.history["risk"], label="refined to twice the grid", **plotting.line_style(2))
    axes.set(xlabel="iteration", ylabel="risk", title="One descent in three files")
    axes.grid(alpha=0.3)
    axes.legend()
    plotting.save(figure, options.output, overwrite=True)
    return gap, resumed.value, further.value


if __name__ == "__main__":
    main()
