"""A linear neural ODE is asked for minus the identity
===================================================

A linear neural ODE is asked for -Id in the plane: from W = 0 it shrinks to zero, from a perturbed start it turns.

From W(0) = 0 every W(t) is a multiple of the identity, so the flow can only scale, and the best it can do is to send
everything to the origin: the loss per dimension tends to 1/2. A perturbation of size 1e-3 breaks the symmetry.
"""

import argparse

import numpy as np
from scipy.linalg import expm

import torusflow as tfl
from torusflow import plotting


def train(perturbation):
    """Gradient flow towards the targets -X, with inputs on a circle such that X X^T = Id."""
    angles = 2 * np.pi * np.arange(7) / 7  # an odd number, so that no target is an input too
    X = np.sqrt(2 / 7) * np.stack([np.cos(angles), np.sin(angles)])
    model = tfl.LinearNODE(X, layers=8)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(-X))
    start = perturbation * model.space.random(np.random.default_rng(1))
    final_time = 1e5 if perturbation else 1e3  # without one nothing happens any more
    return model, tfl.descend(risk, start, tfl.GradientFlow(final_time), 5000, risk_tolerance=1e-12)


def flow_lines(model, control, per_layer=12):
    """The inputs at all times s, array (times, 2, N)."""
    points = [model.X]
    for layer in control:
        step = expm(layer / model.layers / per_layer)
        for _ in range(per_layer):
            points.append(step @ points[-1])
    return np.stack(points)


def draw(axes, model, result, title):
    """Inputs, targets and outputs, joined by flow lines."""
    lines = flow_lines(model, result.control)
    axes.plot(lines[:, 0], lines[:, 1], color="0.6", linewidth=0.8, zorder=1)
    for name, points, style in (
        ("inputs", lines[0], {"marker": "o", "color": "#0072B2", "s": 36}),
        ("targets", -lines[0], {"marker": "o", "facecolors": "none", "edgecolors": "#D55E00", "s": 110}),
        ("outputs", lines[-1], {"marker": "x", "color": "#D55E00", "s": 36}),
    ):
        axes.scatter(*points, label=name, zorder=2, **style)
    for sign, color in ((1, "#0072B2"), (-1, "#D55E00")):  # the same number for an input and its target
        for i, point in enumerate(sign * lines[0].T):
            axes.annotate(f"{i + 1}", point, xytext=1.17 * point, ha="center", va="center", color=color)
    axes.set_title(f"{title}\nloss {result.value:.2e} at t = {result.history['time'][-1]:.0f}", fontsize=10)
    axes.set(aspect="equal", xlim=(-0.75, 0.75), ylim=(-0.75, 0.75))


def main(arguments=None):
    """Train both, draw both, and return the two final losses."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("-o", "--output", default="out/minus_identity.png")
    options = parser.parse_args(arguments)

    figure = plotting.canvas(None, 9, 5)
    losses = {}
    starts = ((0.0, "start at W = 0: shrinks to zero"), (1e-3, "start at distance 0.001: turns by π"))
    for axes, (perturbation, title) in zip(figure.subplots(1, 2), starts, strict=True):
        model, result = train(perturbation)
        losses[perturbation] = result.value
        print(f"start at distance {perturbation:g}: loss {result.value:.6g}; {result.status}")
        draw(axes, model, result, title)
    axes.legend(loc="lower right", fontsize=8)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return losses


if __name__ == "__main__":
    main()
