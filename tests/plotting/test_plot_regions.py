"""Regions of highest density in pictures, and axes in units of their own."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import torusflow as tfl
from torusflow import plotting

GRID = np.arange(64) / 64
BUMP = np.exp(4 * np.cos(2 * np.pi * (GRID - 0.25)))
DENSITY = BUMP[:, None] * BUMP / BUMP.mean() ** 2


def test_a_contour_holds_its_mass():
    """The contour around half the mass of a symmetric bump: the values on it are the level."""
    axes = Figure().subplots()
    lines = plotting.plot_regions(axes, DENSITY, tfl.Coordinates("degrees"), [0.5])
    (level,) = lines.levels
    inside = DENSITY[level <= DENSITY].sum() / DENSITY.sum()
    assert inside == pytest.approx(0.5, abs=0.02)
    points = np.concatenate([path.vertices for path in lines.get_paths()])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    np.testing.assert_allclose(middle, [90, 90], atol=2)


def test_axes_in_their_own_units(rng):
    """Hours to the right, degrees upwards, each over its own period and range."""
    coordinates = tfl.Coordinates(("hours", "degrees"), ("time", "wind"), (False, True))
    figure = plotting.plot_density(DENSITY, rng.random((50, 2)), coordinates)
    axes = figure.axes[0]
    assert axes.get_xlim() == (0, 24) and axes.get_ylim() == (-180, 180)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time [hours]", "wind [°]")
    assert "relative to uniform" in figure.axes[1].get_xlabel()
    points = axes.collections[0].get_offsets()
    assert points[:, 0].min() >= 0 and points[:, 1].min() < -90
