"""From rich to lazy training
==========================

From rich to lazy: the same mean-field ResNet trained with residuals multiplied by a growing alpha.

With time divided by alpha^2 units move by 1/alpha, measured in the layerwise W2 distance, and risks approach those of
one limit. As Chizat finds (The hidden width of deep ResNets, arXiv:2509.10167, abstract), it is a flow whose
fields are linear in the control, not the linearised network: states move as far as ever, so the tangent kernel drifts
and its lazy prediction stays wrong. The Polyak-Lojasiewicz ratio bounds the path, as in the local analysis of Barboni,
Peyré and Vialard (arXiv:2403.12887): length <= sqrt(2/m) (sqrt R(0) - sqrt R(T)), m its least value.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting

LAYERS, PAIRS = 8, 16
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5))
TARGETS = X + 0.5 * RNG.standard_normal(X.shape)


def start(spread):
    """Normal units, each with one of opposite sign, so that the network begins at the identity for every alpha."""
    units = spread * np.random.default_rng(3).standard_normal((LAYERS, PAIRS, 5))
    return np.concatenate([units, units * [-1, -1, 1, 1, 1]], axis=1)


def train(alpha, times, spread=1.0):
    """What a gradient flow does up to the times, divided by alpha^2, as a dictionary."""
    first = start(spread)
    model = tfl.MeanFieldResNet(X, *first.shape[:2], alpha=alpha)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(TARGETS))
    flow = tfl.GradientFlow(times[-1] / alpha**2, tolerance=1e-8, times=tuple(times / alpha**2))
    controls = tfl.descend(risk, first, flow, iterations=5000).controls
    risks = np.array([risk(control) for control in controls])
    ratios = np.array([tfl.lojasiewicz.ratio(risk, control) for control in controls])
    kernel = tfl.tangent_kernel(model, first)
    return {
        "risks": risks,
        "predicted": tfl.lazy_risk(kernel.matrix(), model(first) - TARGETS, times / alpha**2),
        "ratios": ratios / alpha**2,
        "distance": tfl.mean_field.distance(first, controls[-1]),
        "length": tfl.mean_field.length(controls),
        "bound": np.sqrt(2 / ratios.min()) * (np.sqrt(risks[0]) - np.sqrt(risks[-1])),
        "drift": tfl.drift(model, first, controls[-1]),
    }


def main(arguments=None):
    """Draw risks, paths and ratios; return the exponent of the distance, the runs by alpha, and ratios by spread."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--alphas", type=float, nargs="+", default=[0.25, 0.5, 1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--spreads", type=float, nargs="+", default=[0.25, 0.5, 1, 2], help="of the initial law")
    parser.add_argument("--final-time", type=float, default=4.0)
    parser.add_argument("-o", "--output", default="out/lazy_to_rich.png")
    options = parser.parse_args(arguments)

    times = np.linspace(0, options.final_time, 17)
    runs = {alpha: train(alpha, times) for alpha in options.alphas}
    distances, lengths, bounds, drifts = (
        np.array([run[name] for run in runs.values()]) for name in ("distance", "length", "bound", "drift")
    )
    exponent = np.polyfit(np.log(options.alphas), np.log(distances), 1)[0]
    lazy = runs[options.alphas[-1]]
    print(f"distance that units move: exponent {exponent:.3f} of alpha, -1 expected")
    for alpha, run in runs.items():
        gaps = [np.abs(run["risks"] - other).max() for other in (lazy["risks"], run["predicted"])]
        print(f"alpha {alpha:6g}: risk {gaps[0]:.1e} from the last one's, {gaps[1]:.1e} from its lazy prediction, "
              f"kernel drift {run['drift']:.3f}, least ratio/alpha^2 {run['ratios'].min():.4f}")  # fmt: skip

    figure = plotting.canvas(None, 12, 4)
    risks, paths, ratios = figure.subplots(1, 3)
    for number, alpha in enumerate(options.alphas[:: max(1, len(runs) // 4)]):
        risks.semilogy(times, runs[alpha]["risks"], label=f"alpha {alpha:g}", **plotting.line_style(number))
    risks.semilogy(times, lazy["predicted"], "k", linewidth=1, label="linearised network")
    risks.set(xlabel="training time · alpha²", ylabel="risk", title="Training")
    for name, line in (("distance moved", distances), ("length of the path", lengths), ("its bound", bounds)):
        paths.loglog(options.alphas, line, "o-", label=name)
    paths.loglog(options.alphas, drifts, "s--", label="drift of the tangent kernel")
    paths.set(xlabel="alpha", title=f"Units: slope {exponent:.2f}")
    by_spread = {spread: train(options.alphas[-1], times, spread)["ratios"] for spread in options.spreads}
    for number, (spread, line) in enumerate(by_spread.items()):
        ratios.semilogy(times, line, label=f"initial spread {spread:g}", **plotting.line_style(number))
    ratios.set(xlabel="training time · alpha²", ylabel="ratio / alpha²", title="Polyak-Łojasiewicz ratio, lazy")
    for axes in (risks, paths, ratios):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return exponent, runs, by_spread


if __name__ == "__main__":
    main()
