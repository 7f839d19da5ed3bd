"""Makes data/porous_medium.h5: solutions of the porous medium equation and its kin to compare others with.

Each group is one solution: its equation, how it was made and to what tolerance stand in its attributes. The waves are
made by Fourier series and the fronts by finite volumes, at tolerances where the digits no longer change with either.
"""

import argparse
import warnings

import h5py
import numpy as np

import torusflow as tfl
from torusflow.porous_medium import FiniteVolume, PorousMedium, Spectral, UltraFast


def waves():
    """The cases C5 and C6 of the package's tests, and one in two dimensions."""
    times, line = (0.0, 0.002, 0.01, 0.05, 0.2), tfl.Torus((128,))
    start = 1 + 0.5 * np.cos(2 * np.pi * line.points[0])
    porous = "d rho/dt = (1/3) Laplacian(rho^3)"
    series = "point values; torusflow.porous_medium.Spectral, tolerance "
    yield "wave", porous, series + "1e-12", times, Spectral(line).solve(start, times, tolerance=1e-12).density
    flow = tfl.TangentFlow(line, tfl.SobolevMetric(3.0, 0.1), tfl.losses.SquaredL2(tfl.densities.uniform(line)))
    kernel = "d rho/dt = div(rho K*(rho grad rho)), K = (1 - 0.01 Laplacian)^-3"
    how = "point values; torusflow.TangentFlow, tolerance 1e-12"
    yield "kernel_wave", kernel, how, times, flow.solve(start, times, tolerance=1e-12).density
    square = tfl.Torus((48, 48))
    start, times = tfl.densities.von_mises(square, concentration=0.4), (0.0, 0.002, 0.01, 0.05)
    yield "hill", porous, series + "1e-9", times, Spectral(square).solve(start, times, tolerance=1e-9).density


def fronts():
    """A disc that spreads, and the ultra-fast diffusions of C10 (on a circle of side 2 pi)."""
    x, y = np.meshgrid(np.arange(48) / 48, np.arange(48) / 48, indexing="ij")
    disc = np.maximum(0.09 - (x - 0.5) ** 2 - (y - 0.4) ** 2, 0)
    times = (0.0, 0.0005, 0.002, 0.01)
    how = "cell means; torusflow.porous_medium.FiniteVolume, tolerance "
    spread = FiniteVolume((48, 48), PorousMedium(3.0)).solve(disc / disc.mean(), times, tolerance=1e-7)
    yield "disc", "d rho/dt = (1/3) Laplacian(rho^3)", how + "1e-7", times, spread.density
    for sharpness in (10, 100):
        x = np.arange(256) * 2 * np.pi / 256
        weight = 1 / (1 + sharpness * np.sin(x / 2) ** 2) + 0.5 / (1 + sharpness * np.sin(x / 2 - 0.2 * np.pi) ** 2)
        weight, times = weight / weight.mean(), (0.0, 1.0, 5.0, 10.0)
        solver = FiniteVolume(256, UltraFast(weight), 2 * np.pi)
        found = solver.solve(np.ones(256), times, tolerance=1e-8)
        equation = f"f_t = -(1/2) (f ((g/f)^2)_x)_x, side 2 pi, g as in the group's weight, c = {sharpness}"
        yield f"ultra_fast_{sharpness}", equation, how + "1e-8", times, found.density, weight


def main(arguments=None):
    """Solve and write; return the path."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("-o", "--output", default="data/porous_medium.h5")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", "smoothness")
    with h5py.File(options.output, "w", track_order=True) as file:
        file.attrs["about"] = "reference solutions, MIT licence; made by scripts/make_reference_solutions.py"
        file.attrs["torusflow"] = tfl.__version__
        for name, equation, how, times, density, *weight in (*waves(), *fronts()):
            group = file.create_group(name)
            group.attrs.update({"equation": equation, "made_by": how})
            group["time"] = times
            group["time"].make_scale("time")
            group.create_dataset("density", data=density, compression="gzip", shuffle=True)
            group["density"].dims[0].attach_scale(group["time"])
            if weight:
                group["weight"] = weight[0]
            print(f"{name:16} {density.shape}: {equation}")
    print(f"written to {options.output}")
    return options.output


if __name__ == "__main__":
    main()
