"""Two ways of least energy between two densities
==============================================

Two ways from the uniform density to the unimodal one on T^2 with least energy: do they meet?

Shooting trains one velocity, from which a geodesic of the H^s metric on diffeomorphisms runs; the penalised path
trains a velocity for every layer. With one loss and one penalty the best path is a geodesic: its speed ``|v_s|_V`` is
constant and its energy is ``|u_0|_V^2``. The map at the end of the geodesic is drawn as a deformed grid, and its
distance from the identity is found again from the map alone, by the Riemannian logarithm.
"""

import argparse

import numpy as np
from matplotlib.collections import LineCollection

import torusflow as tfl
from torusflow import plotting

ANGLES = tfl.Coordinates("radians", ("a", "b"))
LINES = 24  # of the deformed grid, per axis


def draw_grid(axes, phi):
    """The images of evenly spaced lines, from their places and one side to every direction."""
    t, at = np.linspace(-1, 2, 400), np.arange(-LINES, 2 * LINES) / LINES
    lines = np.stack(np.meshgrid(at, t, indexing="ij"), axis=-1)
    for number, points in enumerate((lines, lines[..., ::-1])):
        images, colour = 2 * np.pi * phi(points.reshape(-1, 2)), plotting.line_style(number)["color"]
        axes.add_collection(LineCollection(images.reshape(points.shape), colors=colour, linewidths=0.6))
    axes.set_title("lines of equal a (blue) and b (red)", fontsize=10)


def main(arguments=None):
    """Match both ways, draw, and return the energies of shooting and of the path, and the squared distance."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--points", type=int, default=32, help="grid points per axis")
    parser.add_argument("--layers", type=int, default=20, help="of the penalised path")
    parser.add_argument("--penalty", type=float, default=0.03)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--tolerance", type=float, default=1e-9, help="of the logarithm")
    parser.add_argument("-o", "--output", default="out/geodesic_matching.png")
    options = parser.parse_args(arguments)

    torus, metric = tfl.Torus((options.points, options.points)), tfl.SobolevMetric(smoothness=2.5, length=0.2)
    uniform, target = tfl.densities.uniform(torus), tfl.densities.von_mises(torus)
    models = {
        "shooting": tfl.GeodesicNODE(torus, metric, uniform, steps=options.points // 2),
        "penalised path": tfl.MeasureNODE(torus, metric, uniform, layers=options.layers, substeps=2),
    }
    results, energies = {}, {}
    for name, model in models.items():
        risk = tfl.Risk(model, tfl.losses.SquaredL2(target), options.penalty)
        method = tfl.LBFGS(memory=30)
        result = tfl.descend(risk, risk.space.zeros(), method, options.iterations, gradient_tolerance=1e-5)
        results[name], energies[name] = result, risk.space.inner(result.control, result.control)
        print(f"{name}: {result.status}; risk {result.value:.8f}, energy {energies[name]:.6f}")
    shooting, path = models.values()
    u0 = shooting.space.to_grid(results["shooting"].control)[0]
    phi = tfl.geodesic.exponential(torus, metric, u0)
    distance = tfl.geodesic.distance(torus, metric, phi, lambda x: x, options.tolerance)
    print(f"squared distance of the map from the identity: {distance**2:.6f}")

    figure = plotting.canvas(None, 11, 8)
    (first, second, grid), (velocity, speed, history) = figure.subplots(2, 3)
    for axes, values, title in (
        (first, target.values, "target"),
        (second, results["shooting"].output, "reached by shooting"),
    ):
        image = plotting.plot_field(axes, values, ANGLES, vmin=0, vmax=torus.maximum(target.values), cmap="Blues")
        axes.set_title(title, fontsize=10)
    plotting.colour_bar(figure, image, [first, second], "density relative to uniform")
    arrows = plotting.plot_velocity(velocity, u0, ANGLES)
    velocity.set_title("initial velocity", fontsize=10)
    plotting.colour_bar(figure, arrows, [velocity], "speed [radians per unit of s]")
    plotting.plot_field(grid, uniform.values, ANGLES, alpha=0)
    draw_grid(grid, phi)
    speeds = path.space.norm_of_layers(results["penalised path"].control)
    style = {"color": plotting.line_style(1)["color"], "linewidth": 5, "alpha": 0.4}
    speed.stairs(
        speeds, np.linspace(0, 1, len(speeds) + 1), baseline=None, label="layers of the penalised path", **style
    )
    speed.plot([0, 1], [energies["shooting"] ** 0.5] * 2, label="geodesic")
    speed.set(xlabel="s", ylabel="speed |v_s| in V", title="speed along the way")
    speed.set_ylim(0, 1.3 * energies["shooting"] ** 0.5)
    for number, name in enumerate(results):
        history.semilogy(results[name].history["gradient_norm"], label=name, **plotting.line_style(number))
    history.set(xlabel="iteration of L-BFGS", ylabel="norm of the gradient", title="training")
    for axes in (speed, history):
        axes.title.set_fontsize(10)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=9)
        axes.grid(alpha=0.3)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return *energies.values(), distance**2


if __name__ == "__main__":
    main()
