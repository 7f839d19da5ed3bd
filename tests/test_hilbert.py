"""Products of spaces: parts there and back, the inner product and its gradients, complex parts."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.hilbert import norm


@pytest.fixture
def space():
    velocities = tfl.VelocitySpace(tfl.Torus((8, 9), threads=1), tfl.SobolevMetric(2.0, 0.2), 2, 2)
    return tfl.ProductSpace([tfl.Euclidean((2, 3), 0.5), velocities, tfl.Euclidean((4,))], [1.0, 0.25, 3.0])


def test_parts_there_and_back(space, rng):
    u = space.random(rng)
    assert space.shape == u.shape == (6 + 2 * 2 * 2 * 5 * 3 + 4,) and norm(space, u) == pytest.approx(1, abs=1e-14)
    np.testing.assert_array_equal(space.join(space.parts(u)), u)
    space.parts(u)[1][:] = 0
    assert not space.parts(u)[1].any()  # parts are views


def test_inner_product(space, rng):
    u, w = space.random(rng), space.random(rng)
    pairs = zip(space.spaces, space.parts(u), space.parts(w), strict=True)
    terms = [one.inner(a, b) for one, a, b in pairs]
    assert space.inner(u, w) == pytest.approx(terms[0] + 0.25 * terms[1] + 3 * terms[2], rel=1e-13)


def test_a_gradient_of_each_part_is_one_of_the_product(space, rng):
    gradients, w = [one.random(rng) for one in space.spaces], space.random(rng)
    expected = sum(one.inner(g, b) for one, g, b in zip(space.spaces, gradients, space.parts(w), strict=True))
    assert space.inner(space.riesz(gradients), w) == pytest.approx(expected, rel=1e-12)


def test_what_is_no_element_is_refused(space, rng):
    u = space.random(rng)
    space.parts(u)[1][0, 0, 1, 0] += 1
    with pytest.raises(tfl.InputError, match=r"part 1: .*real"):
        space.element(u)
    with pytest.raises(tfl.InputError, match=r"shape \(130,\)"):
        space.element(np.zeros(3))
    with pytest.raises(tfl.InputError, match=r"part 1 has shape \(4,\) of float64; elements"):
        space.join([np.zeros((2, 3)), np.zeros(4), np.zeros(4)])
    with pytest.raises(tfl.InputError, match="one part for each of 3 spaces"):
        space.join([np.zeros((2, 3)), np.zeros(4)])
    for wrong in ([], 3, ([tfl.Euclidean((2,))], [0.0]), ([tfl.Euclidean((2,))], [1.0, 2.0])):
        with pytest.raises(tfl.InputError, match="a positive weight for each"):
            tfl.ProductSpace(*wrong) if isinstance(wrong, tuple) else tfl.ProductSpace(wrong)


@pytest.mark.parametrize("spaces", [[0], [tfl.Euclidean], [np.zeros(2)], []])
def test_a_product_of_what_is_no_space_is_refused(spaces):
    with pytest.raises(tfl.InputError, match="takes a list of spaces"):
        tfl.ProductSpace(spaces)
