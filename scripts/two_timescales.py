"""Neurons behind a fast outer layer diffuse
=========================================

Neurons behind a fast outer layer diffuse to those of their teacher: arXiv:2504.18208, section 6.1.

R. Barboni, G. Peyre, F.-X. Vialard, "Ultra-fast feature learning for the training of two-layer neural networks in the
two-timescale regime". The teacher's density is theirs, the neurons are bumps on the circle in place of rectifiers.
Left: histograms of neurons with the best outer weights, beside the ultra-fast diffusion. Middle: their distance,
by the ridge; with entropic weights from a logarithmic diffusion. Right: how far neurons trained with their outer layer
are from those with the best weights, by the ratio of the two rates.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting, two_timescales

CELLS = 64
TURN = 4 * np.pi**2  # on a circle of length 2 pi, as in the paper, the same takes so many times as long


def teacher(sharpness):
    """Cell means of the density of the teacher's neurons, of mean one."""
    x = (np.arange(16 * CELLS) + 0.5) / (16 * CELLS)
    g = 1 / (1 + sharpness * np.sin(np.pi * x) ** 2) + 0.5 / (1 + sharpness * np.sin(np.pi * (x - 0.2)) ** 2)
    return (g / g.mean()).reshape(CELLS, 16).mean(axis=1)


def student(count, band, density):
    """Evenly spaced neurons on the circle, and what the teacher says at inputs that determine it."""
    inputs = np.arange(2 * band + 1)[:, None] / (2 * band + 1)
    neurons = tfl.CircleNeurons(inputs, count, tfl.SobolevMetric(1.0, 0.1), band)
    return neurons, neurons.mean_field(density), (np.arange(count) + 0.5) / count


def diffused(neurons, start, loss, density, times):
    """Histograms and limits at times of the diffusion, two arrays (times, cells)."""
    times = np.asarray(times) / (TURN * loss.ridge)
    run = tfl.descend(tfl.Risk(neurons, loss), start, tfl.GradientFlow(times[-1], 1e-6, tuple(times)), 100_000)
    limit = two_timescales.limit(loss, density, np.ones(CELLS), times)
    return np.array([two_timescales.histogram(w, CELLS) for w in run.controls]), limit


def two_rates(neurons, start, loss, time, ratios):
    """How far neurons are from those with the best outer weights, for each ratio of rates."""
    flow = tfl.GradientFlow(time / (TURN * loss.ridge), 1e-8)
    best = tfl.descend(tfl.Risk(neurons, loss), start, flow, 100_000).control
    outer, gaps = tfl.losses.OuterLayer(loss.targets, loss.ridge, loss.regulariser), []
    for ratio in ratios:
        model = tfl.TwoLayer(neurons, ratio)
        begin = model.control(start, loss.weights(neurons(start)))
        theta, _ = model.parts(tfl.descend(tfl.Risk(model, outer), begin, flow, 100_000).control)
        gaps.append(np.sqrt(np.mean((theta - best) ** 2)))
    return np.array(gaps)


def main(arguments=None):
    """Run, draw, and return the distances in L1 by regularisers, and the order in the ratio of rates."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--ridges", type=float, nargs="+", default=[1e-1, 1e-2, 1e-3, 1e-4])
    parser.add_argument("--ratios", type=float, nargs="+", default=[100, 300, 1000, 3000, 10000])
    parser.add_argument("--times", type=float, nargs="+", default=[0.25, 1.0, 4.0])
    parser.add_argument("--sharpness", type=float, default=10.0, help="of the teacher's two hills")
    parser.add_argument("--count", type=int, default=256, help="neurons")
    parser.add_argument("-o", "--output", default="out/two_timescales.png")
    options = parser.parse_args(arguments)
    density, distances, places = teacher(options.sharpness), {}, (np.arange(CELLS) + 0.5) / CELLS
    neurons, targets, start = student(options.count, 20, density)
    figure = plotting.canvas(None, 12, 4)
    left, middle, right = figure.subplots(1, 3)
    for regulariser, line in {"unbiased": "o-", "biased": "s--", "entropic": "^:"}.items():
        losses = [tfl.losses.VariableProjection(targets, ridge, regulariser) for ridge in options.ridges]
        found = [diffused(neurons, start, loss, density, options.times) for loss in losses]
        distances[regulariser] = np.array([np.abs(ours - limit).mean() for ours, limit in found])
        print(f"{regulariser:>9}: distance in L1 by ridge {distances[regulariser].round(5)}")
        middle.loglog(options.ridges, distances[regulariser], line, label=regulariser)
        if regulariser == "unbiased":
            for time, ours, limit in zip(options.times, *found[-1], strict=True):
                (drawn,) = left.plot(places, limit, linewidth=1, label=f"diffusion, time {time:g}")
                left.plot(places, ours, ".", color=drawn.get_color(), label="neurons")
    left.plot(places, density, "k--", linewidth=1, label="teacher")
    neurons, targets, start = student(48, 12, density)
    gaps = two_rates(neurons, start, tfl.losses.VariableProjection(targets, 1e-2), options.times[0], options.ratios)
    order = np.log(gaps[-2] / gaps[-1]) / np.log(options.ratios[-1] / options.ratios[-2])
    print(f"distance by ratio of rates {gaps.round(6)}, order {order:.3f} in the last two")
    right.loglog(options.ratios, gaps, "o-", label=f"order {order:.2f} at the end")
    left.set(
        xlabel="place on the circle", ylabel="density", title=f"Neurons and diffusion, ridge {options.ridges[-1]:g}"
    )
    middle.set(xlabel="ridge", ylabel="mean distance in L1", title="To the diffusion")
    right.set(xlabel="rate of outer layer / of neurons", ylabel="distance of neurons", title="To the best weights")
    for panel in (left, middle, right):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    return distances, order


if __name__ == "__main__":
    main()
