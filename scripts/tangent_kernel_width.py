"""The tangent kernel of wide perceptron ResNets
=============================================

How much does the tangent kernel of a perceptron ResNet change in training, and how well does it predict training?

Residuals are A sigma(B x) / (L sqrt m), sigma softplus, B standard normal. With outer weights A of mean one, the kernel
of one layer changes by m^(-1/2) and the risk follows the gradient flow of the linearised model. With mean zero, or with
odd sigma, the leading term of the change averages out and it falls faster. With three layers it does not fall at all,
however wide they are: the state between layers has few dimensions, and must move as far as the outputs do.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting

CASES = {  # layers, mean of the outer weights
    "one layer, outer weights of mean 1": (1, 1.0),
    "one layer, mean 0": (1, 0.0),
    "three layers, mean 0": (3, 0.0),
}


def train(width, layers, mean, seed, times):
    """Gradient flow from a random start: relative change of the kernel, risks at the times, predicted risks."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((3, 6))
    model = tfl.ResNet(X, layers=layers, width=width, activation="softplus", scale=width**-0.5)
    start = model.initial(rng)
    start[:, 0] += mean
    targets = model(start) + 0.5 * rng.standard_normal(X.shape)  # the same way to go at every width
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(targets))
    method = tfl.GradientFlow(times[-1], tolerance=1e-6, times=tuple(times))
    result = tfl.descend(risk, start, method, iterations=5000)
    risks = np.array([risk(control) for control in result.controls])
    predicted = tfl.lazy_risk(tfl.tangent_kernel(model, start).matrix(), model(start) - targets, times)
    return tfl.drift(model, start, result.control), risks, predicted


def main(arguments=None):
    """Run all cases, draw drift and training curves, and return the slopes and the largest gap to the prediction."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512, 1024])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("-o", "--output", default="out/tangent_kernel_width.png")
    options = parser.parse_args(arguments)

    times = np.linspace(0, 1, 21)
    figure = plotting.canvas(None, 10, 4.5)
    drift_axes, risk_axes = figure.subplots(1, 2)
    slopes, gaps = {}, {}
    for case, (layers, mean) in CASES.items():
        drifts = []
        for width in options.widths:
            runs = [train(width, layers, mean, seed, times) for seed in range(options.seeds)]
            drifts.append(np.mean([drift for drift, _, _ in runs]))
            _, risks, predicted = runs[0]
            gaps[case] = np.max(np.abs(risks - predicted)) / risks[0]  # of the last, widest one
            if case == next(iter(CASES)) and width in (options.widths[0], options.widths[-1]):
                (line,) = risk_axes.semilogy(times, risks, label=f"width {width}")
                risk_axes.semilogy(times, predicted, ":", color=line.get_color(), label="its lazy prediction")
        slopes[case] = np.polyfit(np.log(options.widths), np.log(drifts), 1)[0]
        style = {"label": f"{case}: slope {slopes[case]:.2f}", **plotting.line_style(len(slopes) - 1)}
        drift_axes.loglog(options.widths, drifts, marker="o", **style)
        print(f"{case}: drift {drifts[0]:.3f} at width {options.widths[0]}, {drifts[-1]:.4f} at {options.widths[-1]}")
        print(f"    fitted slope {slopes[case]:.3f}; risk differs from its prediction by {gaps[case]:.4f} of the first")
    drift_axes.set_ylim(drift_axes.get_ylim()[0] / 5)  # room for the legend
    drift_axes.set(xlabel="width m", ylabel="relative change of the tangent kernel", title="Drift over training")
    risk_axes.set(xlabel="training time", ylabel="risk", title=f"Training: {next(iter(CASES))}")
    for axes in (drift_axes, risk_axes):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return slopes, gaps


if __name__ == "__main__":
    main()
