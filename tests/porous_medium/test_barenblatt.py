"""The closed form: its constants (C7), the equation itself, mass, cell means, the seam, and the end of its life."""

import itertools
import math

import numpy as np
import pytest
from tolerances import CELL_MEAN, CELL_SUM, SAME

from torusflow.errors import InputError
from torusflow.porous_medium import Barenblatt

SIDE = 2 * math.pi
EXPONENTS = [1.5, 2.0, 3.0, 6.0]


@pytest.mark.parametrize(("dimension", "w"), [(1, math.pi / 2), (2, 2 * math.pi / 3), (3, math.pi**2 / 4)])
@pytest.mark.parametrize("mass", [1.0, 0.3])
def test_c7_constants(dimension, w, mass):
    beta = 1 / (2 * dimension + 2)
    c = (mass * beta ** (dimension / 2) / w) ** (2 / (dimension + 1))
    solution = Barenblatt(dimension, mass=mass, side=SIDE)
    assert solution.front_radius(5.0) == pytest.approx(math.sqrt(c / beta) * 5**beta, rel=1e-14)
    offset = np.full(dimension, 0.2 / math.sqrt(dimension))
    expected = 5 ** (-dimension * beta) * math.sqrt(c - beta * 0.2**2 * 5 ** (-2 * beta))
    assert solution.density(5.0, offset + SIDE / 2) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_solves_the_equation_inside_the_support(dimension, exponent):
    """u_t = (1/m) Laplacian(u^m), by central differences of order four."""
    solution, t, e = Barenblatt(dimension, exponent, 0.7, SIDE), 1.3, 1e-3
    x = SIDE / 2 + 0.4 * solution.front_radius(t) / math.sqrt(dimension) * np.ones(dimension)
    stencil = ((-2, 1), (-1, -8), (1, 8), (2, -1))
    rate = sum(w * solution.density(t + k * e, x) for k, w in stencil) / (12 * e)
    second = ((-2, -1), (-1, 16), (0, -30), (1, 16), (2, -1))
    power = sum(
        w * solution.density(t, x + k * e * axis) ** exponent for axis in np.eye(dimension) for k, w in second
    ) / (12 * e**2)
    assert rate == pytest.approx(power / exponent, rel=1e-6)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize(
    ("shape", "centre"),
    [((64,), (0.1,)), ((65,), None), ((40, 33), (3.0, 6.1)), ((12, 11, 10), (0.2, 3.0, 6.0))],
    ids=str,
)
def test_mass_of_cell_means(shape, centre, exponent):
    """Also where the support crosses the seam, up to the moment when the front meets itself."""
    solution = Barenblatt(len(shape), exponent, 1.0, SIDE, centre)
    for time in (0.1 * solution.meeting_time, solution.meeting_time):
        mass = solution.cell_means(time, shape).mean() * SIDE ** len(shape)
        assert mass == pytest.approx(1, abs=CELL_SUM)


@pytest.mark.parametrize("exponent", [2.0, 3.0])
@pytest.mark.parametrize(("shape", "samples"), [((31,), 4000), ((12, 15), 300), ((6, 8, 7), 60)], ids=str)
def test_cell_means_against_sampling(shape, samples, exponent):
    """The midpoint rule with many points a cell, on cells around x_j = j h."""
    d = len(shape)
    solution = Barenblatt(d, exponent, 1.0, SIDE, (2.9,) * d)
    time = 0.3 * solution.meeting_time
    got = solution.cell_means(time, shape)
    offsets = (np.arange(samples) + 0.5) / samples - 0.5
    for cell in itertools.islice(itertools.product(*(range(n) for n in shape)), 0, None, 5):
        axes = [(j + offsets) * SIDE / n for j, n in zip(cell, shape, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        assert got[cell] == pytest.approx(solution.density(time, points).mean(), abs=20 / samples**1.5 * got.max())


@pytest.mark.parametrize("shape", [(64,), (32, 32), (16, 16, 16)], ids=str)
def test_the_seam_is_nowhere(shape):
    """A centre moved by cells moves the numbers; one moved by a period changes nothing."""
    d, h = len(shape), SIDE / shape[0]
    there = Barenblatt(d, side=SIDE, centre=(3.1,) * d).cell_means(2.0, shape)
    here = Barenblatt(d, side=SIDE, centre=(3.1 + 13 * h,) * d).cell_means(2.0, shape)
    np.testing.assert_allclose(here, np.roll(there, [13] * d, range(d)), atol=CELL_MEAN * there.max(), rtol=0)
    far = Barenblatt(d, side=SIDE, centre=(3.1 - SIDE,) * d)
    points = np.random.default_rng(0).uniform(0, SIDE, (50, d))
    expected = Barenblatt(d, side=SIDE, centre=(3.1,) * d).density(2.0, points + 3 * SIDE)
    np.testing.assert_allclose(far.density(2.0, points), expected, atol=100 * SAME)


def test_cell_means_and_point_values_agree_to_order_two():
    differences = []
    for n in (64, 128):
        solution = Barenblatt(2, 2.0, side=SIDE)
        inside = (slice(3 * n // 8, 5 * n // 8),) * 2
        means, values = solution.cell_means(1.0, (n, n)), solution.point_values(1.0, (n, n))
        differences.append(np.abs(means - values)[inside].max())
    assert differences[0] / differences[1] == pytest.approx(4, rel=0.01)


def test_c8_radius():
    """rho_t = Laplacian(rho^2) at time 0.3 is m = 2 at time 0.6; the radius grows like mass^(1/4)."""
    unit = Barenblatt(2, 2.0, 1.0, 8.0)
    mass = (1.1 / unit.front_radius(0.6)) ** 4
    assert Barenblatt(2, 2.0, mass, 8.0).front_radius(0.6) == pytest.approx(1.1, rel=1e-13)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_refused_after_the_front_meets_itself(dimension):
    solution = Barenblatt(dimension, side=SIDE)
    end = solution.meeting_time
    assert solution.front_radius(end) == pytest.approx(SIDE / 2, rel=1e-13)
    for ask in (
        solution.front_radius,
        lambda t: solution.density(t, np.zeros(dimension)),
        lambda t: solution.cell_means(t, (8,) * dimension),
    ):
        with pytest.raises(InputError, match=f"{end:.6g}"[:5]):
            ask(1.001 * end)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dimension": 4}, "dimension must be 1, 2 or 3, got 4"),
        ({"exponent": 1.0}, "exponent m of the porous medium equation must be a number > 1, got 1.0"),
        ({"exponent": "x"}, "exponent m"),
        ({"mass": 0.0}, "mass must be a finite number > 0, got 0.0"),
        ({"side": math.inf}, "side must be a finite number > 0"),
        ({"centre": (0.1,)}, "centre must be 2 finite numbers"),
        ({"centre": (0.1, math.nan)}, "centre must be 2 finite numbers"),
    ],
    ids=str,
)
def test_bad_parameters(arguments, words):
    with pytest.raises(InputError, match=words):
        Barenblatt(**{"dimension": 2, **arguments})


def test_bad_requests():
    solution = Barenblatt(2)
    with pytest.raises(InputError, match="time must be a finite number > 0, got -1"):
        solution.density(-1, np.zeros(2))
    with pytest.raises(InputError, match=r"points must be an array \(..., 2\)"):
        solution.density(1e-3, np.zeros(3))
    with pytest.raises(InputError, match="shape must be 2 whole numbers"):
        solution.cell_means(1e-3, (8,))
