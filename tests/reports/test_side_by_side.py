"""Densities of several runs beside one another: which, where, with what target, on one scale, and how many numbers."""

import base64

import numpy as np
import pytest
import small_runs

import torusflow as tfl
from torusflow.reports.sections import Subject
from torusflow.reports.side_by_side import NO_TARGET, densities
from torusflow.reports.writing import names


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A function that gives two runs on a grid, of one and of two iterations."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def subjects(shape):
        for iterations in (1, 2):
            path = folder / f"{iterations}-{len(shape)}.h5"
            if path not in made:
                small_runs.on_densities(path, shape, iterations)
                made[path] = Subject(path, path.name, tfl.load(path))
        return [made[folder / f"{iterations}-{len(shape)}.h5"] for iterations in (1, 2)]

    return subjects


def unpacked(field):
    values = np.frombuffer(base64.b64decode(field["float32"]), "<f4")
    return values.reshape(field["shape"])


def centred(values):
    """From -180 degrees on."""
    return values[np.ix_(*[(np.arange(n) + (n + 1) // 2) % n for n in values.shape])]


def test_images_stand_beside_their_target_on_one_scale(stored):
    subjects = stored((12, 11))
    part = densities(subjects, 10_000)
    assert [panel["title"] for panel in part.panels] == [
        "fitted density of 1-2.h5",
        "fitted density of 2-2.h5",
        "target",
    ]
    assert [panel["new_row"] for panel in part.panels] == [True, False, False]
    target = subjects[0].run.risk.loss.target.values
    fields = [*(subject.run.output for subject in subjects), target]
    for panel, values in zip(part.panels, fields, strict=True):
        np.testing.assert_allclose(unpacked(panel["fixed"])[0], centred(values), rtol=1e-6)
    assert part.colours["high"] == pytest.approx(np.max(fields)) and part.colours["low"] == pytest.approx(
        np.min(fields)
    )
    assert part.notes == ["Densities are relative to the uniform one, which is 1 everywhere."]


def test_three_axes_are_means_over_each_with_those_of_a_pair_in_a_row(stored):
    subjects = stored((7, 8, 9))
    panels = densities(subjects, 10_000).panels
    assert [panel["title"].split(", ")[1] for panel in panels[::3]] == ["mean over χ1", "mean over ψ", "mean over φ"]
    assert [panel["new_row"] for panel in panels] == [True, False, False] * 3
    assert [panel["labels"] for panel in panels[::3]] == [["φ [°]", "ψ [°]"], ["φ [°]", "χ1 [°]"], ["ψ [°]", "χ1 [°]"]]
    second = subjects[1].run.output.mean(axis=1)
    np.testing.assert_allclose(unpacked(panels[4]["fixed"])[0], centred(second), rtol=1e-6)


def test_lines_are_in_one_panel_over_their_target(stored):
    subjects = stored((24,))
    (panel,) = densities(subjects, 10_000).panels
    assert [trace["name"] for trace in panel["data"]] == ["target", "1-1.h5", "2-1.h5"]
    np.testing.assert_allclose(unpacked(panel["data"][2]["y"]), centred(subjects[1].run.output), rtol=1e-6)
    assert panel["data"][1]["line"] != panel["data"][2]["line"]


def test_targets_that_differ_are_left_out_and_that_is_said(stored):
    part = densities([stored((12, 11))[0], stored((7, 8, 9))[0]], 10_000)
    assert NO_TARGET in part.notes and not any(panel["title"].startswith("target") for panel in part.panels)
    assert len(part.panels) == 1 + 3


def test_numbers_are_bounded_and_means_said(stored):
    part = densities(stored((12, 11)), 150)
    assert 0 < sum(unpacked(panel["fixed"]).size for panel in part.panels) <= 150
    assert "1-2.h5: Every number shown is the mean over 2 x 2 points of the grid." in part.notes


def test_a_run_alone_has_nothing_beside_it(stored, tmp_path):
    small_runs.of_network(tmp_path / "network.h5")
    other = Subject("network.h5", "network.h5", tfl.load(tmp_path / "network.h5"))
    assert densities([stored((24,))[0], other], 10_000).panels == []


def test_runs_of_one_name_are_told_apart_by_their_folders():
    assert names(["a/run.h5", "b/other.h5"]) == ["run.h5", "other.h5"]
    assert names(["a/run.h5", "b/run.h5"]) == ["a/run.h5", "b/run.h5"]
