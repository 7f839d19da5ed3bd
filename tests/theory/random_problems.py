"""Random problems that a certificate may hold for: models of all kinds, starts and targets."""

import numpy as np

import torusflow as tfl
from torusflow.losses import SquaredDistance


def linear(rng):
    d, n = rng.integers(1, 5, 2)
    X = rng.standard_normal((d, n)) * 10.0 ** rng.uniform(-1, 1)
    if rng.random() < 0.2:
        X = np.outer(X[:, 0], X[0])  # of rank one
    kind, layers = rng.integers(3), int(rng.integers(1, 7))
    if kind == 2:
        return tfl.LinearNetwork(X, tuple(int(m) for m in rng.integers(1, 5, layers)))
    return (tfl.LinearNODE, tfl.LinearResNet)[kind](X, layers)


def kernel(rng):
    d, n, m = rng.integers(1, 4), int(rng.integers(1, 6)), int(rng.integers(1, 8))
    length = 10.0 ** rng.uniform(-0.5, 0.5)
    kernels = tfl.GaussianKernel(length), tfl.MaternKernel(length, 1.5), tfl.MaternKernel(length, 2.5)
    x, scheme = 2 * rng.standard_normal((n, d)), str(rng.choice(["rk3", "rk4", "rk5"]))
    steps = int(rng.integers(1, 6)), int(rng.integers(1, 3)), scheme
    if rng.random() < 0.3:
        return tfl.RKHSNODE(x, tfl.RandomFourierFeatures(int(d), int(rng.integers(1, 60)), length), *steps)
    centres = x if rng.random() < 0.5 else 2 * rng.standard_normal((m, d))
    return tfl.RKHSNODE(x, tfl.KernelField(kernels[rng.integers(3)], centres), *steps)


def on_torus(rng):
    d, n = (int(k) for k in rng.integers(1, 4, 2))
    metric = tfl.SobolevMetric(rng.uniform(2.6, 4), 10.0 ** rng.uniform(-1.3, -0.3))
    return tfl.TorusNODE(rng.random((n, min(d, 2))), metric, int(rng.integers(1, 4)), int(rng.integers(1, 6)), 1, 1)


def perceptrons(rng):
    d, n, layers, m = (int(k) for k in rng.integers((1, 1, 1, 2), (4, 4, 4, 40)))
    inner = rng.standard_normal((layers, m, d)) if rng.random() < 0.5 else None
    activation = str(rng.choice(["tanh", "sine", "softplus"]))
    return tfl.ResNet(rng.standard_normal((d, n)), layers, m, activation, inner, m**-0.5 * 10.0 ** rng.uniform(-1, 0))


def density(rng):
    torus = tfl.Torus((int(rng.integers(7, 20)),), library="numpy")
    metric = tfl.SobolevMetric(rng.uniform(1.6, 4), 10.0 ** rng.uniform(-1.3, -0.3))
    size = rng.uniform(0, 0.9)
    initial = tfl.densities.from_function(torus, lambda x: 1 + size * np.cos(2 * np.pi * x))
    scheme = str(rng.choice(["rk3", "rk4"]))
    return tfl.MeasureNODE(torus, metric, initial, int(rng.integers(1, 4)), None, 2, scheme=scheme)


# With the share of each; transforms to scattered points take their time.
KINDS = {linear: 0.35, kernel: 0.25, on_torus: 0.03, perceptrons: 0.25, density: 0.12}


def problem(rng, kinds=KINDS):
    """A model and a start, zero or not."""
    model = rng.choice(list(kinds), p=list(kinds.values()))(rng)
    if isinstance(model, tfl.ResNet | tfl.LinearNetwork):
        return model, rng.standard_normal(model.space.shape)
    largest = 0.02 if isinstance(model, tfl.MeasureNODE) else 10.0
    size = 0.0 if rng.random() < 0.4 else largest * 10.0 ** rng.uniform(-3, 0)
    return model, size * model.space.random(rng)


def risk_near(model, start, bounds, rng):
    """A risk whose target is near the output at the start: about as far as a certificate bears, or anywhere."""
    output = model(start)
    least, slope = bounds.lower(0) ** 0.5, bounds.lipschitz(0)
    far = 10.0 ** rng.uniform(-6, 0)
    if 0 < least**2 < slope and rng.random() < 0.7:
        far = least**2 / (4 * slope) * 10.0 ** rng.uniform(-1.5, 0.3)
    if not isinstance(model, tfl.MeasureNODE):
        return tfl.Risk(model, SquaredDistance(output + far * model.output_space.random(rng)))
    noise = rng.standard_normal(output.shape)
    target = np.maximum(output + min(far, 0.01) * (noise - noise.mean()) / noise.std(), 0)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.from_array(model.torus, target, normalise=True)))
