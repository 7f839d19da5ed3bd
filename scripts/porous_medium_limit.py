"""What descent becomes: the porous medium equation
================================================

What descent becomes as the kernel's length goes to zero: the porous medium equation.

From 1 + cos(2 pi x)/2 towards the uniform density, four ways on one axis of training time: descent on the control v,
greedy descent, the tangent flow, and the porous medium equation. Greedy descent follows the tangent flow to the order
of its step, and the tangent flow the porous medium equation to the order of the length squared; descent on v follows
them until v is no longer small. The numbers go into an HDF5 table beside the figure.
"""

import argparse
import warnings
from pathlib import Path

import h5py
import numpy as np

import torusflow as tfl
from torusflow import plotting

WAYS = {"descent on v": "-", "greedy descent": "--", "tangent flow": ":"}


def follow(torus, start, loss, metric, times):
    """Risks at the times and the final density, for each of the three ways."""
    steps, found = len(times) - 1, {}
    methods = {"descent on v": (8, tfl.GradientDescent), "greedy descent": (steps, tfl.GreedyDescent)}
    for name, (layers, kind) in methods.items():
        model = tfl.MeasureNODE(torus, metric, start, layers=layers, substeps=max(1, 32 // layers))
        method = kind(times[1])
        result = tfl.descend(tfl.Risk(model, loss), model.space.zeros(), method, iterations=steps)
        if len(result.history["risk"]) < steps + 1:
            raise SystemExit(f"{name}: {result.status}. Take more --steps.")
        found[name] = result.history["risk"], result.output
    flow = tfl.TangentFlow(torus, metric, loss).solve(start, times)
    found["tangent flow"] = flow.loss, flow.density[-1]
    return found


def main(arguments=None):
    """Follow, draw, store, and return the distances to the porous medium equation, lengths by ways."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--lengths", type=float, nargs="+", default=[0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.0])
    parser.add_argument("--smoothness", type=float, default=3.0)
    parser.add_argument("--points", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--final-time", type=float, default=0.02)
    parser.add_argument("-o", "--output", default="out/porous_medium_limit.png")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", "smoothness")  # rough kernels are the subject here

    torus = tfl.Torus((options.points,))
    start = tfl.densities.from_function(torus, lambda x: 1 + 0.5 * np.cos(2 * np.pi * x), normalise=True)
    loss = tfl.losses.SquaredL2(tfl.densities.uniform(torus))
    times = np.linspace(0, options.final_time, options.steps + 1)
    porous = tfl.porous_medium.Spectral(torus).solve(start, times)
    porous_risk, limit = [loss(rho) for rho in porous.density], porous.density[-1]

    metrics = {length: tfl.SobolevMetric(options.smoothness, length) for length in options.lengths}
    runs = {length: follow(torus, start, loss, metric, times) for length, metric in metrics.items()}
    distances = np.array([[torus.norm(runs[length][way][1] - limit) for way in WAYS] for length in runs])
    print(f"distance to the porous medium equation at training time {options.final_time:g}")
    print(f"{'length':>10} " + " ".join(f"{way:>15}" for way in WAYS))
    for length, row in zip(runs, distances, strict=True):
        print(f"{length:10g} " + " ".join(f"{value:15.3e}" for value in row))

    figure = plotting.canvas(None, 12, 4)
    risk, distance, density = figure.subplots(1, 3)
    few = [length for i, length in enumerate(options.lengths) if i in (0, 2, len(runs) - 1)]
    shown = {length: plotting.line_style(number)["color"] for number, length in enumerate(few)}
    for length, colour in shown.items():
        for way, line in WAYS.items():
            values, last = runs[length][way]
            risk.semilogy(times, values, line, color=colour, label=f"length {length:g}" if line == "-" else None)
            density.plot(torus.points[0], last, line, color=colour)
    risk.semilogy(times, porous_risk, color="k", linewidth=0.8, label="porous medium")
    density.plot(torus.points[0], limit, color="k", linewidth=0.8)
    lengths = np.array([length for length in options.lengths if length > 0])
    for column, (way, line) in enumerate(WAYS.items()):
        distance.loglog(lengths, distances[: len(lengths), column], "os^"[column] + line, color="k", label=way)
    distance.loglog(
        lengths, distances[len(lengths) - 1, 2] * (lengths / lengths[-1]) ** 2, color="0.7", label="slope 2"
    )
    risk.set(xlabel="training time", ylabel="risk", title="Risk")
    distance.set(xlabel="length of the kernel", ylabel="L2 distance", title=f"To the porous medium, time {times[-1]:g}")
    density.set(xlabel="x", ylabel="density", title=f"Densities at time {times[-1]:g}")
    risk.legend(fontsize=9)
    distance.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    with h5py.File(Path(options.output).with_suffix(".table.h5"), "w") as file:
        file.attrs["about"] = " ".join(__doc__.split())
        file["time"], file["porous_medium_risk"], file["length"] = times, porous_risk, options.lengths
        for column, way in enumerate(WAYS):
            file[f"{way}/distance"] = distances[:, column]
            file[f"{way}/risk"] = [runs[length][way][0] for length in runs]
            file[f"{way}/density"] = [runs[length][way][1] for length in runs]
        print(f"picture: {options.output}, table: {file.filename}")
    return distances


if __name__ == "__main__":
    main()
