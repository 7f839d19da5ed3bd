"""From particles to measures
==========================

From particles to measures: the same control moves N points and a density, and is trained on either.

Left: distance in H^-2 between the pushed points and the pushed density. N independent points come closer like N^(-1/2),
the points of a lattice much faster. Right: descent on the particles and on the density, on one time axis.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting

METRIC = tfl.SobolevMetric(smoothness=3.0, length=0.2)
SHARED = {"layers": 5, "band": 4}
ORDER = 2.0


def lattice(side):
    """side^2 points of a square lattice."""
    axis = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def distance(points, control, density):
    """|mu_N - rho| in H^-2 after the push, for points that start uniformly."""
    model = tfl.TorusNODE(points, METRIC, substeps=4, **SHARED)
    return tfl.losses.CloudMMD(density, order=ORDER)(model(control))


def train(risk, times):
    """Gradient flow from zero: the controls at the times."""
    method = tfl.GradientFlow(times[-1], tolerance=1e-6, times=tuple(times))
    return tfl.descend(risk, risk.space.zeros(), method, iterations=5000).controls


def main(arguments=None):
    """Measure, train, draw, and return the fitted slope and the lattice distances."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[64, 256, 1024, 4096, 16384])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--final-time", type=float, default=3000.0)
    parser.add_argument("-o", "--output", default="out/particles_to_measure.png")
    options = parser.parse_args(arguments)

    torus = tfl.Torus((48, 48))
    measure = tfl.MeasureNODE(torus, METRIC, tfl.densities.uniform(torus), substeps=None, **SHARED)
    control = measure.space.random(np.random.default_rng(0))
    control *= 0.15 / np.max(np.abs(measure.space.to_grid(control)))
    density = tfl.densities.from_array(torus, np.maximum(measure(control), 0), normalise=True)
    rng = np.random.default_rng(1)
    draws = [[distance(rng.random((n, 2)), control, density) for _ in range(options.seeds)] for n in options.counts]
    random = np.sqrt(np.mean(np.square(draws), axis=1))
    regular = [distance(lattice(round(n**0.5)), control, density) for n in options.counts]
    slope, constant = np.polyfit(np.log(options.counts), np.log(random), 1)
    for n, r, q in zip(options.counts, random, regular, strict=True):
        print(f"{n:6d} points: random {r:.3e}, lattice {q:.3e}")
    print(f"fitted slope for random points {slope:.3f} (-1/2 expected)")

    figure = plotting.canvas(None, 9, 4)
    axes, training = figure.subplots(1, 2)
    axes.loglog(options.counts, random, "o", label="independent points")
    axes.loglog(options.counts, np.exp(constant) * np.array(options.counts) ** slope, label=f"slope {slope:.2f}")
    axes.loglog(options.counts, regular, "s-", label="lattice")
    axes.set(xlabel="points N", ylabel="distance in H⁻²", title="Pushed points against the pushed density")

    times = np.linspace(0, options.final_time, 16)
    goal = tfl.densities.von_mises(torus)
    whole = tfl.Risk(measure, tfl.losses.SobolevMMD(goal, ORDER, squared=True))
    training.semilogy(times, [whole(w) for w in train(whole, times)], "k", label="density")
    for number, n in enumerate(options.counts[:3]):
        cloud = tfl.TorusNODE(rng.random((n, 2)), METRIC, substeps=1, **SHARED)
        controls = train(tfl.Risk(cloud, tfl.losses.CloudMMD(goal, order=ORDER, squared=True)), times)
        training.semilogy(
            times, [whole(w) for w in controls], label=f"{n} particles", **plotting.line_style(number + 1)
        )
    training.set(xlabel="training time", ylabel="risk of the density", title="Trained on particles, or on the density")
    for panel in (axes, training):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return slope, np.array(regular)


if __name__ == "__main__":
    main()
