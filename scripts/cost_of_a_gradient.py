"""What will my problem cost?
==========================

What will my problem cost? Time and memory of a gradient against the grid, the threads, and how stages are stored.

Drawn are the time of a gradient with one thread and with all of them, beside n^d log n through the last point, and the
memory that its stages take when they are kept and when they are recomputed from checkpoints. The gradients are
compared: threads and storage change no bit of them.
"""

import argparse
import time

import numpy as np

import torusflow as tfl
from torusflow import plotting


def gradient_of(torus, options, stages):
    """The model, and the time and value of one gradient: the shortest of several, as others may use the machine."""
    initial, target = tfl.densities.uniform(torus), tfl.densities.von_mises(torus, 0.3, 1.0)
    sizes = {"layers": options.layers, "substeps": options.substeps, "stages": stages}
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), initial, **sizes)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(target))
    v = model.space.from_function(lambda s, *x: tuple(0.01 * np.sin(2 * np.pi * component) for component in x))
    seconds = []
    for _ in range(1 + options.repeats):  # the first one compiles, or reads what was compiled
        begun = time.perf_counter()
        _, gradient = risk.value_and_gradient(v)
        seconds.append(time.perf_counter() - begun)
    return model, min(seconds[1:]), gradient


def main(arguments=None):
    """Measure, draw, and return for each grid the times and bytes, and whether all gradients were the same."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--dimension", type=int, default=2, choices=(1, 2, 3))
    parser.add_argument("--points", type=int, nargs="+", default=[64, 96, 128, 192, 256, 384, 512], help="per axis")
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--substeps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=tfl.Torus(4).threads)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("-o", "--output", default="out/cost_of_a_gradient.png")
    options = parser.parse_args(arguments)

    ways = {
        "one thread": (1, "kept"),
        f"{options.threads} threads": (options.threads, "kept"),
        f"{options.threads} threads, recomputed": (options.threads, "recomputed"),
    }
    rows = {}
    print(f"{'grid':>14}" + "".join(f"{name:>24}" for name in ways))
    for n in options.points:
        shape = (n,) * options.dimension
        found = {name: gradient_of(tfl.Torus(shape, threads), options, how) for name, (threads, how) in ways.items()}
        gradients = [gradient for _, _, gradient in found.values()]
        same = all(np.array_equal(gradient, gradients[0]) for gradient in gradients)
        rows[n] = {name: (seconds, model.gradient_memory) for name, (model, seconds, _) in found.items()}, same
        cells = [f"{1e3 * seconds:10.1f} ms{memory / 2**20:7.1f} MiB" for seconds, memory in rows[n][0].values()]
        print(f"{'x'.join(map(str, shape)):>14}" + "".join(f"{cell:>24}" for cell in cells), "" if same else "differ")

    figure = plotting.canvas(None, 9, 4)
    left, right = figure.subplots(1, 2)
    points = np.array(options.points, float) ** options.dimension
    for number, name in enumerate(ways):
        seconds = [rows[n][0][name][0] for n in options.points]
        left.loglog(points, seconds, marker="o", label=name, **plotting.line_style(number))
    expected = points * np.log(points)
    last = rows[options.points[-1]][0][f"{options.threads} threads"][0]
    left.loglog(points, last * expected / expected[-1], "k:", label="like N log N")
    for number, name in ((1, "kept"), (2, "recomputed")):
        memory = [list(rows[n][0].values())[number][1] / 2**20 for n in options.points]
        right.loglog(points, memory, marker="o", label=name, **plotting.line_style(number))
    steps = options.layers * options.substeps
    left.set(xlabel="grid points N", ylabel="seconds", title=f"a gradient of {steps} steps")
    right.set(xlabel="grid points N", ylabel="MiB", title="its stages")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    plotting.save(figure, options.output, overwrite=True)
    return rows


if __name__ == "__main__":
    main()
