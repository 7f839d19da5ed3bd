"""How long does the gradient of `TorusNODE` take? T^2, band 16, 10 layers of one step; medians of repetitions."""

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


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"{options.threads} threads, medians of {options.repeats}")
    print("     N     forward   value and gradient   ratio   gradient per point")
    for n in (1_000, 10_000, 100_000):
        model = tfl.TorusNODE(rng.random((n, 2)), tfl.SobolevMetric(), band=16, substeps=1, threads=options.threads)
        risk = tfl.Risk(model, tfl.losses.SquaredDistance(rng.random((n, 2))))
        v = model.space.random(rng)
        v *= 0.3 / np.max(np.abs(model.space.to_grid(v)))
        risk.value_and_gradient(v)
        forward = seconds(lambda: model(v), options.repeats)  # noqa: B023 - called at once
        both = seconds(lambda: risk.value_and_gradient(v), options.repeats)  # noqa: B023
        print(f"{n:6d}{forward:10.3f} s{both:17.3f} s{both / forward:8.2f}{1e6 * both / n:15.1f} us")


if __name__ == "__main__":
    main()
