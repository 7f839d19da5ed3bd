"""The flow that makes two clusters of angles
==========================================

What does the flow do that makes two clusters of angles of the uniform density?

Fits by maximum likelihood a mixture of two von Mises densities on T^2, placed like the torsion angles of helices and
sheets in proteins, and draws the fitted density with samples of it, the deformed grid, the flow lines and the
log-determinant. The fit is compared with the density that the data come from, on points that training has not seen.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting

ANGLES = tfl.Coordinates("degrees", ("phi", "psi"), centred=True)
# Share, mean in degrees, and concentration along each axis.
CLUSTERS = ((0.6, (-65.0, -42.0), (14.0, 10.0)), (0.4, (-120.0, 135.0), (4.0, 6.0)))


def draw(n, rng):
    """n points of the mixture, in sides of the torus."""
    which = rng.choice(len(CLUSTERS), n, p=[share for share, _, _ in CLUSTERS])
    clusters = [rng.vonmises(np.radians(mean), concentration, (n, 2)) for _, mean, concentration in CLUSTERS]
    return np.take_along_axis(np.stack(clusters), which[None, :, None], axis=0)[0] / (2 * np.pi) % 1.0


def log_density(points):
    """Of the mixture, relative to the uniform density."""
    logs = [
        np.log(share) + np.sum(k * np.cos(2 * np.pi * points - np.radians(mean)) - np.log(np.i0(k)), axis=1)
        for share, mean, k in ((share, mean, np.array(k)) for share, mean, k in CLUSTERS)
    ]
    return np.logaddexp(*logs)


def main(arguments=None):
    """Fit, draw, and return the mean log density on unseen points: of the fit, and of the mixture itself."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("-o", "--output", default="out/flow_of_a_fit.png")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    unseen, data = draw(4000, rng), draw(options.samples, rng)
    model = tfl.SampleNODE(data, tfl.SobolevMetric(smoothness=3.0, length=0.15), layers=5, band=8, substeps=3)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood(), penalty=0.01)
    result = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), options.iterations)
    fitted, truth = np.mean(model.log_density(result.control, unseen)), np.mean(log_density(unseen))
    print(result.status)
    print(f"mean log density of {len(unseen)} unseen points: fit {fitted:.3f}, mixture {truth:.3f} nats")

    flow = tfl.FlowMap(model, result.control)
    back = np.max(np.abs(flow(flow.inverse(unseen)) - unseen))
    changes = flow.log_determinant(rng.random((4000, 2)))
    print(f"log-determinants from {changes.min():.2f} to {changes.max():.2f}; inverse to {back:.0e} sides")

    figure = plotting.canvas(None, 10, 10.5)
    (density, grid), (lines, determinant) = figure.subplots(2, 2)
    samples = model.sample(result.control, options.samples, rng)
    image = plotting.plot_points(density, plotting.fitted_density(model, result.control), samples, ANGLES, samples=True)
    density.set_title(f"{len(samples)} samples of the fitted density", fontsize=10)
    plotting.plot_grid(grid, flow, ANGLES)
    paths = plotting.plot_flow_lines(lines, flow, ANGLES)
    determinants = plotting.plot_log_determinant(determinant, flow, ANGLES)
    for drawn, axes, label in (
        (image, density, "density per square degree"),
        (paths, lines, "time s of the flow"),
        (determinants, determinant, "log det DΦ(x): blue contracts, red expands"),
    ):
        plotting.colour_bar(figure, drawn, [axes], label)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return fitted, truth


if __name__ == "__main__":
    main()
