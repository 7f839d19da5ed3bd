"""Losses on points: values by hand, gradients by differences, clouds against direct sums over the kernel."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow import losses, testing
from torusflow.hilbert import Euclidean
from torusflow.losses import CloudMMD, GeodesicDistance, SquaredDistance
from torusflow.losses.points import conflicting_pairs
from torusflow.testing.losses import gradient


def assert_gradient(loss, y, rng):
    testing.check_loss(loss, Euclidean(y.shape), y, rng=rng, checks=[gradient])


@pytest.mark.parametrize("check", testing.loss_checks())
@pytest.mark.parametrize("name", ["SquaredDistance", "GeodesicDistance", "CloudMMD", "LogLikelihood"])
def test_promise(name, check, rng):
    """Of `torusflow.testing`, which other packages call with their own losses."""
    loss = {
        "SquaredDistance": lambda: SquaredDistance(rng.random((5, 3))),
        "GeodesicDistance": lambda: GeodesicDistance(rng.random((5, 2))),
        "CloudMMD": lambda: CloudMMD(rng.random((4, 2)), tfl.Torus((9, 10))),
        "LogLikelihood": losses.LogLikelihood,
    }[name]()
    shape = {"SquaredDistance": (5, 3), "LogLikelihood": (7,)}.get(name, (5, 2))
    testing.check_loss(loss, Euclidean(shape), rng=rng, checks=[check])


def test_squared_distance(rng):
    y, targets = rng.standard_normal((2, 5, 3))
    assert SquaredDistance(targets)(y) == pytest.approx(np.sum((y - targets) ** 2) / 2)
    assert_gradient(SquaredDistance(targets), y, rng)


def test_geodesic_distance_takes_the_short_way(rng):
    loss = GeodesicDistance([[0.9, 0.1]])
    assert loss(np.array([[0.1, 0.2]])) == pytest.approx((0.2**2 + 0.1**2) / 2)
    np.testing.assert_allclose(loss.gradient(np.array([[5.1, -0.8]])), [[0.2, 0.1]])
    assert_gradient(loss, np.array([[0.2, 0.3]]), rng)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("shape", [(12,), (9, 10), (6, 7, 5)])
def test_clouds_against_clouds_and_densities(shape, squared, rng):
    d, torus = len(shape), tfl.Torus(shape)
    y, cloud = rng.random((7, d)), rng.random((4, d))
    loss = CloudMMD(cloud, torus, order=1.5, length=0.5, squared=squared)
    k = np.stack(
        np.meshgrid(*(np.arange(-((n - 1) // 2), (n - 1) // 2 + 1) for n in shape), indexing="ij"), -1
    ).reshape(-1, d)
    weights = (1 + 0.25 * (2 * np.pi) ** 2 * np.sum(k**2, axis=1)) ** -1.5

    def kernel(a, b):
        return np.mean(np.cos(2 * np.pi * (a[:, None] - b[None]) @ k.T) @ weights)

    square = kernel(y, y) - 2 * kernel(y, cloud) + kernel(cloud, cloud)
    assert loss(y) == pytest.approx(square / 2 if squared else np.sqrt(square), rel=tolerances.NONUNIFORM)
    assert loss(cloud[[2, 0, 3, 1]]) <= 1e-6  # the same cloud in another order; a root of round-off
    assert_gradient(loss, y, rng)
    density = CloudMMD(tfl.densities.uniform(torus), order=1.5, length=0.5, squared=squared)
    square = kernel(y, y) - 1
    assert density(y) == pytest.approx(square / 2 if squared else np.sqrt(square), rel=tolerances.NONUNIFORM)
    assert_gradient(density, y, rng)


def test_conflicting_pairs():
    points = np.array([[0, 0], [1, 1], [0, 0], [1, 1], [2, 2]])
    assert conflicting_pairs(points, [[1, 0], [2, 0], [3, 0], [2, 0], [9, 9]]) == 2
    assert conflicting_pairs(points, points) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SquaredDistance([[np.nan]]), "targets must be finite"),
        (lambda: SquaredDistance("far"), "targets must be an array of real numbers, got an array of <U3"),
        (lambda: SquaredDistance([]), r"the targets are empty: an array \(0,\)"),
        (lambda: SquaredDistance([[1j]]), "targets must be an array of real numbers, got an array of complex128"),
        (lambda: SquaredDistance([[1], [2, 3]]), "got a list that NumPy cannot make one of"),
        (lambda: SquaredDistance(np.eye(2))(1.0), r"targets have shape \(2, 2\), the points \(\)"),
        (lambda: GeodesicDistance(np.eye(2)).gradient(np.eye(3)), r"targets have shape \(2, 2\), the points \(3, 3\)"),
        (lambda: CloudMMD(np.zeros((3, 2))), "or a cloud .* together with torus"),
        (lambda: CloudMMD(np.zeros((3, 3)), tfl.Torus((8, 8))), r"must have shape \(N, 2\) with N >= 1, got \(3, 3\)"),
        (lambda: CloudMMD(np.zeros((0, 2)), tfl.Torus((8, 8))), r"with N >= 1, got \(0, 2\)"),
        (lambda: CloudMMD("cloud", tfl.Torus((8, 8))), "the points must be an array of real numbers"),
        (lambda: CloudMMD(np.eye(2), tfl.Torus((8, 8)), squared="yes"), "squared must be True or False, got 'yes'"),
        (lambda: CloudMMD(np.eye(2), tfl.Torus((8, 8)))(None), "the points must be an array of real numbers"),
        (
            lambda: CloudMMD(tfl.densities.uniform(tfl.Torus((8, 8))), tfl.Torus((9, 9))),
            "the target is a density on .* leave it out",
        ),
        (lambda: CloudMMD(tfl.densities.uniform(tfl.Torus((8, 8))), order=-1), "order and length must be numbers"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()


@pytest.mark.parametrize("what", ["__call__", "gradient"])
def test_clouds_that_are_not_finite_are_refused(what):
    """The non-uniform transform reads beyond its arrays there, and takes the process with it."""
    loss = CloudMMD(np.eye(2), tfl.Torus((8, 8)))
    with pytest.raises(tfl.InputError, match=r"1 of 1 points are not finite"):
        getattr(loss, what)(np.array([[0.1, np.nan]]))
