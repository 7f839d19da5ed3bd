"""Deep linear networks learn one singular value after another
===========================================================

Deep linear networks learn one singular value after another, and need a time that depends on where they start.

Left: gradient flow of two layers from near zero rests at the least risks of rank 0, 1, 2, ..., which are saddles.
Right: a linear neural ODE asked for -Id in the plane comes to the optimum from starts at distance eps from the stable
manifold, where it would shrink for ever, after a time like 1/eps; and from how many random starts in a given time.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting


def one_after_another(singular, size, final_time):
    """The run from near zero, and the levels where it rests."""
    model = tfl.LinearNetwork(np.eye(len(singular)), (len(singular),) * 2)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag(singular)))
    start = size * model.space.random(np.random.default_rng(0))
    times = tuple(np.linspace(0, final_time, 60))
    run = tfl.descend(risk, start, tfl.GradientFlow(final_time, times=times), 5000)
    ranks = [tfl.deep_linear.rank(model, w, 0.1) for w in run.controls]
    for kept in range(len(singular)):
        print(tfl.critical_point(risk, tfl.deep_linear.saddle(risk, range(kept))))
    return run, ranks, tfl.deep_linear.best_risks(risk)


def half_turns(distances, count):
    """Ensembles of starts turned by eps, and of random ones."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    risk = tfl.Risk(tfl.LinearNODE(np.eye(2), layers=4), tfl.losses.SquaredDistance(-np.eye(2)))
    flow, rng = tfl.GradientFlow(1e6, tolerance=1e-6), np.random.default_rng(1)
    turned = tfl.ensemble(risk, [np.tile(eps * turn, (4, 1, 1)) for eps in distances], flow)
    drawn = tfl.ensemble(risk, [rng.standard_normal(risk.space.shape) for _ in range(count)], tfl.GradientFlow(100.0))
    return turned, drawn


def main(arguments=None):
    """Run, draw, and return the fitted exponent, the times, the ranks on the way and the part of random starts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--distances", type=float, nargs="+", default=[1e-1, 1e-2, 1e-3, 1e-4])
    parser.add_argument("--count", type=int, default=20, help="random starts")
    parser.add_argument("-o", "--output", default="out/deep_linear.png")
    options = parser.parse_args(arguments)

    run, ranks, levels = one_after_another([4.0, 2.0, 1.0], 1e-4, 20.0)
    turned, drawn = half_turns(options.distances, options.count)
    law = turned.law(options.distances)
    print(turned, law, f"random starts: {drawn}", sep="\n")

    figure = plotting.canvas(None, 10, 4.2)
    left, right = figure.subplots(1, 2)
    left.plot(run.history["time"], run.history["risk"], "k", label="risk")
    for k, level in enumerate(levels):
        left.axhline(level, linewidth=1, label=f"least of rank {k}", **plotting.line_style(k + 1))
    left.set(xlabel="training time", ylabel="risk", title="One singular value after another")
    right.loglog(options.distances, turned.times, "o", label="time to $10^{-6}$")
    right.loglog(
        options.distances,
        law.constant * np.array(options.distances) ** law.exponent,
        label=f"distance^{law.exponent:.2f}",
    )
    right.set(xlabel="distance from the stable manifold", ylabel="training time", title="To minus the identity")
    for panel in (left, right):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return law.exponent, turned.times, ranks, drawn.fraction


if __name__ == "__main__":
    main()
