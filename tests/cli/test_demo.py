"""torusflow demo: a first fit in a folder of its own."""

import sys

import click
import numpy as np
import pytest

import torusflow as tfl
from torusflow import example_data
from torusflow.cli import fits, runs


@pytest.fixture
def few(tmp_path, monkeypatch, rng):
    """Few rows in place of those that are shipped."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    rows = np.degrees(rng.vonmises(0.0, 2.0, (40, 2)))
    np.savetxt(folder / "adk_torsions.csv", rows, delimiter=",", header="phi,psi", comments="")
    monkeypatch.setattr(example_data, "FOLDERS", (folder,))


@pytest.fixture
def asked(monkeypatch):
    """What the two commands are asked for, which do nothing."""
    words, module = [], sys.modules["torusflow.cli.demo"]
    for name in ("fit", "plot"):
        asked = click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)
        does = click.Command(name, callback=lambda rest: words.append(rest), params=[asked])
        does.context_settings = {"ignore_unknown_options": True}
        monkeypatch.setattr(module, name, does)
    return words


def test_a_demo_does_what_it_says(call, few, asked, tmp_path):
    said = call("demo").output
    table, run = "torusflow-demo/adk_torsions.csv", "torusflow-demo/adk.h5"
    fit, plot = (table, "--units", "degrees", "-o", run), (run, "-o", "torusflow-demo/adk.png")
    assert asked == [fit, plot]
    assert f"$ torusflow fit {' '.join(fit)}\n" in said and f"$ torusflow plot {' '.join(plot)}\n" in said
    assert (tmp_path / table).read_bytes() == tfl.example_file("adk_torsions.csv").read_bytes()
    for written in (run, "torusflow-demo/adk.png"):
        (tmp_path / written).touch()
    assert "already: look at torusflow-demo/adk.png" in call("demo").output and len(asked) == 2
    call("demo", "--overwrite")
    assert asked[2:] == [(*fit, "--overwrite"), (*plot, "--overwrite")]


def test_what_it_asks_for_can_be_done():
    """The options of the two commands; scripts/release does them."""
    fit, plot = ["a.csv", "--units", "degrees", "-o", "a.h5"], ["a.h5", "-o", "a.png"]
    for command, words in ((fits.fit, fit), (runs.plot, plot)):
        assert command.make_context(command.name, [*words, "--overwrite"]).params["overwrite"]


def test_nothing_of_somebody_else_is_written_over(call, few, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "adk_torsions.csv").write_text("x,y\n1,2\n")
    assert "exists and is not overwritten" in call("demo", "mine", code=2).stderr
    assert (tmp_path / "mine" / "adk_torsions.csv").read_text() == "x,y\n1,2\n"
    (tmp_path / "file").write_text("words")
    assert "cannot use the folder 'file'" in call("demo", "file", code=2).stderr
