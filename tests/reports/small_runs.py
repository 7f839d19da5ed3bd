"""Small runs of every kind that a report shows, in files."""

import numpy as np

import torusflow as tfl


def on_densities(path, shape=(16, 15), iterations=3, coordinates=None, **store):
    """Densities moved to a target."""
    torus = tfl.Torus(shape, threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, band=2)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 1.5)))
    names = tfl.Coordinates("degrees", ("phi", "psi", "chi1")[: len(shape)], True)
    store = tfl.RunFile(path, coordinates=coordinates or names, **store)
    return tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), iterations, store=store)


def on_points(path, iterations=3, method=None):
    """Points in the plane."""
    x = np.random.default_rng(0).standard_normal((7, 2))
    model = tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 20), layers=3)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(-x))
    return tfl.descend(risk, model.space.zeros(), method or tfl.LBFGS(), iterations, store=path)


def of_network(path, iterations=3):
    """Numbers that are no points."""
    rng = np.random.default_rng(1)
    model = tfl.LinearNetwork(rng.standard_normal((3, 5)), (4, 2, 3))
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(rng.standard_normal((3, 5))))
    return tfl.descend(risk, model.space.random(rng), tfl.LBFGS(), iterations, store=path)


def of_likelihood(path, iterations=2):
    """A likelihood of samples."""
    points = np.random.default_rng(2).random((30, 1)) ** 2
    model = tfl.SampleNODE(points, tfl.SobolevMetric(3, 0.2), layers=2, band=2, substeps=1)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    store = tfl.RunFile(path, coordinates=tfl.Coordinates("hours", ("time",)))
    return tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), iterations, store=store)


def conditional(path):
    """A density given a column, by the estimator."""
    angles = np.random.default_rng(3).vonmises([0.5, 2.0], [3.0, 1.0], (60, 2))
    made = tfl.TorusDensity("radians", given=[0], grid=16, length=0.2, smoothness=2.5, penalty=1, band=4, max_iter=3)
    made.fit(angles).save(path)


def without_densities(path):
    """A file that keeps the control only."""
    on_densities(path, densities=False)


def linearised(path):
    """A model that moves densities, but along no flow of its own."""
    torus = tfl.Torus((12,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, band=2)
    lazy = tfl.Linearised(model, 0.1 * model.space.random(np.random.default_rng(4)))
    risk = tfl.Risk(lazy, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    tfl.descend(risk, lazy.space.zeros(), tfl.LBFGS(), 2, store=path)
