"""Runs beside the tangent flow and the porous medium equation: what is computed, stored, drawn, refused."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import torusflow as tfl
from torusflow import plotting
from torusflow.theory import limits as comparison


def fitted(path, shape=(32,), iterations=4, smoothness=0.0, target=None, method=None, positive=True):
    """A short run towards the uniform density."""
    torus = tfl.Torus(shape)
    x = torus.points[0]
    start = 1 + (0.5 if positive else 1.0) * np.cos(2 * np.pi * x)
    initial = tfl.densities.from_array(torus, np.maximum(start, 0), normalise=True)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(smoothness), initial, layers=4, substeps=None)
    loss = tfl.losses.SquaredL2(target or tfl.densities.uniform(torus))
    risk = tfl.Risk(model, loss)
    return tfl.descend(risk, model.space.zeros(), method or tfl.GradientDescent(2e-5), iterations, store=path)


@pytest.mark.slow
def test_a_short_descent_is_the_porous_medium_equation(call, tmp_path):
    """At small v the run, its tangent flow and the porous medium equation agree to the order of the step."""
    result = fitted("run.h5")
    said = call("compare", "run.h5", "--with", "porous-medium").output
    assert "added to run.h5 as reference/porous-medium" in said and all(len(line) <= 80 for line in said.splitlines())
    call("compare", "run.h5", "--with", "tangent-flow", "-o", "tangent.pdf")
    run = tfl.load("run.h5")
    assert set(run.references) == {"porous-medium", "tangent-flow"}
    for reference in run.references.values():
        np.testing.assert_allclose(reference.times, run.history["time"], rtol=1e-14)
        np.testing.assert_allclose(reference.risk, run.history["risk"], rtol=5e-4)
    np.testing.assert_array_equal(run.control, result.control)
    moved = np.max(np.abs(result.output - run.risk.model.initial.values))
    assert moved > 3e-3
    for reference in run.references.values():
        assert np.max(np.abs(reference.density[-1] - result.output)) < moved / 50
    assert (tmp_path / "run-porous-medium.png").stat().st_size > 10_000 and (tmp_path / "tangent.pdf").exists()
    assert "tangent flow, s = 0" in " ".join(call("info", "run.h5").output.split())


def test_a_reference_of_the_same_name_is_replaced_and_others_stay(tmp_path):
    path = tmp_path / "run.h5"
    fitted(path)
    run = tfl.load(path)
    first = comparison.tangent_flow(run)
    for factor in (1.0, 2.0):
        tfl.add_reference(path, tfl.Reference("twice", "words", first.times, factor * first.density, first.risk))
    tfl.add_reference(path, first)
    back = tfl.load(path).references
    np.testing.assert_array_equal(back["twice"].density, 2 * first.density)
    np.testing.assert_array_equal(back["tangent-flow"].density, first.density)


def test_other_programs_read_it(tmp_path):
    xarray = pytest.importorskip("xarray")
    path = tmp_path / "run.h5"
    fitted(path, (12, 10))
    tfl.add_reference(path, comparison.tangent_flow(tfl.load(path)))
    with xarray.open_dataset(path, engine="h5netcdf", group="reference/tangent-flow") as data:
        assert data["density"].dims == ("time", "x", "y") and data["risk"].dims == ("time",)


@pytest.mark.parametrize("shape", [(32,), (12, 10), (9, 8, 8)], ids=str)
def test_pictures_in_every_dimension(shape, tmp_path):
    path = tmp_path / "run.h5"
    fitted(path, shape)
    run = tfl.load(path)
    figure = plotting.plot_comparison(run, comparison.porous_medium(run))
    assert len(figure.axes) == {1: 3, 2: 4 + 2, 3: 10 + 2}[len(shape)]
    figure.canvas.draw()


def test_finite_volumes_where_the_density_vanishes(tmp_path):
    path = tmp_path / "run.h5"
    fitted(path, (64,), positive=False)
    reference = comparison.porous_medium(tfl.load(path))
    assert "finite volumes" in reference.solver and np.min(reference.density) >= 0


def test_many_iterates_give_forty_times(tmp_path):
    path = tmp_path / "run.h5"
    fitted(path, (16,), iterations=90, method=tfl.GradientDescent(1e-5), smoothness=1.0)
    times = comparison.tangent_flow(tfl.load(path)).times
    assert len(times) == comparison.MOST_TIMES and times[0] == 0 and times[-1] == pytest.approx(90e-5)


class TestBadInput:
    def test_another_target(self, call):
        fitted("run.h5", (16,), target=tfl.densities.von_mises(tfl.Torus((16,)), 0.2))
        before = Path("run.h5").read_bytes()
        words = " ".join(call("compare", "run.h5", "--with", "porous-medium", code=2).stderr.split())
        assert "uniform target" in words and "--with tangent-flow" in words
        assert Path("run.h5").read_bytes() == before

    def test_no_time_has_passed(self, call):
        fitted("run.h5", (16,), iterations=0)
        assert "no training time" in call("compare", "run.h5", "--with", "tangent-flow", code=2).stderr

    def test_models_on_points(self, call):
        risk = tfl.Risk(tfl.LinearNODE(np.eye(2), 2), tfl.losses.SquaredDistance(-np.eye(2)))
        result = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.1), 2, store="points.h5")
        assert "only runs on densities" in call("compare", "points.h5", "--with", "tangent-flow", code=2).stderr
        with pytest.raises(tfl.InputError, match="not a run on densities"):
            tfl.add_reference("points.h5", tfl.Reference("a", "b", *(result.history["risk"],) * 3))

    def test_pictures_and_files(self, call):
        fitted("run.h5", (16,))
        assert "use one of these endings" in call(
            "compare", "run.h5", "--with", "tangent-flow", "-o", "a.txt", code=2
        ).stderr.replace("\n", " ")
        assert "there is no file" in call("compare", "none.h5", "--with", "tangent-flow", code=2).stderr
        assert "Invalid value" in call("compare", "run.h5", "--with", "heat", code=2).stderr


def test_warnings_are_sentences_on_the_command_line(call):
    fitted("run.h5", (16,))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        said = call("info", "run.h5").stderr
    assert said.startswith("torusflow: smoothness 0 <= d/2 + 1") and ".py" not in said
    assert said.count("smoothness") == 1
