"""Pictures of functions on three axes hide none of them: each is in two panels, and each panel says what it is."""

import numpy as np
import pytest
from layout import check, labelled, titled
from test_plot_runs import make_run

import torusflow as tfl
from torusflow import plotting
from torusflow.plotting.planes import means, slices
from torusflow.plotting.style import PAIRS

SHAPE = (7, 8, 10)
COORDINATES = tfl.Coordinates("degrees", ("phi", "psi", "chi1"), centred=True)


@pytest.fixture(scope="module")
def run():
    return make_run(SHAPE, COORDINATES, iterations=1, layers=1)


def test_two_places_of_mass_are_in_every_mean(rng):
    """A slice through one of them misses the other."""
    values = np.zeros(SHAPE)
    values[1, 2, 3], values[4, 6, 8] = 2.0, 1.0
    for pair, (image, third) in means(values, COORDINATES).items():
        axis = 3 - sum(pair)
        assert third == f"mean over {('φ', 'ψ', 'χ1')[axis]}"
        assert sorted(image[image > 0] * SHAPE[axis]) == pytest.approx([1.0, 2.0])


def test_differences_that_cancel_are_seen_in_slices_through_the_largest():
    values = np.zeros(SHAPE)
    values[4, 2, 1:3] = 0.5, -0.5
    values[0, 2, 7] = -1.0
    assert not means(values, COORDINATES)[0, 1].image[4, 2]
    found = slices(values, COORDINATES)
    assert [plane.third for plane in found.values()] == ["plane χ1 = −108°", "plane ψ = 90°", "plane φ = 0°"]
    np.testing.assert_array_equal(found[0, 1].image, values[:, :, 7])
    np.testing.assert_array_equal(found[0, 2].image, values[:, 2, :])
    np.testing.assert_array_equal(found[1, 2].image, values[0])


@pytest.mark.slow
def test_the_overview_has_means_of_densities_and_slices_of_the_difference(run):
    figure = plotting.plot_run(run)
    check(figure)
    for pair, (image, third) in means(run.output, COORDINATES).items():
        axes = labelled(figure, f"fitted {pair}")
        assert axes.get_title().endswith(third)
        assert axes.images[0].get_array().max() == pytest.approx(image.max())
    gap = run.output - run.risk.loss.target.values
    shown = [labelled(figure, f"difference {pair}") for pair in PAIRS]
    assert {np.abs(axes.images[0].get_array()).max() for axes in shown} == {np.abs(gap).max()}
    assert {axes.images[0].norm.vmax for axes in shown} == {np.abs(gap).max()}
    assert f"3-D min {run.output.min():.3g}, max {run.output.max():.3g}" in titled(figure, "fitted\n").get_title()
    assert any("slices through the largest" in axes.get_xlabel() for axes in figure.axes)


@pytest.mark.parametrize(("shape", "panels"), [((12,), 2), ((8, 7), 2), (SHAPE, 4)])
def test_small_pictures_have_every_axis(run, shape, panels):
    stored = run if shape == SHAPE else make_run(shape, iterations=1, layers=1)
    figure = plotting.thumbnail(stored)
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == panels and titles[-1] == "descent"
    if shape == SHAPE:
        assert titles[:3] == [f"fitted density\nmean over {name}" for name in ("χ1", "ψ", "φ")]
        check(figure)


def test_marginals_say_of_which_axes_they_are_and_how_much_lines_hold(rng):
    """They are per square unit, so that they are no means."""
    points = rng.random((20, 3))
    figure = plotting.plot_density(1 + 0.5 * rng.random(SHAPE), points, COORDINATES, masses=(0.3, 0.9))
    check(figure)
    titles = [axes.get_title() for axes in figure.axes[:3]]
    assert titles == [f"20 rows\nmarginal of {pair}" for pair in ("φ and ψ", "φ and χ1", "ψ and χ1")]
    assert figure.axes[3].get_xlabel().endswith("lines: around 30 and 90 % of the mass")
