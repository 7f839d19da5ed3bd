"""Reports without a browser: what they say, the numbers they hold, and what they refuse."""

import base64
import dataclasses
import html
import json
import re
import sys

import numpy as np
import pytest
import small_runs

import torusflow as tfl
from torusflow.reports.fields import densities
from torusflow.reports.packing import Shown, packed, some
from torusflow.reports.page import page
from torusflow.reports.summary import summary
from torusflow.reports.training import Iterate, iterates
from torusflow.reports.verdicts import verdicts
from torusflow.storage.kinds import REPORT, kind_of

pytest.importorskip("plotly", reason="plotly is not installed")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run.h5"
    small_runs.on_densities(path)
    return path


def written(runs, folder, **options):
    """The words of a report of runs, its numbers, and the page without Plotly's script."""
    tfl.report(runs, folder / "report.html", **options)
    text = (folder / "report.html").read_text()
    numbers = json.loads(re.search(r'id="numbers">(.*?)</script>', text, re.DOTALL)[1])
    scripts = re.findall(r"<script>.*?</script>", text, re.DOTALL)
    own = text.replace(max(scripts, key=len), "")
    body = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split()), numbers, own


def unpacked(field):
    values = np.frombuffer(base64.b64decode(field["float32"]), "<f4")
    return values.reshape(field["shape"])


@pytest.mark.slow
def test_words_and_numbers_are_those_of_the_run(run_file, tmp_path):
    words, numbers, own = written(run_file, tmp_path)
    run = tfl.load(run_file)
    for said in (
        "A MeasureNODE was trained for 3 iterations of GradientDescent on SquaredL2",
        f"to {run.history['risk'][-1]:.4g}",
        "iteration limit: 3 iterations",
        "phi, psi in degrees",
        "adjoint passed adjoint identity",
        "gradient passed Taylor remainder: slope 2.0",
        "risk.model.metric.smoothness 3.0",
        f"torusflow {tfl.__version__}",
        "found by repeating the descent",
    ):
        assert said in words, said
    assert "://" not in own and "default-src 'none'" in own
    shown = unpacked(numbers["runs"][0]["fields"]["layer"])
    index = np.r_[8:16, 0:8], np.r_[8:15, 0:8]  # from -180 degrees on
    np.testing.assert_allclose(shown, run.trajectory[(slice(None), *np.ix_(*index))], rtol=1e-6)
    axes = next(panel for panel in numbers["runs"][0]["panels"] if panel["kind"] == "image")["axes"]
    np.testing.assert_allclose(axes[1], (np.arange(-7, 8) / 15) * 360)
    history = numbers["runs"][0]["history"]
    assert history["iterations"] == [0, 1, 2, 3]
    np.testing.assert_allclose(history["columns"]["risk"], run.history["risk"], rtol=1e-6)
    assert kind_of(tmp_path / "report.html") == REPORT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "sliders", "said"),
    [
        (small_runs.on_points, {"layer", "iteration"}, "A RKHSNODE was trained"),
        (small_runs.of_network, {"iteration"}, "A LinearNetwork was trained"),
        (small_runs.of_likelihood, {"layer", "iteration"}, "nats more a row than under the uniform density"),
        (small_runs.conditional, {"layer", "iteration"}, "densities given x"),
        (small_runs.linearised, {"iteration"}, "A Linearised was trained"),
        (small_runs.without_densities, {"layer", "iteration"}, "are not kept in the file"),
    ],
    ids=["points", "network", "likelihood", "conditional", "linearised", "without densities"],
)
@pytest.mark.filterwarnings("ignore:the rows are few", "ignore:rows trained on")
def test_every_kind_of_run(make, sliders, said, tmp_path):
    make(tmp_path / "run.h5")
    words, numbers, _ = written(tmp_path / "run.h5", tmp_path)
    assert said in words and set(numbers["runs"][0]["sliders"]) == sliders
    assert "WRONG" not in words.replace("grid WRONG", "")


@pytest.mark.slow
def test_several_runs_are_compared(run_file, tmp_path):
    small_runs.on_points(tmp_path / "points.h5")
    words, numbers, _ = written([run_file, tmp_path / "points.h5"], tmp_path, seconds=0)
    assert "These runs are of different kinds, MeasureNODE, RKHSNODE" in words
    (compared,) = numbers["compared"]
    assert [len(panel["data"]) for panel in compared["panels"]] == [2, 2] and len(numbers["runs"]) == 2
    assert "ask for it with --seconds" in words and "adjoint identity" not in words


@pytest.mark.slow
def test_a_run_that_is_still_being_written(run_file, tmp_path):
    import shutil

    path = shutil.copy(run_file, tmp_path / "run.h5")
    tfl.RunFile(path).restate("running")
    words, _, _ = written(path, tmp_path, seconds=0)
    assert "This run was still being written: it is reported as far as it had come." in words


@dataclasses.dataclass(frozen=True)
class Mine(tfl.losses.SquaredL2):
    """A loss of a user."""


@pytest.mark.slow
def test_a_run_whose_classes_are_not_given(tmp_path):
    torus = tfl.Torus((8, 8), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, band=2)
    risk = tfl.Risk(model, Mine(tfl.densities.von_mises(torus)))
    tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.05), 2, store=tmp_path / "run.h5")
    words, numbers, _ = written(tmp_path / "run.h5", tmp_path, seconds=0)
    assert "only its numbers are reported" in words and "risk" in numbers["runs"][0]["history"]["columns"]
    words, _, _ = written(tmp_path / "run.h5", tmp_path, seconds=0, overwrite=True, classes=[Mine])
    assert "on Mine" in words


@pytest.mark.slow
def test_names_of_a_file_are_text_and_no_markup(tmp_path):
    names = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>")
    small_runs.on_densities(tmp_path / "run.h5", coordinates=tfl.Coordinates("degrees", names))
    words, numbers, own = written(tmp_path / "run.h5", tmp_path, seconds=0)
    assert "<img" not in own and own.count("</script>") == 2 and names[1] in words
    labels = next(panel for panel in numbers["runs"][0]["panels"] if panel["kind"] == "image")["labels"]
    assert not any("<" in label for label in labels)
    assert "</script><b>" not in page("title", "", {"name": "</script><b>"}, "0")


@pytest.mark.slow
def test_a_huge_run_is_seen_by_means_over_blocks_and_stays_small(tmp_path):
    small_runs.on_densities(tmp_path / "run.h5", (256, 256), iterations=0)
    words, numbers, _ = written(tmp_path / "run.h5", tmp_path, seconds=0)
    assert (tmp_path / "report.html").stat().st_size < 8e6
    assert "Every number shown is the mean over 2 x 2 points of the grid." in words
    assert numbers["runs"][0]["fields"]["layer"]["shape"] == [3, 128, 128]


def test_the_numbers_of_many_frames_are_bounded(run_file):
    run = tfl.load(run_file)
    found = [Iterate(i, run.control, run.output) for i in range(12)]
    made = densities(run, found, np.array([0, 1, 2]), 3000)
    assert 0 < sum(field.size for field in made.fields.values()) <= 3000
    np.testing.assert_allclose(made.fields["iteration"][0].mean(), 1, atol=0.05)


@pytest.mark.parametrize(("shape", "most"), [((12, 10), 5), ((7,), 3), ((6, 5, 4), 10)])
def test_blocks_keep_the_mass_and_the_places(shape, most, rng):
    coordinates = tfl.Coordinates("degrees", centred=True)
    shown, values = Shown(shape, coordinates, most), rng.random(shape)
    weights = np.ones(1)
    for n, axis in zip(shape, shown.axes, strict=True):
        assert len(axis) <= most and np.all(np.diff(axis) > 0) and axis[0] >= -180 and axis[-1] < 180
        block = -(-n // most)
        sizes = np.array([min(block, n - start) for start in range(0, n, block)])
        weights = np.multiply.outer(weights, sizes)
    assert np.sum(shown(values) * weights[0]) == pytest.approx(values.sum())
    linear = np.ones(shape)
    np.testing.assert_allclose(shown(linear), 1)


def test_numbers_are_packed_in_single_precision():
    values = np.array([[1.5, np.nan], [-2.25, 3e-9]])
    np.testing.assert_array_equal(unpacked(packed(values)), values.astype("f4"))
    assert some(0, 5).size == 0 and some(9, 3).tolist() == [0, 4, 8] and some(2, 5).tolist() == [0, 1]


def test_iterates_are_those_of_the_descent(tmp_path):
    """Found by repeating it, with the bits that it had."""
    seen = []
    torus = tfl.Torus((12,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, band=2)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    store = tmp_path / "run.h5"
    tfl.descend(
        risk, model.space.zeros(), tfl.LBFGS(), 5, store=store, callback=lambda i, row, state: seen.append(state.output)
    )
    run = tfl.load(store)
    found, said = iterates(store, run, 4)
    assert "repeating" in said and [iterate.iteration for iterate in found] == [0, 1, 2, 5]
    for iterate in found:
        np.testing.assert_array_equal(iterate.output, seen[iterate.iteration])
    run.history["risk"][3] *= 1.1  # another way than the one that is repeated
    found, said = iterates(store, run, 4)
    assert len(found) == 2 and "could not be repeated" in said


def test_controls_that_a_method_was_asked_to_keep_are_shown(tmp_path):
    small_runs.on_points(tmp_path / "run.h5", 50, tfl.GradientFlow(final_time=1.0, times=(0.25, 0.5, 1.0)))
    run = tfl.load(tmp_path / "run.h5")
    found, said = iterates(tmp_path / "run.h5", run, 12, 0)
    assert "asked to keep" in said
    times = run.history["time"][[iterate.iteration for iterate in found]]
    np.testing.assert_allclose(times, [0, 0.25, 0.5, 1.0], atol=1e-12)


def test_what_is_wrong_is_said(run_file):
    run = tfl.load(run_file)
    assert {verdict.outcome for verdict in verdicts(run, 60)} == {"passed"}
    near = dataclasses.replace(run, output=(1 + 1e-12) * run.output)
    for stored, how in ((run, "exactly"), (near, "to 1.0e-12")):
        assert f"at the stored control, {how}" in next(v.words for v in verdicts(stored, 0) if v.name == "output")
    run.history["minimum"][-1] = -0.5
    spoilt = dataclasses.replace(run, output=1.001 * run.output)
    outcomes = {name: (outcome, words) for name, outcome, words in verdicts(spoilt, 0)}
    assert outcomes["output"][0] == "wrong" and "differs from the model's" in outcomes["output"][1]
    assert outcomes["positive"][0] == "wrong" and "down to -0.5" in outcomes["positive"][1]
    assert outcomes["gradient"][0] == "open"


def test_how_near_it_came(run_file):
    run = tfl.load(run_file)
    target = run.risk.loss.target.values
    error = np.sqrt(np.mean((run.output - target) ** 2) / np.mean(target**2))
    said = summary(run_file, run, iterates(run_file, run, 3)[0])
    assert not any(sentence.endswith("..") for sentence in said)
    assert any(f"The output is {100 * error:.3g} % of the target's norm away" in sentence for sentence in said)


def test_what_is_refused_before_any_work(run_file, tmp_path, monkeypatch):
    mine = tmp_path / "report.html"
    mine.write_text("<!doctype html><p>mine</p>")
    with pytest.raises(tfl.InputError, match="a report never replaces"):
        tfl.report(run_file, mine, overwrite=True)
    with pytest.raises(tfl.InputError, match="is an input here"):
        tfl.report(run_file, run_file, overwrite=True)
    with pytest.raises(tfl.InputError, match="at least one run file"):
        tfl.report([], mine)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    monkeypatch.delattr("torusflow.reports.writing.read_run")
    with pytest.raises(tfl.InputError, match=re.escape("pip install 'torusflow[report]'")):
        tfl.report(run_file, tmp_path / "new.html")
    assert not (tmp_path / "new.html").exists()


def test_the_command(run_file, call, tmp_path):
    import shutil

    shutil.copy(run_file, tmp_path / "run.h5")
    assert "report written to run-report.html" in call("report", "run.h5", "--seconds", "0").output
    assert "is not overwritten" in call("report", "run.h5", "--seconds", "0", code=2).stderr
    assert "seconds must be a number >= 0" in call("report", "run.h5", "--seconds", "-1", code=2).stderr
