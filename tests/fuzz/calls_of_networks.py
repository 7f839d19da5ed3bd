"""Calls of networks of several maps, of those whose fields change with time, and of losses of classes, for `calls`."""

import numpy as np
from things import RNG, Call, X, _used_model

import torusflow as tfl
from torusflow import losses

WAVES = tfl.RandomFourierFeatures(3, 4)
FLOW = tfl.RKHSNODE(np.zeros((1, 3)), WAVES, 2)
NETWORK = tfl.Network(X.T, [tfl.Padding(3), FLOW, tfl.Affine(2)])
CONTROL = np.ones(NETWORK.space.shape)
TIMED = tfl.NODE(X.T, tfl.Perceptrons(2), 2)
SPACE = tfl.ProductSpace([tfl.Euclidean((2,)), tfl.Euclidean((3, 1))], [1.0, 2.0])
LABELS, SCORES = np.array([0, 2, 1]), np.eye(3)
BIASED = tfl.ResNet(X, 2, (2, 3), bias=True)
MATRICES = BIASED.weights(BIASED.space.zeros())


def in_a_network(*maps):
    """A network of the points with these maps, used."""
    _used_model(tfl.Network(X.T, [*maps, tfl.Affine(2)]))


def of_classes(kind):
    """A loss, and what it says of an output."""
    loss = kind(LABELS)
    return {
        kind.__name__: Call(kind, {"labels": LABELS, "classes": (0, 1, 2)}, lambda loss: loss(SCORES)),
        f"{kind.__name__}()": Call(loss.__call__, {"*": SCORES}),
        f"{kind.__name__}.gradient": Call(loss.gradient, {"*": SCORES}),
        f"{kind.__name__}.accuracy": Call(loss.accuracy, {"output": SCORES}),
        f"{kind.__name__}.predicted": Call(loss.predicted, {"output": SCORES}),
    }


NETWORKS = {
    "Network": Call(tfl.Network, {"x": X.T, "maps": [tfl.Padding(3), FLOW], "weights": (2.0,)}, _used_model),
    "Network()": Call(NETWORK.__call__, {"*": CONTROL}),
    "Network.starting": Call(NETWORK.starting, {"points": X.T}),
    "Network.part": Call(NETWORK.part, {"rows": [0, 2]}),
    "Network.initial": Call(NETWORK.initial, {"rng": RNG}),
    "Network.controls": Call(NETWORK.controls, {"w": CONTROL}),
    "Affine": Call(tfl.Affine, {"width": 3, "bias": True}, in_a_network),
    "Padding": Call(tfl.Padding, {"width": 3}, in_a_network),
    "Fixed": Call(tfl.Fixed, {"map": tfl.Affine(2), "control": np.ones((2, 3))}, in_a_network),
    "NODE": Call(tfl.NODE, {"x": X.T, "family": tfl.Perceptrons(2), "layers": 2, "substeps": 1}, _used_model),
    "NODE()": Call(TIMED.__call__, {"*": TIMED.space.zeros()}),
    "NODE.from_function": Call(TIMED.from_function, {"function": lambda s: np.full((2, 5), s)}),
    "NODE.starting": Call(TIMED.starting, {"points": X.T}),
    "Perceptrons": Call(
        tfl.Perceptrons,
        {"width": 2, "activation": "tanh", "bias": True, "scale": 1.0},
        lambda family: _used_model(tfl.NODE(X.T, family, 1)),
    ),
    "ResNet with biases": Call(tfl.ResNet, {"X": X, "layers": 2, "width": (2, 3), "bias": True}, _used_model),
    "ResNet.weights": Call(BIASED.weights, {"w": BIASED.space.zeros()}),
    "ResNet.control": Call(BIASED.control, dict(zip(("outer", "inner"), MATRICES, strict=True))),
    "ProductSpace": Call(tfl.ProductSpace, {"spaces": [tfl.Euclidean((2,))], "weights": (1.0,)}, lambda s: s.zeros()),
    "ProductSpace.join": Call(SPACE.join, {"parts": [np.ones(2), np.ones((3, 1))]}),
    "ProductSpace.element": Call(SPACE.element, {"u": np.ones(5)}),
    "ProductSpace.random": Call(SPACE.random, {"rng": RNG}),
    **of_classes(losses.SoftmaxCrossEntropy),
    **of_classes(losses.MulticlassHinge),
    "SoftmaxCrossEntropy.probabilities": Call(losses.SoftmaxCrossEntropy(LABELS).probabilities, {"output": SCORES}),
}
