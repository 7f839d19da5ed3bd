"""Small things of every kind: models, risks, maps and files that the fuzzed calls act on."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import torusflow as tfl
from torusflow import densities, losses
from torusflow.theory import lojasiewicz
from torusflow.torus.control import VelocitySpace


@dataclass
class Call:
    """function(**arguments), and then what a person does with the result."""

    function: object
    arguments: dict
    then: object = None

    def __call__(self, **changes):
        arguments = self.arguments | changes
        first = [arguments.pop("*")] if "*" in arguments else []
        result = self.function(*first, **arguments)
        return self.then(result) if self.then else result


def _used_model(model):
    """Evaluated, differentiated both ways."""
    w = model.space.zeros()
    derivative = model.linearise(w)
    model(w), derivative.tangent(w), derivative.adjoint(model.output_space.zeros())


def _used_loss(*outputs):
    def use(loss):
        return [(loss(output), loss.gradient(output)) for output in outputs]

    return use


def _used_method(method):
    return tfl.descend(RISK, W, method, 2)


RNG = np.random.default_rng(5)
LINE, PLANE, ROOM = (tfl.Torus(shape, threads=1) for shape in (8, (6, 5), (4, 5, 4)))
SMOOTH = tfl.SobolevMetric(3.0, 0.2)
HILL = densities.von_mises(PLANE, 0.3, 0.5)
HILL_ON_LINE = densities.von_mises(LINE, 0.3, 0.5)
FLAT = densities.uniform(PLANE)
POINTS = RNG.random((7, 2))
MEASURE = tfl.MeasureNODE(PLANE, SMOOTH, HILL, 2, 1, 1)
V = 0.02 * MEASURE.space.random(RNG)
DENSITY = MEASURE(V)
LOGARITHMS = tfl.LogDensityNODE(PLANE, SMOOTH, HILL, 2, 1, 1)
SAMPLES = tfl.SampleNODE(POINTS, SMOOTH, None, 2, 1, 1, 1)
CLOUD = tfl.TorusNODE(POINTS, SMOOTH, 2, 1, 1, 1)
GEODESIC = tfl.GeodesicNODE(PLANE, SMOOTH, HILL, 1, 2)
U0 = 0.01 * MEASURE.space.to_grid(V)[0]
U1 = 0.02 * np.cos(2 * np.pi * LINE.points[0])[None]
X, W = RNG.standard_normal((2, 3)), RNG.standard_normal((2, 2, 2))
LINEAR = tfl.LinearResNet(X, 2)
NETWORK = tfl.LinearNetwork(X, (2,))
PERCEPTRON = tfl.ResNet(X, 2, 3)
KERNEL = tfl.KernelField(tfl.GaussianKernel(0.5), X.T)
PARTICLES = tfl.RKHSNODE(X.T, KERNEL, 2, 1)
DISTANCE = losses.SquaredDistance(np.zeros((2, 3)))
RISK = tfl.Risk(LINEAR, DISTANCE)
LEAST_SQUARES = tfl.Risk(tfl.LinearNetwork(X, (1,)), losses.SquaredDistance([[1.0, -1.0, 1.0]]))
BEST = np.linalg.lstsq(X.T, np.array([1.0, -1.0, 1.0]), rcond=None)[0]
ENERGY = losses.InternalEnergy(PLANE, 2.0)
FIT = tfl.Risk(MEASURE, losses.SquaredL2(FLAT))
FLOW = tfl.FlowMap(MEASURE, V)
DIFFEO = tfl.Diffeomorphism(PLANE, 0.01 * np.ones((2, 6, 5)))
BOUNDS = lojasiewicz.bounds(LINEAR, 0 * W)
NEAR = tfl.Risk(LINEAR, losses.SquaredDistance(1.001 * X))
CERTIFICATE = lojasiewicz.certificate(NEAR, 0 * W, BOUNDS)
CERTIFIED = tfl.descend(NEAR, 0 * W, tfl.GradientDescent(CERTIFICATE.largest_step), 2)
COORDINATES = tfl.Coordinates()
IMAGE = Path(tempfile.mkdtemp()) / "grey.png"
Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(IMAGE)
TANGENT_FLOW = tfl.TangentFlow(PLANE, SMOOTH, losses.SquaredL2(FLAT), 1)
SPACE = VelocitySpace(PLANE, SMOOTH, 2, 1)


def features(x):
    return np.hstack([x, x**2])


def features_jacobian(x):
    return np.stack([np.diag([1, 1, 0, 0])[:, :2] + 0 * x[0, 0] for _ in x])


def shifted(x):
    return np.asarray(x) + 0.01
