"""Gradient flow in the whole reproducing kernel Hilbert space
===========================================================

Gradient flow in the whole reproducing kernel Hilbert space, and in spans of centres that stay where they are.

Fields of a kernel move points to targets. At training time t the risk is least in the whole space, whose representers
move with the points; with the points at s = 0 for centres, or a grid, the gradient is projected and the flow slower.
Ever denser grids come to the whole space.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting


def main(arguments=None):
    """Run the flows, draw, and return the risk in the whole space, and those for other centres by name."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--grids", type=int, nargs="+", default=[4, 5, 6, 7], help="points per side")
    parser.add_argument("--final-time", type=float, default=2.0)
    parser.add_argument("-o", "--output", default="out/whole_space.png")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, (options.points, 2))
    loss = tfl.losses.SquaredDistance(x + 0.5 * rng.standard_normal(x.shape))
    kernel, flow = tfl.GaussianKernel(0.7), tfl.GradientFlow(options.final_time, tolerance=1e-6)

    def risk_of(family):
        return tfl.Risk(tfl.RKHSNODE(x, family, layers=3), loss)

    def grid(n):
        axis = np.linspace(-0.8, 2.8, n)
        return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    risk = risk_of(tfl.KernelSpan(kernel, x))
    risk, start = tfl.whole_space(risk, risk.space.zeros(), flow)
    whole = tfl.descend(risk, start, flow)
    print(f"whole space: {len(risk.model.family.centres)} representers, risk {whole.value:.6g}")

    fixed = {f"{options.points} points": x} | {f"{n} x {n} grid": grid(n) for n in options.grids}
    runs = {}
    for name, centres in fixed.items():
        risk = risk_of(tfl.KernelField(kernel, centres))
        runs[name] = tfl.descend(risk, risk.space.zeros(), flow)
        print(f"{name}: risk {runs[name].value:.6g}, {runs[name].value / whole.value - 1:.1e} above")

    figure = plotting.canvas(None, 6, 4)
    axes = figure.subplots()
    for number, (name, run) in enumerate({"whole space": whole, **runs}.items()):
        style = {"color": "k"} if run is whole else plotting.line_style(number)
        axes.semilogy(run.history["time"], run.history["risk"], label=name, **style)
    axes.set(xlabel="training time", ylabel="risk", title="Gradient flow in spaces of fields")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return whole.value, {name: run.value for name, run in runs.items()}


if __name__ == "__main__":
    main()
