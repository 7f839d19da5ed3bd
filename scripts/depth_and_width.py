"""How far a mean-field ResNet is from its limit
=============================================

How far is a mean-field ResNet of L layers of M independent units from its limit, before and after training?

1/L + alpha/sqrt(L M): the bound of Chizat, The hidden width of deep ResNets (arXiv:2509.10167, abstract),
which that paper checks by experiments and this study repeats on a problem whose limit is known. The law of the units at
depth s is uniform on a few curves theta_j(s), and stays so under training, so that a network whose layers have exactly
these units makes the error of depth alone: Euler's. Networks that draw M units a layer add the error of width, and as
it is independent in different layers, deep networks of one unit a layer are as good as wide ones.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting

STEPS, STEP = 10, 0.2  # of gradient descent; with alpha > 1 divided by alpha^2
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4))
TARGETS = X + 0.5 * RNG.standard_normal(X.shape)
ENDS = RNG.standard_normal((2, 8, 5))  # of eight curves of units (u, w, b)


def curves(layers):
    """The units on the curves at the depths of the layers, array (L, 8, 5)."""
    angle = np.pi / 2 * np.arange(layers)[:, None, None] / layers
    return np.cos(angle) * ENDS[0] + np.sin(angle) * ENDS[1]


def balanced(units):
    """With each unit (u, w, b) also (-u, w, b), so that the limit begins at the identity for every alpha."""
    return np.concatenate([units, units * [-1, -1, 1, 1, 1]], axis=1)


def outputs(units, alpha=1.0):
    """Before and after training, array (2, d, N)."""
    model = tfl.MeanFieldResNet(X, *units.shape[:2], alpha=alpha)
    method = tfl.GradientDescent(STEP / max(1.0, alpha) ** 2)
    trained = tfl.descend(tfl.Risk(model, tfl.losses.SquaredDistance(TARGETS)), units, method, STEPS)
    return np.stack([model(units), model(trained.control)])


def deviations(units, width, seeds, alpha=1.0):
    """Of networks that draw so many units a layer from the one that has them all: root mean squares, array (2,)."""
    exact, layers, count = outputs(units, alpha), *units.shape[:2]
    squares = []
    for seed in range(seeds):
        chosen = np.random.default_rng([seed, layers, width]).integers(count, size=(layers, width, 1))
        squares.append(((outputs(np.take_along_axis(units, chosen, 1), alpha) - exact) ** 2).sum((1, 2)))
    return np.sqrt(np.mean(squares, axis=0))


def main(arguments=None):
    """Draw the errors of depth, width and alpha, and return the exponents, before and after training."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[4, 8, 16, 32, 64])
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--deep", type=int, nargs="+", default=[16, 64, 256], help="layers of one unit each")
    parser.add_argument("--alphas", type=float, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--limit", type=int, default=1024, help="layers of the network taken for the limit")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("-o", "--output", default="out/depth_and_width.png")
    options = parser.parse_args(arguments)

    limit = 2 * outputs(curves(options.limit)) - outputs(curves(options.limit // 2))  # without its error of order 1/L
    middle = options.layers[len(options.layers) // 2]  # layers of the networks of which only the width varies
    widest, wide = options.widths[-1], balanced(curves(middle))
    depth = [np.linalg.norm(outputs(curves(layers)) - limit, axis=(1, 2)) for layers in options.layers]
    width = [deviations(curves(middle), m, options.seeds) for m in options.widths]
    narrow = [deviations(curves(layers), 1, options.seeds) for layers in options.deep]
    scale = [deviations(wide, widest, options.seeds, alpha) for alpha in options.alphas]
    cases = {  # what varies, its numbers, errors, and the exponent that is expected
        "layers L, no error of width": (options.layers, depth, -1),
        f"width M of {middle} layers": (options.widths, width, -0.5),
        "layers L of one unit": (options.deep, narrow, -0.5),
        f"alpha, {widest} units in {middle} layers": (options.alphas, scale, 1),
    }
    figure = plotting.canvas(None, 12, 3.8)
    exponents = {}
    for axes, (case, (numbers, errors, expected)) in zip(figure.subplots(1, 4), cases.items(), strict=True):
        exponents[case] = np.polyfit(np.log(numbers), np.log(errors), 1)[0]
        print(f"{case}: exponents {exponents[case].round(3)} before and after training, {expected} expected")
        for name, line, slope in zip(("before", "after"), np.transpose(errors), exponents[case], strict=True):
            style = {"label": f"{name} training: {slope:.2f}", **plotting.line_style(name == "after")}
            axes.loglog(numbers, line, marker="o", **style)
        guide = np.array(numbers, float) ** expected
        axes.loglog(numbers, guide * errors[0][0] / guide[0], "k:", label=f"expected: {expected}")
        axes.set(xlabel=case, ylabel="distance of the outputs")
        axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.set_ylim(axes.get_ylim()[0] / 5)  # room for the legend
        axes.legend(fontsize=9, title="slopes", loc="lower left" if expected < 0 else "lower right")
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return exponents


if __name__ == "__main__":
    main()
