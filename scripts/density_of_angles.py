"""A density of angles, its samples, and its map
=============================================

A density of angles from a table, its samples, and what the map of the same control makes instead.

Draws angles from a mixture of two von Mises densities on T^2, fits the logarithm of a density to them
(`LogDensityNODE`, stopped by samples set aside), and scores the fit and the mixture itself on angles that neither has
seen. The picture shows the data over the fitted density with the regions that hold 50 and 98 per cent of it, samples of
it, and by how much the density of the flow map differs from it: what the grid does not resolve.
"""

import argparse
import time

import numpy as np

import torusflow as tfl
from torusflow import plotting

ANGLES = tfl.Coordinates("degrees", ("phi", "psi"), centred=True)
# Share, mean in degrees, and concentration along each axis.
CLUSTERS = ((0.6, (-65.0, -42.0), (14.0, 10.0)), (0.4, (-120.0, 135.0), (4.0, 6.0)))
CELLS = 180
LARGEST = 0.5  # of the difference of log-densities that is told apart by colour, in nats


def draw(n, rng):
    """n points of the mixture, in sides of the torus."""
    which = rng.choice(len(CLUSTERS), n, p=[share for share, _, _ in CLUSTERS])
    clusters = [rng.vonmises(np.radians(mean), concentration, (n, 2)) for _, mean, concentration in CLUSTERS]
    return np.take_along_axis(np.stack(clusters), which[None, :, None], axis=0)[0] / (2 * np.pi) % 1.0


def log_mixture(points):
    """Its log-density relative to the uniform one."""
    logs = [
        np.log(share) + np.sum(k * np.cos(2 * np.pi * points - np.radians(mean)) - np.log(np.i0(k)), axis=1)
        for share, mean, k in ((share, mean, np.array(k)) for share, mean, k in CLUSTERS)
    ]
    return np.logaddexp(*logs)


def lattice(n):
    """n^2 points of the torus, rows of a matrix."""
    axis = np.arange(n) / n
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def main(arguments=None):
    """Fit, draw, and return the mean log-density of unseen angles, of the fit and of the mixture, and log Z."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--points", type=int, default=64, help="of the grid, along each axis")
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("-o", "--output", default="out/density_of_angles.png")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    data, held_out, unseen = (draw(n, rng) for n in (options.samples, options.samples // 5, 20_000))
    torus = tfl.Torus((options.points, options.points))
    model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(2.5, 0.1), layers=6, band=options.points // 6, substeps=None)
    risk = tfl.Risk(model, tfl.losses.NormalisedLikelihood(data, torus), penalty=1e-3)
    validation = tfl.Risk(model, tfl.losses.NormalisedLikelihood(held_out, torus))
    start = time.perf_counter()
    result = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), options.iterations, validation=validation)
    print(f"{result.status}\n{len(result.history['risk']) - 1} iterations in {time.perf_counter() - start:.1f} s")
    fitted, truth = (np.mean(scores) for scores in (model.log_density(result.control, unseen), log_mixture(unseen)))
    print(f"mean log-density of {len(unseen)} unseen points: fit {fitted:.4f}, mixture {truth:.4f} nats")
    resolution = tfl.checks.likelihood(model, result.control)
    print(resolution)

    density = np.exp(model.log_density(result.control, lattice(CELLS))).reshape(CELLS, CELLS)
    coarse = lattice(CELLS // 2)
    of_the_map = np.log(tfl.FlowMap(model, result.control).push_forward_density(model.initial, coarse))
    gap = (of_the_map - model.log_density(result.control, coarse)).reshape(CELLS // 2, CELLS // 2)
    figure = plotting.canvas(None, 11, 4.2)
    data_axes, sample_axes, gap_axes = figure.subplots(1, 3)
    samples = model.sample(result.control, len(data), rng)
    for axes, points, title in ((data_axes, data, "data, regions of 50 and 98 %"), (sample_axes, samples, "samples")):
        image = plotting.plot_points(axes, density, points, ANGLES, samples=points is samples)
        axes.set_title(f"{len(points)} {title}", fontsize=10)
    plotting.plot_regions(data_axes, density, ANGLES, named=False)
    plotting.colour_bar(figure, image, [data_axes, sample_axes], "density per square degree")
    drawn = plotting.plot_field(gap_axes, gap, ANGLES, cmap="RdBu_r", vmin=-LARGEST, vmax=LARGEST)
    gap_axes.set_title("log-density of the map less the fit's", fontsize=10)
    plotting.colour_bar(figure, drawn, [gap_axes], f"nats, up to {np.abs(gap).max():.1f}", extend="both")
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return fitted, truth, resolution.log_mass


if __name__ == "__main__":
    main()
