"""How fast does descent fit a density?
====================================

How fast does descent on the control fit a density, and what does the tangent kernel say about it?

Fits the unimodal density on T^2 from uniform for several smoothnesses s of the metric. At v = 0 and uniform density
the tangent kernel is diagonal with eigenvalues ``4 pi^2 |k|^2 / (1 + l^2 |2 pi k|^2)^s``, which bound the
Polyak-Lojasiewicz ratio ``|grad R|^2 / (2 R)`` of the first iterate from both sides.
"""

import argparse
import itertools
import math

import numpy as np

import torusflow as tfl
from torusflow import plotting


def fit(torus, smoothness, iterations, step):
    """Descend from v = 0 and return the result and the extreme eigenvalues of the tangent kernel there."""
    metric = tfl.SobolevMetric(smoothness, length=0.1)
    model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=8, substeps=None)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    method = tfl.GradientDescent(step, line_search="armijo")
    result = tfl.descend(risk, model.space.zeros(), method, iterations)
    # Only modes that the target has, up to round-off, matter; its coefficients fall below 1e-8 beyond |k_j| = 8.
    modes = [k for k in itertools.product(range(9), repeat=torus.dimension) if any(k)]
    squared = np.array([4 * math.pi**2 * np.dot(k, k) for k in modes])
    eigenvalues = squared / metric.symbol(squared)
    return result, eigenvalues.min(), eigenvalues.max()


def main(arguments=None):
    """Run the study, draw it, and return the final risk for each smoothness."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=64, help="grid points per axis")
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--smoothness", type=float, nargs="+", default=[2.1, 3.0, 4.0])
    parser.add_argument("-o", "--output", default="out/fit_density.png")
    options = parser.parse_args(arguments)

    torus = tfl.Torus((options.points, options.points))
    figure = plotting.canvas(None, 9, 4)
    risk_axes, ratio_axes = figure.subplots(1, 2)
    final = {}
    print("   s   risk at the start   at the end   PL ratio at v = 0   eigenvalues there")
    for smoothness in options.smoothness:
        result, least, largest = fit(torus, smoothness, options.iterations, step=0.1)
        history = result.history
        final[smoothness] = result.value
        ratio = history["pl_ratio"]
        print(
            f"{smoothness:4.1f}{history['risk'][0]:20.6f}{result.value:13.3e}{ratio[0]:20.3f}"
            f"        {least:.2g} to {largest:.1f}"
        )
        assert least <= ratio[0] <= largest
        style = {"label": f"s = {smoothness:g}", **plotting.line_style(len(final) - 1)}
        risk_axes.semilogy(history["risk"], **style)
        ratio_axes.semilogy(ratio, **style)
    risk_axes.set(xlabel="iteration", ylabel="risk", title="Descent from uniform to the unimodal density")
    ratio_axes.set(xlabel="iteration", ylabel="|gradient|² / (2 risk)", title="Polyak-Łojasiewicz ratio")
    for axes in (risk_axes, ratio_axes):
        axes.legend()
        axes.grid(alpha=0.3)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return final


if __name__ == "__main__":
    main()
