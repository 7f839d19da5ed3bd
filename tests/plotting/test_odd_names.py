"""Names of columns that would be formulas, or are too long, are shown as they are, and shortened."""

import layout
import numpy as np
import pytest
from matplotlib.text import Text

import torusflow as tfl
from torusflow import plotting
from torusflow.storage import Run

FORMULAS = (r"$\foo$", r"$x_{1$ in \$", r"\frac{a}$ $")
LONG = ("the angle between " * 10, "N" * 200, "psi\nof the\tsecond")


def run_of(shape, names):
    torus = tfl.Torus(shape, threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, band=1)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, mean=0.3)))
    done = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), 2)
    coordinates = tfl.Coordinates("degrees", names, True)
    return Run(risk, None, done.control, done.output, None, done.history, r"stopped: $\foo$", coordinates, {})


def pictures(run):
    points = np.full((3, run.output.ndim), 0.5)
    yield plotting.plot_run(run)
    yield plotting.plot_fit(run.risk.model, run.control, points, run.coordinates)


SHAPES = [(12,), pytest.param((8, 9), marks=pytest.mark.slow)]


@pytest.mark.parametrize("shape", SHAPES)
def test_dollars_and_backslashes_are_shown(shape):
    """Matplotlib would raise as it draws them."""
    for figure in pictures(run_of(shape, FORMULAS)):
        figure.draw_without_rendering()
        texts = [text for text in figure.findobj(Text) if any(name in text.get_text() for name in FORMULAS)]
        assert texts and not any(text.get_parse_math() for text in texts)


@pytest.mark.parametrize("shape", SHAPES)
def test_long_names_are_shortened(shape):
    for figure in pictures(run_of(shape, LONG)):
        layout.check(figure)


def test_symbols_are_one_line_and_short():
    coordinates = tfl.Coordinates("degrees", LONG)
    assert coordinates.symbol(2) == "psi of the second"
    assert coordinates.symbol(1) == "N" * 23 + "…" and coordinates.label(0) == "the angle between the a… [°]"
