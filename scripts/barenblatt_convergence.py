"""Finite volumes against Barenblatt's solution
============================================

Finite volumes against Barenblatt's solution, and the waiting time of a front that does not move at first.

Left: error in L1 of the cell means after t = 1 ... 16 on a torus of side 2 pi, against the number of cells. Middle: the
front in one dimension. Right: when the front at 0 is seen to move that starts from the pressure sin^2 x; before
t = 1/8 it stands still.
"""

import argparse

import numpy as np

from torusflow import plotting
from torusflow.porous_medium import Barenblatt, FiniteVolume, PorousMedium, arrival_time

SIDE = 2 * np.pi
WAITING_TIME = 1 / 8
MOST_CELLS = {1: 512, 2: 256, 3: 64}  # an axis, by dimension


def evolve(dimension, cells):
    """Cell means at t = 16: computed and exact."""
    exact, shape = Barenblatt(dimension, side=SIDE, centre=(SIDE / 2,) * dimension), (cells,) * dimension
    solver = FiniteVolume(shape, PorousMedium(3.0), SIDE)
    found = solver.solve(exact.cell_means(1.0, shape), [16.0], tolerance=1e-4, start=1.0)
    return found.density[0], exact.cell_means(16.0, shape)


def waiting(cells):
    """When the front at 0 is seen in the first cell beyond it, for u_0 = sqrt 2 |sin x| on [-pi, 0]."""
    width = SIDE / cells
    ends = np.minimum(np.arange(cells + 1) * width - np.pi, 0)  # of the cells; the first empty one begins at 0
    means = np.sqrt(2) * -np.diff(np.cos(ends)) / width
    times = np.linspace(0, 0.3, 301)[1:]
    found = FiniteVolume(cells, PorousMedium(3.0), SIDE).solve(np.abs(means), times, tolerance=1e-5)
    return arrival_time(times, found.density[:, cells // 2], width)


def main(arguments=None):
    """Solve, draw, and return the fitted orders by dimension and the arrival times."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[32, 64, 128, 256, 512])
    parser.add_argument("--waiting", type=int, nargs="+", default=[400, 800, 1600])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("-o", "--output", default="out/barenblatt_convergence.png")
    options = parser.parse_args(arguments)

    figure = plotting.canvas(None, 12, 4)
    convergence, profile, arrival = figure.subplots(1, 3)
    orders = {}
    for dimension in options.dimensions:
        counts = [n for n in options.cells if n <= MOST_CELLS[dimension]]
        pairs = [evolve(dimension, n) for n in counts]
        errors = [
            np.sum(np.abs(u - exact)) * (SIDE / n) ** dimension for n, (u, exact) in zip(counts, pairs, strict=True)
        ]
        orders[dimension] = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
        for n, error in zip(counts, errors, strict=True):
            print(f"d = {dimension}, {n:4d} cells an axis: L1 error {error:.2e}")
        label = f"d = {dimension}, order {orders[dimension]:.2f}"
        convergence.loglog(counts, errors, marker="o", label=label, **plotting.line_style(dimension - 1))
    for n in options.cells[:2]:
        u, _ = evolve(1, n)
        profile.step(np.arange(n) * SIDE / n, u, where="mid", label=f"{n} cells")
    fine = np.linspace(0, SIDE, 4000)
    barenblatt = Barenblatt(1, side=SIDE, centre=(SIDE / 2,))
    front = SIDE / 2 + barenblatt.front_radius(16.0)
    profile.plot(fine, barenblatt.density(16.0, fine[:, None]), "k", linewidth=0.8, label="exact")
    profile.set_xlim(front - 0.8, front + 0.3)
    arrivals = [waiting(n) for n in options.waiting]
    for n, time in zip(options.waiting, arrivals, strict=True):
        print(f"{n:4d} cells: the front is seen to move at {time:.4f} (waiting time {WAITING_TIME})")
    arrival.semilogx(options.waiting, arrivals, "o-", label="seen to move")
    arrival.axhline(WAITING_TIME, color="0.5", linestyle="--", label="waiting time 1/8")
    convergence.set(xlabel="cells an axis", ylabel="L1 error", title="Barenblatt's solution at t = 16")
    profile.set(xlabel="x", ylabel="density", title="The front in one dimension", ylim=(-0.02, 0.2))
    arrival.set(xlabel="cells", ylabel="time", title="A front that waits")
    for panel, counts in ((convergence, options.cells), (arrival, options.waiting)):
        panel.set_xticks(counts, [str(n) for n in counts])
        panel.minorticks_off()
    for panel in (convergence, profile, arrival):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return orders, arrivals


if __name__ == "__main__":
    main()
