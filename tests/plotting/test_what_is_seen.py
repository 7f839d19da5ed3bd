"""Pictures hide nothing and say what is what: scales, contours, legends, colours and titles."""

import numpy as np
import pytest
from layout import labelled, titled
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from test_plot_fits import compressed
from test_plot_fits import make_run as make_likelihood
from test_plot_maps import DEGREES, flow_of, shear
from test_plot_runs import make_run

import torusflow as tfl
from torusflow import plotting
from torusflow.plotting import fits, maps, style
from torusflow.plotting.headlines import headline
from torusflow.storage import Reference

GRID = np.arange(48) / 48


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(fits, "CELLS", {1: 90, 2: 24, 3: 12})
    monkeypatch.setattr(maps, "CELLS", {1: 90, 2: 16, 3: 8})


def bump(x, y, width):
    gaps = [(GRID - centre + 0.5) % 1.0 - 0.5 for centre in (x, y)]
    return np.exp(-(gaps[0][:, None] ** 2 + gaps[1] ** 2) / (2 * width**2))


def test_a_basin_of_a_hundredth_of_the_height_is_seen():
    """The scale of colours leaves it a third of its length, and a contour goes round it."""
    density = bump(0.25, 0.25, 0.04) + 0.02 * bump(0.75, 0.75, 0.06)
    density /= density.mean()
    (scale, _), axes = style.density_colours([density]), Figure().subplots()
    basin, between = scale["norm"](density[36, 36]), scale["norm"](density[12, 36])
    assert basin > between + 1 / 3 and scale["norm"](density.max()) == 1
    lines = plotting.plot_regions(axes, density, tfl.Coordinates())
    centres = [path.vertices.mean(axis=0) for path in lines.get_paths()[0]._iter_connected_components()]
    assert min(np.hypot(*(centre - 0.75)) for centre in centres) < 0.02


def test_densities_alike_have_linear_colours_and_zeros_are_in_the_scale():
    alike, _ = style.density_colours([np.array([0.9, 1.1])])
    np.testing.assert_allclose(alike["norm"]([0.9, 1.0, 1.1]), [0, 0.5, 1], atol=1e-12)
    zeros, name = style.density_colours([np.array([0.0, 1.0, 100.0])])
    zero, tenth, one = zeros["norm"]([0.0, 0.1, 1.0])
    assert zero == 0 and tenth > 0.2 and one > tenth + 0.1 and "pink" not in name


@pytest.mark.parametrize(("start", "drawn"), [(0.0, False), (0.5, True)])
def test_an_initial_density_that_is_uniform_has_no_empty_panel(start, drawn):
    figure = plotting.plot_run(make_run((12, 10), iterations=1, layers=1, start=start))
    titles = [axes.get_title() for axes in figure.axes]
    assert any(title.startswith("initial") for title in titles) == drawn
    titled(figure, "descent")


@pytest.mark.slow
def test_legends_cover_nothing():
    figure = plotting.plot_run(make_run((24,), iterations=1))
    figure.draw_without_rendering()
    with_legends = [axes for axes in figure.axes if axes.get_legend()]
    assert len(with_legends) >= 3
    for axes in with_legends:
        assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1 - 1
        assert axes.title.get_window_extent().y0 >= axes.get_legend().get_window_extent().y1 - 8


@pytest.mark.slow
def test_data_and_samples_of_the_model_are_told_apart(rng):
    figure = plotting.plot_run(make_likelihood(2, rng))
    data, samples = (labelled(figure, name) for name in ("data", "samples"))
    assert (data.get_title(), samples.get_title()) == ("40 data points", "40 samples of the model")
    looks = [axes.collections[0] for axes in (data, samples)]
    colours = [tuple(look.get_edgecolor()[0][:3]) for look in looks]
    assert colours[1] == to_rgba(style.ORANGE)[:3] != colours[0]
    assert len(looks[0].get_paths()[0].vertices) != len(looks[1].get_paths()[0].vertices)  # dots and crosses
    model, v = compressed((0.4, 0.4), rng.random((9, 2)))
    assert plotting.plot_fit(model, v).axes[0].get_title() == "2,000 samples of the model"
    assert plotting.plot_fit(model, v, model.points).axes[0].get_title() == "9 points"


def test_titles_say_what_was_reached(rng):
    run = make_likelihood(1, rng, validation=True)
    score = np.mean(run.output)
    trained = f"{score:.3f} nats a row above uniform on rows trained on"
    assert headline(run) == f"{trained}, 0.200 on rows held out, after 2 iterations".replace("-", "−")
    x = rng.standard_normal((6, 2))
    model = tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 5), 2)
    result = tfl.descend(tfl.Risk(model, tfl.losses.SquaredDistance(2 * x)), model.space.zeros(), tfl.LBFGS(), 0)
    points = make_run((12,), iterations=0)
    object.__setattr__(points, "risk", tfl.Risk(model, tfl.losses.SquaredDistance(2 * x)))
    object.__setattr__(points, "output", result.output)
    assert headline(points) == "relative error 50 % after 0 iterations"


def test_flow_lines_bend_over_whole_layers_and_end_where_the_flow_ends():
    """A velocity that jumps by 0.1 between eight layers: no corner, and the exact points at the ends of the layers."""
    flow = flow_of(lambda s, x: (0.1 * np.floor(8 * s),), 1, layers=8, substeps=1)
    axes = Figure().subplots()
    plotting.plot_flow_lines(axes, flow, DEGREES, starts=2)
    path = axes.collections[0].get_paths()[0].vertices
    x, s = path[:, 0] / 360, path[:, 1]
    corner = 0.1 * (s[1] - s[0])
    assert np.max(np.abs(np.diff(x, 2))) < corner / 2
    at = np.arange(0, len(s), 8)
    exact = [flow(np.array([[0.25 - 0.5]]), min(time, 1.0))[0, 0] for time in s[at]]
    assert np.max(np.abs(((x[at] - exact) + 0.25) % 0.5 - 0.25)) < 1e-12


def test_arrows_point_along_the_ends_of_flow_lines():
    axes = Figure().subplots()
    plotting.plot_flow_lines(axes, shear(2, 1), DEGREES, starts=8)
    heads = axes.collections[1]
    speed = 0.4 * np.sin(2 * np.pi * (-0.5 + (np.arange(64) % 8 + 0.5) / 8))
    np.testing.assert_allclose(heads.U, np.sign(speed), atol=1e-6)
    np.testing.assert_allclose(heads.V, 0, atol=1e-6)


def test_colours_of_deformed_grids_are_named():
    axes = Figure().subplots()
    plotting.plot_grid(axes, shear(2, 1), DEGREES, lines=4)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    colours = [tuple(lines.get_edgecolor()[0]) for lines in axes.collections]
    assert names == ["equal φ", "equal ψ"] and colours == [to_rgba(style.BLUE), to_rgba(style.VERMILION)]


def test_names_in_legends_are_no_formulas():
    figure = Figure()
    plotting.plot_grid(figure.subplots(), shear(2, 1), tfl.Coordinates("degrees", (r"$\foo$", "$x_{1$")), lines=2)
    figure.draw_without_rendering()


@pytest.mark.parametrize("shape", [(24,), (7, 8, 9)])
def test_comparisons_show_every_axis_and_differences_on_their_own_scale(shape):
    run = make_run(shape, iterations=1)
    density = np.stack([run.risk.model.initial.values, 0.99 * run.output + 0.01])
    reference = Reference("tangent-flow", "solver", np.array([0, 0.05]), density, np.array([1, 0.5]))
    figure = plotting.plot_comparison(run, reference)
    gap = run.output - density[-1]
    size = 100 * np.sqrt(np.mean(gap**2) / np.mean(density[-1] ** 2))
    assert figure.get_suptitle() == f"run and tangent-flow differ by {size:.2g} % at the end, training time 0.05"
    if len(shape) == 1:
        np.testing.assert_array_equal(labelled(figure, "difference (0,)").get_lines()[0].get_ydata()[:-1], gap)
        return
    largest = np.unravel_index(np.argmax(np.abs(gap)), shape)
    for pair in style.PAIRS:
        axis = 3 - sum(pair)
        seen = gap.take(largest[axis], axis)
        image = labelled(figure, f"difference {pair}").images[0]
        np.testing.assert_allclose(image.get_array()[: seen.shape[1], : seen.shape[0]], seen.T, atol=1e-12)
        assert image.norm.vmax == pytest.approx(np.max(np.abs(gap)))
        density = labelled(figure, f"run {pair}").images[0].get_array()
        assert density.max() == pytest.approx(run.output.mean(axis=axis).max())


def test_words_are_large_enough_for_half_the_width():
    """Nine points of eleven inches are more than four on half a page."""
    figure = plotting.plot_run(make_run((12, 10), iterations=1, layers=1))
    texts = [text for axes in figure.axes for text in (axes.xaxis.label, axes.title, *axes.get_xticklabels())]
    assert min(text.get_fontsize() for text in texts if text.get_text()) * 11.2 / figure.get_figwidth() >= 9


def test_what_is_no_density_on_a_grid_is_not_drawn_but_told_how():
    with pytest.raises(tfl.InputError, match=r"got a TorusDensity.*write density.plot\(\)"):
        plotting.plot_density(tfl.TorusDensity())
