"""How fast the risk decays in the long run
========================================

How fast the risk decays in the long run, and what its Lojasiewicz exponent says, for kernels of several smoothness.

The target's Fourier coefficients fall like ``|k|^(-2)``. Mode k decays at the rate 4 pi^2 k^2 K^_k, which goes to zero
for s > 1: no Polyak-Lojasiewicz inequality holds for all modes, but ``|grad R| ~ R^theta``, theta = 1/2 + (s - 1)/3,
and the risk falls like t^(-1/(2 theta - 1)) until the grid's last modes. Lines: tangent flow. Dots: descent on v.
"""

import argparse
import warnings

import numpy as np

import torusflow as tfl
from torusflow import plotting

LENGTH = 0.3


def rough_target(torus, size=0.1):
    """1 + size sum_k cos(2 pi k x + phase_k) / k^2 over the modes that controls and densities share."""
    rng, x = np.random.default_rng(3), torus.points[0]
    waves = (np.cos(2 * np.pi * (k * x + rng.random())) / k**2 for k in range(1, (torus.shape[0] - 1) // 3 + 1))
    return tfl.densities.from_array(torus, 1 + size * sum(waves), normalise=True)


def main(arguments=None):
    """Follow the risks, draw, and return for each smoothness: exponent fitted, decay fitted, decay predicted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--smoothness", type=float, nargs="+", default=[1.5, 1.75, 2.0])
    parser.add_argument("--points", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("-o", "--output", default="out/rate_of_descent.png")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", "smoothness")

    torus = tfl.Torus((options.points,))
    start, loss = tfl.densities.uniform(torus), tfl.losses.SquaredL2(rough_target(torus))
    figure = plotting.canvas(None, 10, 4.2)
    decay, exponent = figure.subplots(1, 2)
    rows = {}
    for i, s in enumerate(options.smoothness):
        metric = tfl.SobolevMetric(s, LENGTH)
        wave = 2 * np.pi * np.array([3, torus.shape[0] / 12])  # the window: modes 3 to a quarter of the last
        first, last = (metric.symbol(wave**2) / wave**2).tolist()
        times = np.geomspace(first / 4, 4 * last, 60)
        flow = tfl.TangentFlow(torus, metric, loss).solve(start, times, tolerance=1e-9)
        norms = np.sqrt(flow.dissipation)
        window = (times >= first) & (times <= last)
        fit = tfl.lojasiewicz.fit_exponent(flow.loss[window], norms[window], skip=0.0)
        slope = np.polyfit(np.log(times[window]), np.log(flow.loss[window]), 1)[0]
        rows[s] = fit.exponent, -slope, 1 / (2 * fit.exponent - 1)
        print(f"s = {s:g}: exponent {fit.exponent:.3f} ({0.5 + (s - 1) / 3:.3f} expected)")
        print(f"         risk falls like t^{slope:.3f}, predicted t^{-rows[s][2]:.3f}")
        style = plotting.line_style(i)
        decay.loglog(times, flow.loss, **style, label=f"s = {s:g}: $t^{{{slope:.2f}}}$")
        exponent.loglog(flow.loss, norms, **style, label=f"s = {s:g}: θ = {fit.exponent:.2f}")
        exponent.loglog(flow.loss[window], norms[window], color=style["color"], linewidth=4, alpha=0.3)
        model = tfl.MeasureNODE(torus, metric, start, layers=4, substeps=2)
        k = 2 * np.pi * np.arange(1, options.points // 3)
        step = 1 / np.max(k**2 / metric.symbol(k**2))  # inverse of the largest eigenvalue of the tangent kernel
        risk = tfl.Risk(model, loss)
        run = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(step), options.iterations).history
        until = np.searchsorted(run["time"], times[-1])
        some = np.unique(np.geomspace(1, max(2, until) - 1, 25).astype(int))
        decay.loglog(run["time"][some], run["risk"][some], ".", color=style["color"])
        exponent.loglog(run["risk"][some], run["gradient_norm"][some], ".", color=style["color"])
    decay.set(xlabel="training time", ylabel="risk", title="Decay of the risk: flow, dots descent")
    exponent.set(xlabel="risk", ylabel="norm of the gradient", title="Łojasiewicz exponent, fitted where wide")
    for panel in (decay, exponent):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return rows


if __name__ == "__main__":
    main()
