"""Pictures show the right numbers in the right places; files of them are whole or absent."""

import layout
import numpy as np
import pytest
from layout import titled
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import torusflow as tfl
from torusflow import plotting
from torusflow.plotting import style
from torusflow.storage import Run


def make_run(shape, coordinates=None, loss=None, iterations=3, layers=3, start=0.0):
    torus = tfl.Torus(shape, threads=1)
    target = tfl.densities.von_mises(torus, mean=0.3, concentration=1.5)
    model = tfl.MeasureNODE(
        torus, tfl.SobolevMetric(3, 0.2), tfl.densities.von_mises(torus, 0.5, start), layers=layers, band=2
    )
    risk = tfl.Risk(model, (loss or tfl.losses.SquaredL2)(target))
    result = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), iterations)
    trajectory = model.trajectory(result.control)
    return Run(
        risk, None, result.control, result.output, trajectory, result.history, result.status,
        coordinates or tfl.Coordinates(), {},
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(12, 10), (11, 9)])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("units", ["degrees", "radians", "turns"])
def test_a_bump_is_drawn_where_it_is(units, centred, shape):
    """One grid point, on even and odd grids; the image's extent puts it at its coordinates in the shown period."""
    coordinates = tfl.Coordinates(units, ("phi", "psi"), centred)
    values = np.zeros(shape)
    values[8, 3] = 1
    image = plotting.plot_field(Figure().subplots(), values, coordinates)
    drawn, (left, right, bottom, top) = image.get_array(), image.get_extent()
    rows, columns = drawn.shape
    i, j = (int(k) for k in np.argwhere(drawn == 1)[0])
    x = left + (j + 0.5) * (right - left) / columns
    y = bottom + (i + 0.5) * (top - bottom) / rows
    assert image.origin == "lower"
    assert (x, y) == pytest.approx(tuple(coordinates.from_torus(np.array([8, 3]) / shape)))
    period = coordinates.start, coordinates.start + coordinates.period
    assert image.axes.get_xlim() == pytest.approx(period) and image.axes.get_ylim() == pytest.approx(period)
    assert image.axes.get_xlabel() == coordinates.label(0) and image.axes.get_ylabel() == coordinates.label(1)


def test_a_line_covers_exactly_one_period():
    line = plotting.plot_field(Figure().subplots(), np.arange(8.0), tfl.Coordinates("degrees", centred=True))
    x, y = line.get_data()
    assert x[0] == -180 and x[-1] == 180 and y[0] == y[-1] == 4
    assert y[list(x).index(0)] == 0


def test_arrows_point_along_the_velocity():
    torus = tfl.Torus((32, 32))
    x = torus.points[0]
    axes = Figure().subplots()
    plotting.plot_velocity(axes, np.stack([np.ones_like(x), 0.5 * np.sin(2 * np.pi * x)]))
    quiver = axes.collections[0]
    np.testing.assert_allclose(quiver.V / quiver.U, 0.5 * np.sin(2 * np.pi * quiver.X), atol=1e-12)


@pytest.mark.parametrize("shape", [(24,), (12, 10), (10, 8, 9)])
def test_overviews_show_every_density_and_the_descent(shape):
    run = make_run(shape, tfl.Coordinates("degrees", ("a", "b", "c"), True), start=0.5)
    figure = plotting.plot_run(run)
    assert run.status.startswith(figure.get_supxlabel().replace("\n", " ").removesuffix(" ..."))
    target = run.risk.loss.target.values
    error = np.sqrt(np.mean((run.output - target) ** 2) / np.mean(target**2))
    assert figure.get_suptitle() == f"relative error {100 * error:.3g} % after 3 iterations"
    descent = titled(figure, "descent").get_lines()[0]
    np.testing.assert_array_equal(descent.get_ydata(), run.history["risk"])
    titled(figure, "Polyak")
    if len(shape) == 1:
        labels = [text.get_text().split(":")[0] for text in titled(figure, "densities").get_legend().get_texts()]
        assert labels == ["initial", "target", "fitted"]
    else:
        for name in ("initial", "target", "fitted −", "fitted\n"):
            assert titled(figure, name).images
        scales = {titled(figure, name).images[0].norm for name in ("initial", "target", "fitted\n")}
        assert len(scales) == 1  # one scale for all densities


@pytest.mark.parametrize("shape", [(12, 10), (10, 8, 9)])
def test_images_of_an_overview_are_the_densities_themselves(shape):
    """The first axis of the array runs to the right, the second upwards; in 3-D each panel names the axis averaged."""
    run = make_run(shape, tfl.Coordinates("turns", centred=False))
    figure = plotting.plot_run(run)
    pairs = [(0, 1), (0, 2), (1, 2)][: 1 if len(shape) == 2 else 3]
    for pair in pairs:
        axes = next(axes for axes in figure.axes if axes.get_label() == f"fitted {pair}")
        others = tuple(axis for axis in range(len(shape)) if axis not in pair)
        expected = run.output.mean(axis=others)
        drawn = axes.images[0].get_array()
        np.testing.assert_array_equal(drawn[: expected.shape[1], : expected.shape[0]], expected.T)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("xyz"[pair[0]], "xyz"[pair[1]])
        if others:
            assert f"mean over {'xyz'[others[0]]}" in axes.get_title()
    difference = titled(figure, "fitted −").images[0]
    assert difference.norm.vmin == -difference.norm.vmax


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "layers", "iterations"), [((24,), 3, 3), ((12, 10), 1, 0), ((10, 8, 9), 3, 3)])
def test_panels_are_large_enough_and_their_words_neither_cut_nor_overlapping(shape, layers, iterations):
    figure = plotting.plot_run(make_run(shape, tfl.Coordinates("degrees", centred=True), None, iterations, layers))
    layout.check(figure)


def test_values_below_zero_are_said_and_marked():
    run = make_run((12, 10))
    run.output[3, 4] = -0.25
    figure = plotting.plot_run(run)
    axes = titled(figure, "fitted\n")
    assert "min −0.25" in axes.get_title()
    assert axes.images[0].norm.vmin == 0
    assert axes.images[0].to_rgba(np.array([-0.25]))[0] == pytest.approx(to_rgba(style.PINK))
    assert any("pink: < 0" in bar.get_xlabel() for bar in figure.axes)


def test_sharp_peaks_leave_the_uniform_level_visible():
    run = make_run((12, 10))
    run.output[3, 4] = 200.0
    image = titled(plotting.plot_run(run), "fitted\n").images[0]
    assert image.norm(1.0) > 0.1 and image.norm(200.0) == 1


def test_pyplot_is_left_alone():
    """Neither figures known to pyplot nor settings changed."""
    import matplotlib
    from matplotlib import pyplot

    before, numbers = dict(matplotlib.rcParams), pyplot.get_fignums()
    plotting.plot_run(make_run((12, 10)))
    assert dict(matplotlib.rcParams) == before and pyplot.get_fignums() == numbers


@pytest.mark.slow
def test_a_loss_without_target_still_draws():
    class Spread:
        def __init__(self, target):
            pass

        def __call__(self, rho):
            return float(np.mean(rho**2)) / 2

        def gradient(self, rho):
            return rho

        def check(self, space):
            pass

    for shape in ((24,), (12, 10), (10, 8, 9)):
        titles = [axes.get_title() for axes in plotting.plot_run(make_run(shape, loss=Spread)).axes]
        assert not any("target" in title for title in titles)


def test_files_are_whole_or_absent(tmp_path, monkeypatch):
    figure = Figure()
    figure.subplots().plot([1, 2])
    for name in ("a.png", "a.pdf", "a.svg"):
        plotting.save(figure, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(tfl.InputError, match="exists and is not overwritten unless you ask for it"):
        plotting.save(figure, tmp_path / "a.png")
    with pytest.raises(tfl.InputError, match=r"written as .png, .pdf, .svg, got .*a.gif"):
        plotting.save(figure, tmp_path / "a.gif")
    plotting.save(figure, tmp_path / "new" / "deep" / "a.png")
    assert (tmp_path / "new" / "deep" / "a.png").exists()
    with pytest.raises(tfl.InputError, match=r"a\.pdf"):
        plotting.save(figure, tmp_path / "a.pdf" / "a.png")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    figure.suptitle("another picture")
    with pytest.raises(tfl.InputError, match="no space left on device"):
        plotting.save(figure, tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "a.png").read_bytes() == before and len(list(tmp_path.iterdir())) == 4


def test_histories_are_drawn_where_they_are_finite_and_negative_ones_in_full():
    """Validation is seldom computed; a logarithmic scale would hide likelihoods."""
    axes = Figure().subplots()
    history = {"risk": np.array([0.5, 1e-3, -1.0, -2.0]), "validation": np.array([0.1, np.nan, -0.5, np.nan])}
    plotting.plot_history(axes, history, ("risk", "validation"))
    risk, validation = axes.get_lines()
    np.testing.assert_array_equal(risk.get_ydata(), history["risk"])
    np.testing.assert_array_equal(validation.get_xydata(), [[0, 0.1], [2, -0.5]])
    assert axes.get_yscale() == "linear"
    positive = Figure().subplots()
    plotting.plot_history(positive, {"risk": np.array([1.0, 0.1, 1e-3, 0.0])}, ("risk",))
    assert positive.get_yscale() == "log"


@pytest.mark.parametrize("name", ["RKHSNODE Gaussian", "TorusNODE T2", "TorusNODE T3", "LinearNODE", "ResNet tanh"])
def test_models_on_points_are_drawn(name, tmp_path, rng):
    from every_model import MODELS

    case = MODELS[name]
    risk = case.risk(rng)
    tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(1e-3), iterations=2, store=tmp_path / "run.h5")
    run = tfl.load(tmp_path / "run.h5")
    figure = plotting.plot_run(run)
    axes = next(axes for axes in figure.axes if axes.get_label() == "points")
    drawn = {artist.get_label(): artist.get_offsets() for artist in axes.collections}
    if run.output.shape[-1] == 2:
        np.testing.assert_array_equal(drawn["outputs"], run.output)
        np.testing.assert_array_equal(drawn["targets"], risk.loss.targets)
    else:
        np.testing.assert_array_equal(drawn["every number"][:, 1], run.output.ravel())


@pytest.mark.parametrize("shape", [(24,), (12, 10), (10, 8, 9)])
def test_overviews_of_log_densities_show_the_density(shape):
    """exp(u)/Z, which is positive and of mean one, and the nats of the descent."""
    torus = tfl.Torus(shape, threads=1)
    model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3, 0.2), layers=2, band=2, substeps=8)
    samples = np.random.default_rng(0).vonmises(1.0, 3.0, (50, len(shape))) / (2 * np.pi) % 1
    risk = tfl.Risk(model, tfl.losses.NormalisedLikelihood(samples, torus))
    held_out = tfl.Risk(model, tfl.losses.NormalisedLikelihood(samples[:9], torus))
    result = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 3, validation=held_out)
    path = model.trajectory(result.control)
    coordinates = tfl.Coordinates("degrees", ("a", "b", "c")[: len(shape)])
    run = Run(risk, None, result.control, result.output, path, result.history, result.status, coordinates, {})
    figure = plotting.plot_run(run)
    risks, validations = titled(figure, "descent").get_lines()
    np.testing.assert_array_equal(risks.get_ydata(), result.history["risk"])
    np.testing.assert_array_equal(validations.get_ydata(), result.history["validation"])
    titled(figure, "norm of the control")
    if len(shape) == 1:
        _, fitted = titled(figure, "densities").get_lines()[:2]
        values = fitted.get_ydata()[:-1]
    else:
        values = titled(figure, "fitted").images[0].get_array()
    assert np.min(values) > 0 and np.mean(values) == pytest.approx(1, abs=0.1) and np.max(values) > 1.5
    assert plotting.plot_fit(model, result.control, samples).axes
