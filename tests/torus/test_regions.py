"""Levels of regions of highest density against those known in closed form."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.torus.regions import highest_density_levels

CELLS = 1e-3  # one of a thousand cells, by which a mass or a level may be off


def test_of_a_tent():
    """f(x) = 2 - 2 |2 x - 1|: above the level c lies 1 - c^2/4 of the mass."""
    x = (np.arange(1000) + 0.5) / 1000
    levels = highest_density_levels(2 - 2 * np.abs(2 * x - 1), [0.5, 0.75, 0.98])
    np.testing.assert_allclose(levels, [2 * np.sqrt(1 - mass) for mass in (0.5, 0.75, 0.98)], atol=4 * CELLS)


def test_of_boxes():
    assert highest_density_levels([[3.0, 1.0], [0.0, 0.0]], [0.5, 0.9]) == [3.0, pytest.approx(1.8)]


@pytest.mark.parametrize("mass", [0, 1, 50, "half", None])
def test_masses_that_are_none(mass):
    with pytest.raises(tfl.InputError, match=r"between 0 and 1, got .*\. Write \[0\.5, 0\.98\], say"):
        highest_density_levels([1.0, 2.0], [mass])
