"""What a gradient costs a particle, from a thousand to a million: models on the torus, of a kernel and of features."""

import argparse
import statistics
import time

import numpy as np

import torusflow as tfl


def seconds(function, repeats):
    """Median wall time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def models(n, rng, threads):
    """Name and model of each kind with n points in the plane, layers of one step, and the points."""
    x = rng.random((n, 2))
    kernel = tfl.KernelField(tfl.GaussianKernel(0.3), np.random.default_rng(1).random((50, 2)))
    yield (
        "TorusNODE, band 16",
        tfl.TorusNODE(x, tfl.SobolevMetric(), band=16, layers=10, substeps=1, threads=threads),
        x,
    )
    yield "RKHSNODE, 50 centres", tfl.RKHSNODE(x, kernel, layers=5), x
    yield "RKHSNODE, 50 features", tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 50, 0.3), layers=5), x


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--points", nargs="+", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"{options.threads} threads for the torus, one for the others; medians of {options.repeats}")
    print(f"{'model':22}{'points':>9}{'forward':>11}{'gradient':>11}{'ratio':>7}{'gradient a point':>18}")
    for n in options.points:
        for name, model, x in models(n, rng, options.threads):
            risk = tfl.Risk(model, tfl.losses.SquaredDistance(x + 0.1))
            v = model.space.random(rng)
            v *= 0.1
            risk.value_and_gradient(v)
            forward = seconds(lambda: model(v), options.repeats)  # noqa: B023 - called at once
            both = seconds(lambda: risk.value_and_gradient(v), options.repeats)  # noqa: B023
            times = f"{forward:9.3f} s{both:9.3f} s{both / forward:7.2f}{1e6 * both / n:15.1f} us"
            print(f"{name:22}{n:9d}{times}", flush=True)


if __name__ == "__main__":
    main()
