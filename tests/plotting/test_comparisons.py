"""Comparisons with an equation show the time at which a run and its solution differ most."""

import dataclasses

import numpy as np
import pytest
from layout import check, labelled

import torusflow as tfl
from torusflow import plotting

ITERATIONS, LARGEST = 4, 2


SHAPES = [(16,), pytest.param((8, 10), marks=pytest.mark.slow), pytest.param((8, 9, 10), marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def compared(request, tmp_path_factory):
    """A run, and a reference that differs from it at two times, most at one that is not the last."""
    torus = tfl.Torus(request.param, threads=1)
    start = tfl.densities.von_mises(torus, 0.4, 0.7)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), start, layers=2, band=2)
    risk, seen = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus))), []
    path = tmp_path_factory.mktemp("run") / "run.h5"
    method = tfl.GradientDescent(0.05)
    tfl.descend(
        risk,
        model.space.zeros(),
        method,
        ITERATIONS,
        store=path,
        callback=lambda i, row, state: seen.append(state.output),
    )
    run, gap = tfl.load(path), 0.1 * np.cos(2 * np.pi * torus.points[0])
    density = np.stack(seen)
    density[LARGEST] -= gap
    density[-1] -= 0.5 * gap
    # From a descent by steps of 0.05, whose times are sums that have been rounded.
    times = 0.05 * np.arange(ITERATIONS + 1)
    return run, tfl.Reference("mine", "by hand", times, density, run.history["risk"])


def test_the_time_of_the_largest_difference_is_shown(compared):
    run, reference = compared
    figure, gap = plotting.plot_comparison(run, reference), 0.1 * np.cos(2 * np.pi * run.risk.model.torus.points[0])
    size = 100 * np.sqrt(np.mean(gap**2) / np.mean(reference.density[LARGEST] ** 2))
    assert figure.get_suptitle() == f"run and mine differ most at training time 0.1, by {size:.2g} %"
    check(figure)
    pair = (0,) if gap.ndim == 1 else (0, 1)
    panel = labelled(figure, f"difference {pair}")
    assert panel.get_title().startswith("run − mine\nat time 0.1")
    assert "at time 0.1" in labelled(figure, f"run {pair}").get_title()
    if gap.ndim == 1:
        np.testing.assert_allclose(panel.get_lines()[0].get_ydata()[:-1], gap, atol=1e-12)
    else:
        image = panel.images[0]
        assert image.norm.vmax == -image.norm.vmin == pytest.approx(0.1)
        assert labelled(figure, f"run {pair}").images[0].norm is labelled(figure, f"reference {pair}").images[0].norm
    line = labelled(figure, "risk").get_lines()[-1]
    np.testing.assert_allclose(line.get_xdata(), 0.1)


def test_the_end_is_shown_where_the_descent_takes_too_long_or_goes_another_way(compared):
    run, reference = compared
    other = {name: column.copy() for name, column in run.history.items()}
    other["risk"][1] *= 1.01
    for figure in (
        plotting.plot_comparison(run, reference, seconds=0),
        plotting.plot_comparison(dataclasses.replace(run, history=other), reference),
    ):
        assert figure.get_suptitle().endswith("% at the end, training time 0.2")
    with pytest.raises(tfl.InputError, match="seconds must be a number >= 0, got 'long'"):
        plotting.plot_comparison(run, reference, seconds="long")


@pytest.mark.slow
def test_the_command_says_where_the_end_is_shown_and_what_helps(call):
    torus = tfl.Torus((24,), threads=1)
    model = tfl.MeasureNODE(
        torus, tfl.SobolevMetric(3, 0.2), tfl.densities.von_mises(torus, 0.4, 0.5), layers=2, band=2
    )
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.01), 2, store="run.h5")
    asked = ("compare", "run.h5", "--with", "tangent-flow")
    said = " ".join(call(*asked, "--seconds", "0").output.split())
    assert "The picture shows the end" in said
    option = said.split("ask for it with ")[1].removesuffix(".").split()
    assert "shows the end" not in call(*asked, *option).output
