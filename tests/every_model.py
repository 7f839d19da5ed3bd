"""The models, listed once, each with a control far from zero and a target: what holds for one is tested for all."""

from dataclasses import dataclass

import numpy as np

import torusflow as tfl
from torusflow import losses


@dataclass
class Case:
    """A model, how large a control to test it at, and how exact its adjoint is."""

    model: object
    size: float = 1.0
    adjoint: float = 1e-12

    def control(self, rng):
        if isinstance(self.model, tfl.MeasureNODE | tfl.LogDensityNODE):
            v = self.model.space.random(rng)
            return v * (1.5 / self.model.courant(v))
        w = self.model.space.random(rng)
        if isinstance(self.model, tfl.TorusNODE | tfl.SampleNODE | tfl.GeodesicNODE):
            return w * (0.3 / np.max(np.abs(self.model.space.to_grid(w))))
        return self.size * w

    def risk(self, rng):
        """With targets a little away from the outputs at zero."""
        space = self.model.output_space
        if isinstance(self.model, tfl.MeasureNODE | tfl.GeodesicNODE):
            return tfl.Risk(self.model, losses.SquaredL2(tfl.densities.von_mises(self.model.torus, 0.3, 1.0)))
        if isinstance(self.model, tfl.LogDensityNODE):
            torus = self.model.torus
            return tfl.Risk(self.model, losses.NormalisedLikelihood(rng.random((9, torus.dimension)), torus))
        targets = self.model(self.model.space.zeros()) + 0.3 * rng.standard_normal(space.shape)
        return tfl.Risk(self.model, losses.SquaredDistance(targets))


def features(x):
    return np.hstack([x, x**2])


def features_jacobian(x):
    linear = np.tile(np.eye(2), (len(x), 1, 1))
    return np.concatenate([linear, 2 * x[:, :, None] * np.eye(2)], axis=1)


def make_cases():
    rng = np.random.default_rng(7)
    X, x = rng.standard_normal((3, 5)), rng.standard_normal((6, 2))
    centres = np.array([[i, j] for i in (-1.5, 0, 1.5) for j in (-1.5, 0, 1.5)])
    smooth = tfl.SobolevMetric(3, 0.2)

    # The nonuniform transforms of three dimensions take milliseconds each, however few the modes are.
    steps = {1: (3, 2), 2: (3, 2), 3: (2, 1)}

    def cloud(d):
        layers, substeps = steps[d]
        return tfl.TorusNODE(rng.random((9, d)), smooth, layers=layers, band=3, substeps=substeps)

    def samples(d, base=None):
        layers, substeps = steps[d]
        return tfl.SampleNODE(rng.random((9, d)), smooth, base, layers=layers, band=3, substeps=substeps)

    def density(*shape):
        torus = tfl.Torus(shape)
        return tfl.MeasureNODE(torus, smooth, tfl.densities.von_mises(torus, 0.7, 0.5), layers=3, band=2, substeps=2)

    def logarithm(*shape):
        torus = tfl.Torus(shape)
        return tfl.LogDensityNODE(torus, smooth, tfl.densities.von_mises(torus, 0.7, 0.5), layers=3, band=2, substeps=2)

    def geodesic(*shape):
        torus = tfl.Torus(shape)
        return tfl.GeodesicNODE(torus, smooth, tfl.densities.von_mises(torus, 0.7, 0.5), band=2, steps=8)

    def circle_node(kernel):
        return tfl.RKHSNODE(x[:, :1], tfl.KernelSpan(kernel, x[:, :1]), 3)

    def kernel_node(kernel):
        return tfl.RKHSNODE(x, tfl.KernelField(kernel, centres), 4, 2)

    def network(*maps, weights=()):
        return tfl.Network(x, maps, weights)

    point, four = np.zeros((1, 2)), np.zeros((1, 4))
    waves, matrix = tfl.RandomFourierFeatures(4, 12), rng.standard_normal((4, 3))
    before, after, two = tfl.Affine(4), tfl.Affine(3, bias=False), tfl.Affine(2)
    flow, torus_flow = tfl.RKHSNODE(four, waves, 2), tfl.TorusNODE(point, smooth, layers=2, band=2, substeps=1)
    perceptrons = tfl.NODE(four, tfl.Perceptrons(3), 2, scheme="rk3")
    fixed = tfl.Fixed(tfl.Affine(2, bias=False), matrix[:, :2].T)
    inner = tfl.Network(point, [before, flow, two])

    return {
        "Network": Case(network(before, flow, after), 4.0),
        "Network fixed at both ends": Case(network(tfl.Padding(4), perceptrons, fixed), 4.0),
        "Network of features": Case(network(tfl.Fixed(before, matrix), waves, two), 4.0),
        "Network of trained features": Case(network(before, waves, after), 4.0),
        "Network of columns": Case(network(before, tfl.ResNet(four.T, 2, 3), tfl.LinearResNet(four.T, 2), after), 4.0),
        "Network of a network": Case(network(two, inner, torus_flow, weights=(1.0, 0.5, 3.0)), 1.0, 1e-9),
        "LinearNetwork": Case(tfl.LinearNetwork(X, (4, 2, 3)), 3.0),
        "LinearNetwork of one layer": Case(tfl.LinearNetwork(X, (2,)), 3.0),
        "LinearResNet": Case(tfl.LinearResNet(X, 7), 3.0),
        "LinearNODE": Case(tfl.LinearNODE(X, 6), 3.0),
        "ResNet tanh": Case(tfl.ResNet(X, 4, 6), 6.0),
        "ResNet softplus": Case(tfl.ResNet(X, 3, 6, "softplus", scale=0.4), 6.0),
        "ResNet sine": Case(tfl.ResNet(X, 3, 5, "sine"), 6.0),
        "ResNet A only": Case(tfl.ResNet(X, 4, 6, inner=rng.standard_normal((4, 6, 3))), 6.0),
        "ResNet with biases": Case(tfl.ResNet(X, 3, 4, bias=True), 4.0),
        "ResNet of several widths": Case(tfl.ResNet(X, 3, (5, 2, 4), "softplus", bias=True), 4.0),
        "NODE of perceptrons": Case(tfl.NODE(x, tfl.Perceptrons(5), 3, 2), 4.0),
        "NODE random features": Case(tfl.NODE(x, tfl.RandomFourierFeatures(2, 30), 3, scheme="rk3"), 3.0),
        "NODE Gaussian": Case(tfl.NODE(x, tfl.KernelField(tfl.GaussianKernel(0.8), centres), 2, scheme="euler"), 3.0),
        "MeanFieldResNet": Case(tfl.MeanFieldResNet(X, 4, 6, alpha=1.5), 3.0),
        "RKHSNODE given features": Case(tfl.RKHSNODE(x, tfl.Features(features, features_jacobian, 4), 4, 2)),
        "RKHSNODE random features": Case(tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 30), 4, 2), 3.0),
        "RKHSNODE Gaussian": Case(kernel_node(tfl.GaussianKernel(0.8)), 3.0),
        "RKHSNODE Matern 5/2": Case(kernel_node(tfl.MaternKernel(1.0)), 3.0),
        "RKHSNODE Matern 3/2": Case(kernel_node(tfl.MaternKernel(1.0, 1.5)), 3.0),
        "RKHSNODE span": Case(tfl.RKHSNODE(x, tfl.KernelSpan(tfl.GaussianKernel(0.8), x), 4, 2), 3.0),
        "RKHSNODE Sobolev": Case(circle_node(tfl.SobolevKernel(3, 0.2, 1)), 3.0),
        "Neurons": Case(tfl.Neurons(x, 7), 3.0),
        "Neurons softplus": Case(tfl.Neurons(x, 4, "softplus"), 3.0),
        "CircleNeurons": Case(tfl.CircleNeurons(rng.random((6, 1)), 8, tfl.SobolevMetric(1.0, 0.1), 4)),
        "TwoLayer": Case(tfl.TwoLayer(tfl.Neurons(x, 5), 10.0, outputs=2), 3.0),
        "TorusNODE T1": Case(cloud(1), adjoint=1e-9),
        "TorusNODE T2": Case(cloud(2), adjoint=1e-9),
        "TorusNODE T3": Case(cloud(3), adjoint=1e-9),
        "SampleNODE T1": Case(samples(1), adjoint=1e-9),
        "SampleNODE T2": Case(samples(2), adjoint=1e-9),
        "SampleNODE T3": Case(samples(3), adjoint=1e-9),
        "SampleNODE T2 from a hill": Case(samples(2, tfl.densities.von_mises(tfl.Torus((20, 21)))), adjoint=1e-9),
        "MeasureNODE T1": Case(density(24)),
        "MeasureNODE T2": Case(density(15, 16)),
        "MeasureNODE T3": Case(density(9, 10, 8)),
        "LogDensityNODE T1": Case(logarithm(24)),
        "LogDensityNODE T2": Case(logarithm(15, 16)),
        "LogDensityNODE T3": Case(logarithm(9, 10, 8)),
        "GeodesicNODE T1": Case(geodesic(24)),
        "GeodesicNODE T2": Case(geodesic(18, 19)),
        "GeodesicNODE T3": Case(geodesic(12, 13, 12)),
    }


MODELS = make_cases()
