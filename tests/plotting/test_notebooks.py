"""What notebooks show: one line of everything, and a small picture of densities, maps, runs and results."""

import base64
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from every_loss import DENSITY_LOSSES
from every_model import MODELS
from matplotlib.figure import Figure

import torusflow as tfl
from torusflow import plotting
from torusflow.display import OneLine
from torusflow.porous_medium import FiniteVolume, Spectral

TORUS = tfl.Torus((12, 10), threads=1)
METRIC = tfl.SobolevMetric(3, 0.2)
ANGLES = tfl.Coordinates("degrees", ("phi", "psi"), True)
HILL = tfl.densities.von_mises(TORUS, 0.3, 1.5)
METHODS = [
    tfl.GradientDescent(), tfl.LBFGS(), tfl.GaussNewton(), tfl.HeavyBall(), tfl.Nesterov(), tfl.BarzilaiBorwein(),
    tfl.StochasticGradientDescent(0.1, 3), tfl.GreedyDescent(), tfl.GradientFlow(1.0, times=tuple(np.linspace(0.1, 1))),
]  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A result and its run."""
    model = tfl.MeasureNODE(TORUS, METRIC, tfl.densities.uniform(TORUS), layers=2, band=2)
    risk, path = tfl.Risk(model, tfl.losses.SquaredL2(HILL)), tmp_path_factory.mktemp("run") / "run.h5"
    store = tfl.RunFile(path, coordinates=ANGLES)
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), 2, store=store)
    return result, tfl.load(path)


def is_one_short_line(thing):
    line = repr(thing)
    return len(line) < 200 and "\n" not in line and " at 0x" not in line and "array(" not in line


@pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)
def test_models_their_spaces_and_risks_are_one_line(case, rng):
    model = case.model
    for thing in (model, model.space, model.output_space, case.risk(rng)):
        assert is_one_short_line(thing), repr(thing)
    assert repr(model).startswith(f"{type(model).__name__}(")


def test_losses_methods_and_results_are_one_line(stored, rng):
    samples, cloud = rng.random((50, 2)), rng.standard_normal((40, 2))
    torus, start = tfl.Torus((24,)), tfl.densities.von_mises(tfl.Torus((24,)), concentration=0.5)
    losses = [make(HILL) for make in DENSITY_LOSSES.values()] + [
        tfl.losses.SquaredDistance(cloud), tfl.losses.GeodesicDistance(samples), tfl.losses.LogLikelihood(),
        tfl.losses.CloudMMD(samples, torus=TORUS), tfl.losses.NormalisedLikelihood(samples, TORUS),
    ]  # fmt: skip
    tangent = tfl.TangentFlow(torus, METRIC, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    cells = FiniteVolume(torus.shape)
    solved = [
        tangent, tangent.solve(start, [0.01]), cells, cells.solve(start.values, [0.01]), Spectral(torus),
        Spectral(torus).solve(start, [0.01]), tfl.geodesic.shoot(torus, METRIC, np.zeros((1, 24)), [0.5]),
    ]  # fmt: skip
    result, run = stored
    state = METHODS[0].init(run.risk, run.control)
    for thing in [*losses, *METHODS, *solved, HILL, result, run, tfl.RunFile("x.h5"), state]:
        assert is_one_short_line(thing), repr(thing)


def test_a_line_says_what_a_thing_is_made_of(stored):
    _, run = stored
    assert "array (12, 10)" in repr(HILL) and "name='von Mises density'" in repr(HILL)
    assert "smoothness=3" in repr(run.risk.model) and "layers=2" in repr(run.risk.model)
    assert repr(run.risk).startswith("Risk(model=MeasureNODE(")
    assert repr(METHODS[0]).startswith("GradientDescent(step=")


def test_dataclasses_made_of_ours_are_one_line_too():
    @dataclass(frozen=True, eq=False, repr=True)
    class Own(tfl.losses.SquaredL2):
        weights: object = None

    assert repr(Own(HILL, np.ones((40, 40)))).endswith("weights=array (40, 40))")

    class Named(OneLine):
        def __repr__(self):
            return "own words"

    assert repr(Named()) == "own words"


def picture_of(thing):
    text, _, picture = thing._repr_html_().partition('<img src="data:image/png;base64,')
    assert repr(thing)[:20] in text and len(picture) < 100_000
    return base64.b64decode(picture.removesuffix('"/>'))


@pytest.mark.slow
def test_pictures_beside_the_lines(stored):
    result, run = stored
    for thing in (HILL, tfl.FlowMap(run.risk.model, run.control), result, run):
        assert picture_of(thing).startswith(b"\x89PNG")


def test_small_pictures_show_what_was_fitted_and_the_descent(stored):
    result, run = stored
    fitted, descent = plotting.thumbnail(run).axes
    np.testing.assert_array_equal(fitted.images[0].get_array()[:10, :12].max(), run.output.max())
    np.testing.assert_array_equal(descent.get_lines()[0].get_ydata(), run.history["risk"])
    (descent,) = plotting.thumbnail(result).axes
    np.testing.assert_array_equal(descent.get_lines()[0].get_ydata(), result.history["risk"])


def test_without_matplotlib_the_line_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "torusflow.plotting.picture", None)
    assert HILL._repr_html_().startswith("<pre>Density(") and "<img" not in HILL._repr_html_()


def test_plots_are_figures_that_show_themselves(stored):
    result, _ = stored
    for figure in (HILL.plot(), result.plot()):
        assert isinstance(figure, Figure) and figure._repr_png_().startswith(b"\x89PNG")


def test_plots_go_into_axes_and_figures_that_are_given(stored):
    result, run = stored
    left, right = Figure().subplots(1, 2)
    assert HILL.plot(left, ANGLES) is left.figure and result.plot(right) is left.figure
    assert left.images and left.get_xlabel() == "φ [°]" and right.get_xlabel() == "iteration"
    whole = Figure((24, 7))
    half, other = whole.subfigures(1, 2)
    assert run.plot(half) is half and not other.axes
    assert half.get_suptitle().startswith("relative error")
    with pytest.raises(tfl.InputError, match="Leave ax out"):
        tfl.densities.von_mises(tfl.Torus((8, 8, 8))).plot(left)
