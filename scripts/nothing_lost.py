"""Three ways to end a descent on the way
======================================

Three ways to end a descent on the way: each gives back and stores what was reached, and goes on to the same bits.

A callback that raises an error, Ctrl-C, and a folder that vanishes while the descent runs.
"""

import argparse
import shutil
import signal
import tempfile
import warnings
from pathlib import Path

import numpy as np

import torusflow as tfl
from torusflow import plotting


def main(arguments=None):
    """End one descent in three ways, go on with each, draw, and return the largest difference of the histories."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=32, help="grid points per axis")
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("-o", "--output", default="out/nothing_lost.png")
    options = parser.parse_args(arguments)

    torus = tfl.Torus((options.points, options.points))
    initial, target = tfl.densities.uniform(torus), tfl.densities.von_mises(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), initial, layers=4, substeps=4)
    risk, method, start = tfl.Risk(model, tfl.losses.SquaredL2(target)), tfl.LBFGS(), model.space.zeros()
    whole = tfl.descend(risk, start, method, options.iterations)

    def fail(folder):
        raise ValueError("of the callback")

    ways = {
        "an error of the callback": fail,
        "Ctrl-C": lambda folder: signal.raise_signal(signal.SIGINT),
        "the folder vanishes": shutil.rmtree,
    }
    figure = plotting.canvas(None, 7, 4.2)
    axes, gap = figure.subplots(), 0.0
    axes.semilogy(whole.history["risk"], color="0.8", linewidth=7, label="not ended on the way")
    for number, (name, act) in enumerate(ways.items()):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "runs"
            folder.mkdir()
            moment = (number + 1) * options.iterations // 4

            def callback(iteration, row, act=act, folder=folder, moment=moment):
                if iteration == moment:
                    act(folder)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the status says the same
                ended = tfl.descend(risk, start, method, options.iterations, store=folder / "run.h5", callback=callback)
            print(f"{name}: {ended.status.split(';')[0]}; error {ended.error!r}")
            run = tfl.load(ended.path)  # wherever it could be written
            resumed = tfl.descend(run.risk, run.control, run.method, options.iterations, store=ended.path, resume=True)
            if not ended.path.is_relative_to(parent):
                shutil.rmtree(ended.path.parent)
        gap = max(gap, float(np.max(np.abs(resumed.history["risk"] - whole.history["risk"]))))
        style, reached = plotting.line_style(number), whole.history["risk"][moment]
        axes.semilogy(moment, reached, "o^s"[number], color=style["color"], markersize=9, label=name)
        axes.semilogy(resumed.history["risk"], **style)
    print(f"largest difference of the risks, after going on: {gap:g}")
    axes.set(xlabel="iteration", ylabel="risk", title="Ended on the way, and gone on")
    axes.grid(alpha=0.3)
    axes.legend()
    plotting.save(figure, options.output, overwrite=True)
    return gap


if __name__ == "__main__":
    main()
