"""Animations: what moves in them is what moved, and files of other kinds stay."""

import itertools
import shutil

import numpy as np
import pytest
import small_runs
from PIL import Image

import torusflow as tfl
from torusflow.reports.animation import _flow, _training
from torusflow.storage.kinds import ANIMATION, kind_of


@pytest.fixture(scope="module")
def run_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run.h5"
    small_runs.on_densities(path, (18,))
    return path


def test_the_frames_of_the_flow_are_its_states(run_file):
    """Between the ends of layers too, since a layer of several steps can be cut: the same steps."""
    run = tfl.load(run_file)
    frames, _ = _flow(run_file, run)
    steps = run.risk.model.substeps
    assert steps > 1 and len(frames) == 2 * steps + 1
    np.testing.assert_allclose([frame.values for frame in frames[::steps]], run.trajectory, rtol=1e-13)
    assert frames[steps].title == "s = 0.50"


def test_the_frames_of_the_training_are_its_iterates(run_file):
    run = tfl.load(run_file)
    frames, _ = _training(run_file, run)
    assert [frame.title for frame in frames] == [f"iteration {i} of 3" for i in range(4)]
    np.testing.assert_array_equal(frames[-1].values, run.output)
    risks = [run.risk.loss(frame.values) for frame in frames]
    np.testing.assert_allclose(risks, run.history["risk"], rtol=1e-12)


def test_a_gif(run_file, call, tmp_path):
    """As many pictures as frames, all different, and replaced only when asked for."""
    shutil.copy(run_file, tmp_path / "run.h5")
    assert "animation written to run-training.gif" in call("animate", "run.h5").output
    with Image.open("run-training.gif") as film:
        assert film.n_frames == 4
        pictures = []
        for i in range(4):
            film.seek(i)
            pictures.append(np.asarray(film.convert("L"), int))
    assert all(np.any(a != b) for a, b in itertools.pairwise(pictures))
    assert kind_of("run-training.gif") == ANIMATION
    assert "is not overwritten" in call("animate", "run.h5", code=2).stderr
    Image.new("L", (8, 8)).save("mine.gif")
    refused = call("animate", "run.h5", "-o", "mine.gif", "--overwrite", code=2).stderr
    assert "an animation never replaces" in refused
    assert "written as .mp4 or .gif" in call("animate", "run.h5", "-o", "film.avi", code=2).stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_mp4(run_file, tmp_path, monkeypatch):
    monkeypatch.setattr("torusflow.reports.animation.HELD", 1)
    tfl.animate(run_file, tmp_path / "film.mp4")
    assert kind_of(tmp_path / "film.mp4") == ANIMATION


def test_mp4_without_ffmpeg(run_file, tmp_path, monkeypatch):
    from matplotlib.animation import FFMpegWriter

    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(tfl.InputError, match=r"Install it, or write .*film\.gif"):
        tfl.animate(run_file, tmp_path / "film.mp4")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "of"),
    [
        (small_runs.on_points, "training"),
        (small_runs.on_points, "flow"),
        (small_runs.of_network, "training"),
        (small_runs.of_likelihood, "training"),
        (small_runs.of_likelihood, "flow"),
        (lambda path: small_runs.on_densities(path, (7, 8, 7), 1), "flow"),
    ],
)
def test_every_kind_of_run(make, of, tmp_path, monkeypatch):
    monkeypatch.setattr("torusflow.reports.animation.FRAMES", 4)
    make(tmp_path / "run.h5")
    tfl.animate(tmp_path / "run.h5", tmp_path / "film.gif", of)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames in (2, 3, 4)


def test_what_does_not_move(tmp_path):
    small_runs.of_network(tmp_path / "run.h5", 0)
    with pytest.raises(tfl.InputError, match=r"nothing moves. Try of='flow' \(--of flow\)"):
        tfl.animate(tmp_path / "run.h5", tmp_path / "film.gif")
    with pytest.raises(tfl.InputError, match=r"whose flow has no picture. Let it show the training"):
        tfl.animate(tmp_path / "run.h5", tmp_path / "film.gif", "flow")
    with pytest.raises(tfl.InputError, match="of training or flow"):
        tfl.animate(tmp_path / "run.h5", tmp_path / "film.gif", "time")
