"""Pictures of flow maps: shears and the compression C2, whose images are known, drawn where they are."""

import layout
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import torusflow as tfl
from torusflow import plotting
from torusflow.plotting import maps, style

METRIC = tfl.SobolevMetric(3.0, 0.2)
SMALL = {1: 90, 2: 24, 3: 12}  # cells of an image
DEGREES = tfl.Coordinates("degrees", ("phi", "psi", "chi"), True)
# Runge-Kutta steps of the maps below against their closed forms, in sides of the torus.
STEPS = 1e-6


def flow_of(function, d, layers=2, substeps=20):
    torus = tfl.Torus((12,) * d, threads=1)
    model = tfl.MeasureNODE(torus, METRIC, tfl.densities.uniform(torus), layers, 3, substeps)
    return tfl.FlowMap(model, model.space.from_function(function))


def compression(a, d, substeps=20):
    """C2: tan(pi Phi(x)) = e^a tan(pi x) along every axis."""
    return flow_of(lambda s, *x: [a * np.sin(2 * np.pi * y) / (2 * np.pi) for y in x], d, substeps=substeps)


def shear(d, axis):
    """Along the first axis, C1; a step is exact."""
    return flow_of(lambda s, *x: [0.4 * np.sin(2 * np.pi * x[axis]), *[0.0] * (d - 1)], d, substeps=1)


def curves(collection):
    """Vertices of each curve, in sides of the torus."""
    return [path.vertices / 360 for path in collection.get_paths()]


def away(values, spacing):
    """Distances from multiples of the spacing."""
    return np.abs(values - spacing * np.round(values / spacing))


@pytest.mark.parametrize(("d", "directions"), [(2, (0, 1)), (3, (0, 2))])
@pytest.mark.parametrize("centred", [False, True])
def test_the_grid_of_a_shear(d, directions, centred):
    """Lines bend as known, and every one that leaves the period on one side is there on the other."""
    axes, coordinates = Figure().subplots(), tfl.Coordinates("degrees", centred=centred)
    plotting.plot_grid(axes, shear(d, directions[1]), coordinates, directions, lines=8)
    upright, level = (curves(lines) for lines in axes.collections)
    for curve in upright:
        assert np.max(away(curve[:, 0] - 0.4 * np.sin(2 * np.pi * curve[:, 1]), 1 / 8)) < STEPS
    for curve in level:
        assert np.max(away(curve[:, 1], 1 / 8)) < STEPS
    start = -0.5 if centred else 0.0
    for height in start + np.array([0.1, 0.31, 0.77]):
        crossings = [
            np.interp(height, curve[:, 1], curve[:, 0]) for curve in upright if np.ptp(curve[:, 1]) > 0.9
            and curve[0, 1] <= height <= curve[-1, 1]
        ]  # fmt: skip
        assert sum(start <= crossing < start + 1 for crossing in crossings) == 8
    assert axes.get_xlim() == (start * 360, start * 360 + 360) and axes.get_aspect() == 1


@pytest.mark.slow
def test_lines_are_drawn_smoothly_where_the_map_pulls_them_apart():
    axes = Figure().subplots()
    flow = compression(4.0, 2, substeps=40)
    plotting.plot_grid(axes, flow, DEGREES)
    longest = max(np.max(np.abs(np.diff(curve, axis=0))) for lines in axes.collections for curve in curves(lines))
    assert longest <= maps.GAP < np.exp(4.0) / maps.POINTS  # which it would be without more points


@pytest.mark.slow
def test_the_graph_of_a_map_and_its_inverse():
    axes = Figure().subplots()
    plotting.plot_grid(axes, compression(1.2, 1), DEGREES)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["Φ", "Φ⁻¹", "identity"]
    for line in axes.get_lines():
        x, y = line.get_xydata().T / 360
        a = {to_rgba(style.BLUE): 1.2, to_rgba(style.VERMILION): -1.2}.get(to_rgba(line.get_color()), 0.0)
        inside = np.abs(np.abs(x) - 0.5) > 1e-3  # the tangent's poles
        expected = np.arctan(np.exp(a) * np.tan(np.pi * x[inside])) / np.pi
        assert np.max(away(y[inside] - expected, 1.0)) < STEPS


def test_flow_lines_are_where_points_are_at_their_time():
    """A translation by 0.7 sides: paths leave the period and come in again with the colour of their time."""
    axes, flow = Figure().subplots(), flow_of(lambda s, x, y: (0.7, 0.0), 2, 2, 1)
    drawn = plotting.plot_flow_lines(axes, flow, DEGREES, starts=4)
    segments, s = np.array(curves(drawn)), drawn.get_array()
    assert len(segments) == len(s) > 16 * (maps.TIMES - 1)  # some are drawn twice
    middle = segments.mean(axis=1)
    assert np.max(away(middle[:, 0] - 0.7 * s - 1 / 8, 1 / 4)) < STEPS
    assert np.max(away(middle[:, 1] - 1 / 8, 1 / 4)) < STEPS
    assert np.all((segments.max(axis=1) >= -0.5 - STEPS) & (segments.min(axis=1) <= 0.5 + STEPS))
    ends = axes.collections[1].get_offsets() / 360
    assert np.max(away(ends[:, 0] - 0.7 - 1 / 8, 1 / 4)) < STEPS and np.max(np.abs(ends)) <= 0.5
    assert drawn.get_clim() == (0, 1)


def test_flow_lines_of_a_line_run_over_time():
    axes, flow = Figure().subplots(), flow_of(lambda s, x: (0.7,), 1, 2, 1)
    second = flow_of(lambda s, x: (-0.2,), 1, 2, 1)
    plotting.plot_flow_lines(axes, second @ flow, DEGREES, starts=4)
    for path in axes.collections[0].get_paths():
        x, s = path.vertices[:, 0] / 360, path.vertices[:, 1]
        moved = np.where(s <= 1, 0.7 * s, 0.7 - 0.2 * (s - 1))
        assert np.max(away(x - moved - 1 / 8, 1 / 4)) < STEPS
    assert axes.get_ylim() == (0, 2) and axes.get_ylabel() == "s"


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_log_determinant_of_c2(d, monkeypatch):
    """At the points that are moved; the plane of d = 3 lies at chi = 0, where the map expands by e^a."""
    monkeypatch.setattr(maps, "CELLS", SMALL)
    a = 0.8
    artist = plotting.plot_log_determinant(Figure().subplots(), compression(a, d), DEGREES)

    def slope(x):
        return -np.log(np.exp(-a) * np.cos(np.pi * x) ** 2 + np.exp(a) * np.sin(np.pi * x) ** 2)

    if d == 1:
        x, y = artist.get_data()
        np.testing.assert_allclose(y, slope(x / 360), rtol=0, atol=1e-5)
        return
    drawn = artist.get_array()
    left, right, bottom, top = np.array(artist.get_extent()) / 360
    x = left + (np.arange(drawn.shape[1]) + 0.5) * (right - left) / drawn.shape[1]
    y = bottom + (np.arange(drawn.shape[0]) + 0.5) * (top - bottom) / drawn.shape[0]
    np.testing.assert_allclose(drawn, slope(x) + slope(y)[:, None] + (d - 2) * a, rtol=0, atol=1e-5)
    assert artist.norm.vmin == -artist.norm.vmax and artist.norm.vmax == np.max(np.abs(drawn))


@pytest.mark.parametrize("d", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_pictures_of_maps_can_be_read(d, monkeypatch):
    monkeypatch.setattr(maps, "CELLS", SMALL)
    figure = plotting.plot_map(shear(d, 1) if d > 1 else compression(0.8, 1), DEGREES)
    layout.check(figure)
    titles = [axes.get_title().split("\n")[0] for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert titles[:3] == ["deformed grid" if d > 1 else "map and inverse", "flow lines", "log-determinant"]
    bars = [axes.get_xlabel() for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert bars == ([] if d == 1 else ["time s of the flow", "log det DΦ(x): blue contracts, red expands"])
    if d == 3:
        assert [axes.get_title().split("plane ")[1] for axes in figure.axes[:9:3]] == ["χ = 0°", "ψ = 0°", "φ = 0°"]
        assert len({image.get_clim() for axes in figure.axes[2:9:3] for image in axes.images}) == 1


class TestBadInput:
    def test_what_is_no_map(self):
        torus = tfl.Torus((12, 12))
        with pytest.raises(tfl.InputError, match=r"a FlowMap is drawn, got a Torus\. Write tfl\.FlowMap\(model, v\)"):
            plotting.plot_map(torus)

    @pytest.mark.slow
    def test_folds_are_named_with_the_substeps_that_avoid_them(self):
        flow = flow_of(lambda s, x, y: (1.5 * np.sin(2 * np.pi * 3 * x), 0.0), 2, 1, 1)
        with pytest.raises(tfl.NumericalError, match=r"folds at .* Use substeps=\d+"):
            plotting.plot_map(flow)
