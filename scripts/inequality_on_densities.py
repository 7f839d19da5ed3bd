"""The Lojasiewicz inequality on densities, below and above
========================================================

The inequality on densities, below and above, and the flows of an energy in two metrics.

Left: ``|grad L|`` against L - L* at random controls, along a descent and at the worst controls that were found, for
half the squared L2 distance, with the envelopes. Right: ``|gradient|^2 / (2 E)`` along the porous medium equation,
which is the gradient flow of its energy in W2, and along the tangent flow of the same energy in H^s.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting


def look(points, iterations):
    """What is found at random controls, and with a descent, of a density on the circle."""
    torus, metric = tfl.Torus((points,)), tfl.SobolevMetric(3.0, 0.1)
    model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=4)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 1.0)))
    run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.01), iterations)
    along = tfl.lojasiewicz.inequality(risk, radii=(), runs=[run])
    return along, tfl.lojasiewicz.inequality(risk, radii=(0.05, 0.1, 0.2), runs=[run])


def ratios(points):
    """Times, the ratio in W2 along the porous medium equation, and that in H^s along the tangent flow."""
    torus, metric = tfl.Torus((points,)), tfl.SobolevMetric(2.0, 0.1)
    start = tfl.densities.from_function(torus, lambda x: 1 + 0.6 * np.cos(2 * np.pi * x) + 0.2 * np.cos(6 * np.pi * x))
    energy, times = tfl.losses.InternalEnergy(torus, exponent=2.0), np.linspace(0, 0.1, 30)
    porous = tfl.porous_medium.Spectral(torus, exponent=2.0).solve(start, times, 1e-9).density
    tangent = tfl.TangentFlow(torus, metric, energy).solve(start, times)
    wasserstein = [tfl.wasserstein.ratio(energy, rho) for rho in porous]
    return times, np.array(wasserstein), tangent.dissipation / (2 * tangent.loss)


def main(arguments=None):
    """Look, draw, and return the two exponents along the descent and the last ratio in W2 over 4 pi^2."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("-o", "--output", default="out/inequality_on_densities.png")
    options = parser.parse_args(arguments)
    figure = plotting.canvas(None, 10, 4.2)
    cloud, rates = figure.subplots(1, 2)

    along, found = look(options.points, options.iterations)
    print(f"along the descent: {along}")
    print(f"everywhere:        {found}")
    cloud.loglog(found.gaps, found.gradient_norms, ".", alpha=0.4, label="random, and the worst found")
    cloud.loglog(along.gaps, along.gradient_norms, label="descent")
    gaps, farthest = np.geomspace(found.gaps.min(), found.gaps.max(), 50), found.norms.max()
    for constant, exponent in zip((found.lower(farthest), found.upper(farthest)), found.exponents, strict=True):
        cloud.loglog(gaps, constant * gaps**exponent, "k:", linewidth=1)
    cloud.set(xlabel="L - L*", ylabel="norm of the gradient", title="Below and above, SquaredL2")

    times, wasserstein, sobolev = ratios(6 * options.points)
    print(f"|gradient|^2 / (2 E) at the end: {wasserstein[-1]:.3f} in W2 (4 pi^2 = {4 * np.pi**2:.3f}), ", end="")
    print(f"{sobolev[-1]:.3f} in H^s")
    rates.plot(times, wasserstein, label="W2, porous medium equation")
    rates.plot(times, sobolev, "--", label="H^s, s = 2, tangent flow")
    rates.axhline(4 * np.pi**2, color="k", linestyle=":", linewidth=1, label="4 π²")
    rates.set(xlabel="time", ylabel="|gradient|² / (2 E)", title="One energy, two metrics")
    for panel in (cloud, rates):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return *along.exponents, wasserstein[-1] / (4 * np.pi**2)


if __name__ == "__main__":
    main()
