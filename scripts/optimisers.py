"""What do optimisers save, and coarser grids?
===========================================

From the uniform density to one of contrast a hundred to one: what do optimisers save, and coarser grids?

Every method starts at the zero control and gets the same number of iterations; drawn is the relative L2 error of the
density against iterations and seconds. "coarse to fine" is L-BFGS from where L-BFGS on two coarser levels has ended.
"""

import argparse
import time

import numpy as np

import torusflow as tfl
from torusflow import plotting

METHODS = {
    "gradient descent": tfl.GradientDescent(0.1, "armijo"),
    "Nesterov": tfl.Nesterov(0.1, line_search="armijo"),
    "Barzilai-Borwein": tfl.BarzilaiBorwein(),
    "L-BFGS": tfl.LBFGS(),
    "coarse to fine": tfl.LBFGS(),
}


def main(arguments=None):
    """Descend with every method, draw, and return the last error of each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=96, help="grid points per axis")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("-o", "--output", default="out/optimisers.png")
    options = parser.parse_args(arguments)

    torus = tfl.Torus((options.points, options.points))
    metric, target = tfl.SobolevMetric(smoothness=2.5, length=0.05), tfl.densities.banana(torus)
    model = tfl.MeasureNODE(
        torus, metric, tfl.densities.uniform(torus), layers=4, band=options.points // 4, substeps=27
    )
    risk = tfl.Risk(model, tfl.losses.KullbackLeibler(target))

    figure = plotting.canvas(None, 10, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    last = {}
    for number, (name, method) in enumerate(METHODS.items()):
        errors, seconds = [], []
        begun = time.perf_counter()

        def record(iteration, row, errors=errors, seconds=seconds, begun=begun):
            seconds.append(time.perf_counter() - begun)

        def error(v, errors=errors):
            errors.append(torus.norm(model(v) - target.values) / torus.norm(target.values))
            return errors[-1]

        levels = 2 if name == "coarse to fine" else 0
        start = tfl.coarse_to_fine(risk, method, levels, options.iterations)
        count = options.iterations
        result = tfl.descend(risk, start, method, count, callback=record, validation=error, patience=count)
        print(f"{name:<18} error {errors[-1]:.2e} after {result.iterations} iterations: {result.status[:60]}")
        left.semilogy(errors, label=name, **plotting.line_style(number))
        right.loglog(np.array(seconds), errors[: len(seconds)], label=name, **plotting.line_style(number))
        last[name] = errors[-1]
    left.set(xlabel="iterations on the finest grid", ylabel="relative L2 error", title="by iterations")
    right.set(xlabel="seconds", title="by time, all levels included")
    left.grid(alpha=0.3)
    right.grid(alpha=0.3)
    right.legend(fontsize=9)
    figure.suptitle(f"one hundred to one on {options.points} x {options.points}, {type(risk.loss).__name__}")
    plotting.save(figure, options.output, overwrite=True)
    return last


if __name__ == "__main__":
    main()
