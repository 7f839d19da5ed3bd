"""The tangent kernel of a PyTorch network
=======================================

How much does the tangent kernel of a PyTorch ResNet change in training, against its width?

J. Lee et al., Wide neural networks of any depth evolve as linear models under gradient descent, NeurIPS 2019,
arXiv:1902.06720, figure 1, shows it for perceptrons: relative changes of weights and kernel fall between n^(-1/2) and
n^(-1). Here is the same for a residual network ``h <- h + W relu(h) / sqrt(n L)``, whose state has the width n too,
with weights of unit variance (the scaling of the tangent kernel). The network is any torch.nn.Module;
`tfl.interop.torch.model` makes a model of it, so that descent and kernel are torusflow's.
"""

import argparse
import sys

import numpy as np

import torusflow as tfl
from torusflow import plotting

try:
    import torch
except ImportError:
    sys.exit("tangent_kernel_of_torch.py needs PyTorch: pip install 'torusflow[torch]'")


class ResNet(torch.nn.Module):
    """Points in R^d -> numbers, through residual layers of one width."""

    def __init__(self, dimension, width, layers):
        super().__init__()
        self.first = torch.nn.Parameter(torch.randn(dimension, width))
        self.layers = torch.nn.Parameter(torch.randn(layers, width, width))
        self.last = torch.nn.Parameter(torch.randn(width, 1))

    def forward(self, x):
        n, size = self.last.shape[0], len(self.layers)
        h = x @ self.first / x.shape[1] ** 0.5
        for weights in self.layers:
            h = h + torch.relu(h) @ weights / (n * size) ** 0.5
        return h @ self.last / n**0.5


def train(width, layers, seed, iterations):
    """Relative changes of the parameters and of the tangent kernel over a descent, and by how much the risk fell."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    x = rng.standard_normal((8, 4))
    model = tfl.interop.torch.model(ResNet(4, width, layers), x)
    targets = model(model.start) + np.sin(2 * x[:, :1])  # the same way to go at every width
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(targets))
    step = 1 / tfl.tangent_kernel(model, model.start).eigenvalues(1)[0]
    result = tfl.descend(risk, model.start, tfl.GradientDescent(step), iterations)
    moved = np.linalg.norm(result.control - model.start) / np.linalg.norm(model.start)
    fell = result.value / result.history["risk"][0]
    return moved, tfl.drift(model, model.start, result.control), fell


def main(arguments=None):
    """Train at all widths, draw both changes, and return their slopes and how far risks fell."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512])
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("-o", "--output", default="out/tangent_kernel_of_torch.png")
    options = parser.parse_args(arguments)

    runs = [
        [train(width, options.layers, seed, options.iterations) for seed in range(options.seeds)]
        for width in options.widths
    ]
    moved, drifts, fell = np.median(runs, axis=1).T
    figure = plotting.canvas(None, 6, 4.5)
    axes, slopes = figure.subplots(), []
    for name, changes in (("tangent kernel", drifts), ("parameters", moved)):
        slopes.append(np.polyfit(np.log(options.widths), np.log(changes), 1)[0])
        axes.loglog(
            options.widths,
            changes,
            marker="o",
            label=f"{name}: slope {slopes[-1]:.2f}",
            **plotting.line_style(len(slopes) - 1),
        )
        print(f"{name}: changes by {changes[0]:.3f} to {changes[-1]:.4f} of its size, slope {slopes[-1]:.2f}")
    print(f"risk falls to {np.max(fell):.1e} of the first or less")
    axes.set(xlabel="width n", ylabel="relative change over training", title="A residual network in PyTorch")
    axes.set_xticks(options.widths, map(str, options.widths))
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return slopes, np.max(fell)


if __name__ == "__main__":
    main()
