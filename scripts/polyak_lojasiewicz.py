"""Polyak-Lojasiewicz ratios between the constants of theory
=========================================================

Polyak-Lojasiewicz ratios along two runs, between the constants of theory, and a certified rate of convergence.

Left: a linear neural ODE and its bounds, close to smin(X)^2 exp(-2R) and smax(X)^2 exp(2R) at distance R from zero.
Right: a neural ODE in the Hilbert space of a Gaussian kernel, whose certificate says how fast the loss will fall.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting
from torusflow.theory import lojasiewicz


def linear_run(iterations):
    """Descent of a linear neural ODE: the history, and the bounds at every iterate."""
    rng = np.random.default_rng(2)
    X = np.linalg.qr(rng.standard_normal((3, 3)))[0] @ np.diag([0.8, 1.0, 1.3])
    model = tfl.LinearNODE(X, layers=64)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(model(1.5 * model.space.random(rng)) + 0.4 * X))
    start = model.space.zeros()
    bounds = lojasiewicz.bounds(model, start)
    history = tfl.descend(risk, start, tfl.GradientDescent(step=0.1), iterations).history
    return history, *(np.array([bound(r) for r in history["distance"]]) for bound in (bounds.lower, bounds.upper))


def kernel_run(iterations, step):
    """Descent of a kernel neural ODE on four points: the run and the certificate at the start."""
    points = 3.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    family = tfl.KernelField(tfl.GaussianKernel(1.0), points)
    model = tfl.RKHSNODE(points, family, layers=8)
    targets = points + 1e-3 * np.random.default_rng(0).standard_normal(points.shape)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(targets))
    start = model.space.zeros()
    certificate = lojasiewicz.certificate(risk, start)
    return tfl.descend(risk, start, tfl.GradientDescent(step), iterations), certificate


def main(arguments=None):
    """Run both, draw both, and return whether bounds and certificate were kept."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("-o", "--output", default="out/polyak_lojasiewicz.png")
    options = parser.parse_args(arguments)
    figure = plotting.canvas(None, 9, 4)
    ratio_axes, risk_axes = figure.subplots(1, 2)

    history, lower, upper = linear_run(options.iterations)
    kept = bool(np.all((lower <= history["pl_ratio"]) & (history["pl_ratio"] <= upper)))
    print(f"linear neural ODE: ratio from {history['pl_ratio'].min():.3f} to {history['pl_ratio'].max():.3f}")
    print(f"    within the bounds of theory: {kept}")
    print(f"    {lojasiewicz.fit_exponent(history['risk'], history['gradient_norm'])}")
    ratio_axes.fill_between(np.arange(len(lower)), lower, upper, alpha=0.2, label="bounds of theory")
    ratio_axes.semilogy(history["pl_ratio"], label="|gradient|² / (2 risk)")
    ratio_axes.set(xlabel="iteration", ylabel="ratio", title="Linear neural ODE, 64 layers", ylim=lower.min() / 4)

    step = 0.1
    run, certificate = kernel_run(options.iterations, step)
    history, verdict = run.history, certificate.check(run)
    print(f"kernel neural ODE: {certificate}")
    print(f"    {verdict}")
    risk_axes.semilogy(history["risk"], label="risk")
    guaranteed = certificate.rate(step, np.arange(len(history["risk"])))
    risk_axes.semilogy(guaranteed, ":", label=f"guaranteed, (1 - {certificate.lower:.2f} · {step})^k")
    risk_axes.set(xlabel="iteration", ylabel="risk", title="Kernel neural ODE, four points")
    for axes in (ratio_axes, risk_axes):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return kept, verdict.passed


if __name__ == "__main__":
    main()
