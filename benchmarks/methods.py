"""Iterations, passes and seconds that every method of descent takes to fit two densities on T^2, as a table.

From uniform to the unimodal density and to the one of contrast 100:1. A pass forward is a run of the model or of its
tangent, a gradient is a run of the adjoint: Gauss-Newton makes one of each for every product with the Hessian.
"""

import argparse
import time

import torusflow as tfl
from torusflow import losses

GOALS = (1e-1, 1e-2, 1e-3)
METHODS = {
    "GradientDescent": tfl.GradientDescent(line_search="armijo"),
    "HeavyBall": tfl.HeavyBall(line_search="armijo"),
    "Nesterov": tfl.Nesterov(line_search="armijo"),
    "BarzilaiBorwein": tfl.BarzilaiBorwein(),
    "LBFGS": tfl.LBFGS(),
    "GaussNewton": tfl.GaussNewton(),
    "L-BFGS-B": None,
}
TARGETS = {"unimodal": tfl.densities.von_mises, "banana": tfl.densities.banana}
LOSSES = {"SquaredL2": losses.SquaredL2, "KullbackLeibler": losses.KullbackLeibler}


class Counted:
    """A model that counts its passes."""

    def __init__(self, model):
        self.model, self.space, self.output_space = model, model.space, model.output_space
        self.forward = self.gradients = 0

    def __call__(self, w):
        self.forward += 1
        return self.model(w)

    def linearise(self, w):
        self.forward += 1
        return CountedLinearisation(self, self.model.linearise(w))


class CountedLinearisation:
    """Its linearisation."""

    def __init__(self, counts, linearisation):
        self.output, self._counts, self._linearisation = linearisation.output, counts, linearisation

    def tangent(self, dw):
        self._counts.forward += 1
        return self._linearisation.tangent(dw)

    def adjoint(self, p):
        self._counts.gradients += 1
        return self._linearisation.adjoint(p)


class Reached(Exception):
    """The last goal."""


class Progress:
    """A loss that notes what it took to come so close to the target, in the relative L2 norm, and ends the run."""

    def __init__(self, loss, model, seconds):
        self.loss, self.model, self.seconds = loss, model, seconds
        self.start, self.least, self.rows, self.iteration = time.perf_counter(), 1.0, [], 0
        self.check, self.curvature = loss.check, loss.curvature

    def __call__(self, rho):
        return self.loss(rho)

    def gradient(self, rho):
        """Asked for at the iterates only, and at a few trials of line searches that are as good as iterates."""
        torus, target = self.loss.torus, self.loss.target.values
        self.least = min(self.least, torus.norm(rho - target) / torus.norm(target))
        seconds = time.perf_counter() - self.start
        while len(self.rows) < len(GOALS) and self.least <= GOALS[len(self.rows)]:
            self.rows.append((self.iteration, self.model.forward, self.model.gradients + 1, seconds))
        if len(self.rows) == len(GOALS) or seconds > self.seconds:
            raise Reached
        return self.loss.gradient(rho)


def measure(name, target, loss, model, seconds):
    """(iterations, passes forward, gradients, seconds) at each goal that was reached, and the least error."""
    counted = Counted(model)
    progress = Progress(LOSSES[loss](target), counted, seconds)

    def count(iteration, row):
        progress.iteration = iteration + 1

    risk, zero = tfl.Risk(counted, progress), model.space.zeros()
    try:
        if METHODS[name] is None:
            tfl.descent.scipy_minimize(risk, zero, name, 10000, maxfun=100000, ftol=0.0, gtol=0.0)
        else:
            tfl.descend(risk, zero, METHODS[name], 10000, callback=count)
    except Reached:
        pass
    return progress.rows, progress.least


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=64, help="grid points per axis")
    parser.add_argument("--band", type=int)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--substeps", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="after which a run is given up")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--smoothness", type=float, default=2.5)
    parser.add_argument("--length", type=float, default=0.05)
    options = parser.parse_args(arguments)

    torus = tfl.Torus((options.points, options.points), threads=options.threads)
    metric = tfl.SobolevMetric(options.smoothness, options.length)
    uniform = tfl.densities.uniform(torus)
    model = tfl.MeasureNODE(torus, metric, uniform, options.layers, options.band, options.substeps)
    model.linearise(model.space.zeros()).adjoint(uniform.values)  # compiles
    print(
        f"{options.points} x {options.points} points, {model.layers} layers of {model.substeps} steps, "
        f"band {model.band[0]}, H^{options.smoothness:g} of length {options.length:g}; "
        f"iterations / passes forward / gradients / seconds"
    )
    columns = [f"error <= {goal:g}" for goal in GOALS]
    print("| target | loss | method | " + " | ".join(columns) + " | least error |")
    print("|---" * (4 + len(GOALS)) + "|")
    for target in options.targets:
        for loss in options.losses:
            for name in options.methods:
                rows, least = measure(name, TARGETS[target](torus), loss, model, options.seconds)
                cells = [f"{i or '?'} / {f} / {g} / {s:.2g}" for i, f, g, s in rows] + ["-"] * (len(GOALS) - len(rows))
                print(f"| {target} | {loss} | {name} | " + " | ".join(cells) + f" | {least:.1e} |", flush=True)


if __name__ == "__main__":
    main()
