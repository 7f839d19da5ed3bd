"""Points over fitted densities: in the user's units, mass one, on the axes that people expect."""

import layout
import numpy as np
import pytest
from layout import labelled
from matplotlib.colors import LogNorm

import torusflow as tfl
from torusflow import plotting
from torusflow.plotting import fits, maps
from torusflow.storage import Run

METRIC = tfl.SobolevMetric(3.0, 0.2)
ANGLES = tfl.Coordinates("degrees", ("phi", "psi", "chi1"), True)
# Mass and marginals of a smooth density by sums over cells; C2 by Runge-Kutta steps. Absolute, of densities near one.
QUADRATURE = 1e-6


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(fits, "CELLS", {1: 90, 2: 36, 3: 20})
    monkeypatch.setattr(maps, "CELLS", {1: 90, 2: 24, 3: 12})


def compressed(a, points, substeps=20):
    """C2: rho_1 = prod_j 1/(e^a_j cos^2 pi x_j + e^-a_j sin^2 pi x_j), by a model of the points."""
    model = tfl.SampleNODE(points, METRIC, layers=1, band=2, substeps=substeps, threads=1)
    velocity = model.space.from_function(
        lambda s, *x: [a * np.sin(2 * np.pi * y) / (2 * np.pi) for a, y in zip(a, x, strict=True)]
    )
    return model, velocity


def c2(a, x):
    return 1 / (np.exp(a) * np.cos(np.pi * x) ** 2 + np.exp(-a) * np.sin(np.pi * x) ** 2)


def make_run(d, rng, validation=False):
    model, v = compressed([0.6] * d, rng.random((40, d)), substeps=3)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    history = {"risk": np.array([0.3, 0.0, -0.5]), "control_norm": np.array([0.0, 1.0, 1.5])}
    if validation:
        history["validation"] = np.array([0.4, np.nan, -0.2])
    return Run(risk, None, v, model.log_density(v, model.points), None, history, "converged", ANGLES, {})


def centres(image, period=1.0):
    """Of the columns and the rows of an image."""
    rows, columns = image.get_array().shape
    left, right, bottom, top = np.array(image.get_extent()) / period
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    return x, bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows


@pytest.mark.parametrize(
    ("coordinates", "label"),
    [
        (ANGLES, "fitted density per square degree"),
        (tfl.Coordinates("degrees", ("phi", "psi")), "fitted density per square degree"),
        (tfl.Coordinates("radians"), "fitted density per square radian"),
        (tfl.Coordinates(), "fitted density relative to uniform"),
    ],
    ids=lambda case: case if isinstance(case, str) else f"{case.units} {case.centred}",
)
def test_densities_of_the_plane_in_the_users_units(coordinates, label, rng):
    a, points = (0.9, -0.4), rng.random((30, 2))
    model, v = compressed(a, points)
    figure = plotting.plot_fit(model, v, points, coordinates)
    axes, bar = figure.axes
    image, period = axes.images[0], coordinates.period
    x, y = centres(image, period)
    expected = c2(a[0], x) * c2(a[1], y)[:, None] / period**2
    np.testing.assert_allclose(image.get_array() * period**2, expected * period**2, rtol=0, atol=QUADRATURE)
    dots = axes.collections[0].get_offsets() / period
    np.testing.assert_allclose(dots % 1.0, points, rtol=0, atol=1e-12)
    ramachandran = coordinates.units == "degrees"
    assert axes.get_xlim() == axes.get_ylim() == ((-180, 180) if ramachandran else (0, period))
    assert dots.min() >= (-0.5 if ramachandran else 0.0) and dots.max() < (0.5 if ramachandran else 1.0)
    assert axes.get_aspect() == 1 and bar.get_xlabel().split("\n") == [label, "lines: around 50 and 98 % of the mass"]
    if ramachandran:
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("φ [°]", "ψ [°]")
        np.testing.assert_array_equal(axes.get_xticks(), [-180, -90, 0, 90, 180])


def test_colours_span_four_decades_at_most(rng):
    for a, decades, extend in ((1.0, None, "neither"), (4.0, 4, "min")):
        model, v = compressed((a, a), rng.random((9, 2)), substeps=40)
        image = plotting.plot_fit(model, v, model.points).axes[0].images[0]
        low, high = np.min(image.get_array()), np.max(image.get_array())
        assert isinstance(image.norm, LogNorm) and image.norm.vmax == high
        assert image.norm.vmin == pytest.approx(low if decades is None else high / 10**decades)
        assert image.colorbar.extend == extend


def test_a_histogram_and_its_density_have_mass_one(rng):
    a, points = 0.9, rng.vonmises(0, 2, (500, 1)) / (2 * np.pi)
    model, v = compressed((a,), points)
    axes = plotting.plot_fit(model, v, points, tfl.Coordinates("degrees", ("phi",))).axes[0]
    x, density = axes.get_lines()[0].get_data()
    np.testing.assert_allclose(density * 360, c2(a, x / 360), rtol=0, atol=QUADRATURE)
    (bars,) = axes.patches
    corners = bars.get_xy()
    assert abs(np.sum(corners[:-1, 1] * np.diff(corners[:, 0]))) == pytest.approx(1)
    assert axes.get_xlim() == (0, 360) and axes.get_ylabel() == "density per degree"
    assert axes.get_legend().get_texts()[0].get_text() == "500 points"


@pytest.mark.slow
def test_marginals_of_three_coordinates(rng):
    a, points = (0.6, -0.3, 0.4), rng.random((20, 3))
    model, v = compressed(a, points, substeps=8)
    figure = plotting.plot_fit(model, v, points, ANGLES)
    for axes, (i, j) in zip(figure.axes, ((0, 1), (0, 2), (1, 2)), strict=False):
        image = axes.images[0]
        x, y = centres(image, 360)
        expected = c2(a[i], x) * c2(a[j], y)[:, None]
        np.testing.assert_allclose(image.get_array() * 360**2, expected, rtol=0, atol=10 * QUADRATURE)
        np.testing.assert_allclose(axes.collections[0].get_offsets() / 360 % 1, points[:, [i, j]], rtol=0, atol=1e-12)
    layout.check(figure)


def test_samples_are_drawn_where_no_points_are_given(rng):
    torus = tfl.Torus((24, 24))
    model = tfl.MeasureNODE(torus, METRIC, tfl.densities.von_mises(torus, 0.7, 0.5), layers=2, band=2)
    v = 0.05 * model.space.random(rng)
    axes = plotting.plot_fit(model, v).axes[0]
    assert len(axes.collections[0].get_offsets()) == fits.SAMPLES
    rho = plotting.fitted_density(model, v)
    assert np.mean(rho) == pytest.approx(1, abs=QUADRATURE) and np.ptp(rho) > 0.5


@pytest.mark.parametrize("d", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_overviews_show_data_samples_map_and_descent(d, rng):
    run = make_run(d, rng, validation=True)
    figure = plotting.plot_run(run)
    layout.check(figure)
    points = run.risk.model.points
    if d == 1:
        legend = [text.get_text() for text in labelled(figure, "fit").get_legend().get_texts()]
        assert sorted(legend) == ["40 data points", "40 samples of the model", "fitted density"]
    else:
        at = "" if d == 2 else " (0, 1)"
        data, samples = (labelled(figure, name + at).collections[0].get_offsets() / 360 for name in ("data", "samples"))
        np.testing.assert_allclose(data % 1, points[:, :2], rtol=0, atol=1e-12)
        drawn = run.risk.model.sample(run.control, 40, np.random.default_rng(0))
        np.testing.assert_allclose(samples % 1, drawn[:, :2], rtol=0, atol=1e-12)
        assert labelled(figure, "data" + at).images[0].norm is labelled(figure, "samples" + at).images[0].norm
        assert len(labelled(figure, "grid" + at).collections) == 2
    if d == 2:
        assert labelled(figure, "determinant").images
    risk, validation = labelled(figure, "risk").get_lines()
    np.testing.assert_array_equal(risk.get_ydata(), run.history["risk"])
    np.testing.assert_array_equal(validation.get_xydata(), [[0, 0.4], [2, -0.2]])
    assert labelled(figure, "risk").get_ylabel() == "−mean log density [nats]"


def test_what_cannot_be_drawn_says_why(rng):
    """A control that folds: nothing but the grid itself can be drawn."""
    run = make_run(2, rng)
    run.control[...] = run.risk.model.space.from_function(lambda s, x, y: (3 * np.sin(4 * np.pi * x), 0.0))
    figure = plotting.plot_run(run)
    for name in ("data", "samples", "determinant"):
        axes = labelled(figure, name)
        assert "folds at" in axes.texts[0].get_text().replace("\n", " ") and not axes.images
    layout.check(figure)


class TestBadInput:
    def test_models_without_a_density(self):
        model = tfl.TorusNODE(np.zeros((3, 2)), METRIC, layers=1, band=2)
        with pytest.raises(tfl.InputError, match=r"which a TorusNODE lacks\. Use a LogDensityNODE"):
            plotting.plot_fit(model, model.space.zeros())

    @pytest.mark.parametrize("points", [np.zeros((4, 3)), np.zeros(4)])
    def test_points_of_another_dimension(self, points):
        model, v = compressed((0.1, 0.1), np.zeros((3, 2)))
        with pytest.raises(tfl.InputError, match=r"have shape \(N, 2\), got \(4"):
            plotting.plot_fit(model, v, points)
