"""Losses, models and methods of one's own are stored by module and name, and come back where they are given."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import own_classes
import pytest
from command_line import runner

import torusflow as tfl
from torusflow.cli import main
from torusflow.storage import classes


def run_command(*arguments):
    return runner().invoke(main, arguments)


POINTS = np.array([[0.0, 0.0], [1.0, 0.5], [0.3, 0.9]])


@pytest.fixture
def stored(tmp_path):
    """A run of which all parts are one's own, and its path."""
    risk = tfl.Risk(own_classes.Shift(POINTS), own_classes.Cubed(POINTS + np.array([0.7, -0.4]), 2.0))
    path = tmp_path / "own.h5"
    return tfl.descend(risk, risk.space.zeros(), own_classes.Polyak(), 4, store=path), path


@pytest.mark.parametrize("given", [[own_classes], [own_classes.Shift, own_classes.Cubed, own_classes.Polyak]])
def test_classes_that_are_given_come_back(stored, given):
    result, path = stored
    run = tfl.load(path, classes=given)
    assert type(run.risk.model) is own_classes.Shift and type(run.method) is own_classes.Polyak
    assert run.risk(run.control) == result.value and run.risk.loss.weight == 2.0


def test_a_file_imports_nothing_and_gives_what_needs_no_class(stored):
    result, path = stored
    with pytest.warns(UserWarning, match=r"own_classes:Cubed, own_.*classes=\[Cubed, Polyak, Shift\]"):
        run = tfl.load(path)
    np.testing.assert_array_equal(run.control, result.control)
    np.testing.assert_array_equal(run.output, result.output)
    np.testing.assert_array_equal(run.history["risk"], result.history["risk"])
    assert run.trajectory.shape == (3, 3, 2)
    for thing in (run.risk, run.method):
        with pytest.raises(tfl.InputError, match="--classes own_classes"):
            assert thing.anything
    with pytest.raises(tfl.InputError, match="classes="):
        run.risk(run.control)


@pytest.mark.filterwarnings("always::UserWarning")
def test_no_module_is_imported_by_a_file(stored, monkeypatch):
    """A file that names a class of a module is no reason to import it."""
    _, path = stored
    monkeypatch.delitem(sys.modules, "own_classes")
    with pytest.warns(UserWarning):
        tfl.load(path)
    assert "own_classes" not in sys.modules


def test_controls_of_complex_numbers_come_back_without_their_classes(tmp_path):
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), 2, band=3)
    risk = tfl.Risk(model, own_classes.L2(tfl.densities.von_mises(torus)))
    path = tmp_path / "run.h5"
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 3, store=path)
    with pytest.warns(UserWarning, match="own_classes:L2"):
        run = tfl.load(path)
    np.testing.assert_array_equal(run.control, result.control)
    assert isinstance(run.method, tfl.LBFGS)  # which needs nothing of one's own


def test_names_of_torusflow_are_its_own(tmp_path):
    """A loss named L2 and a method named LBFGS are not those of the package."""
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), 2, band=3)
    risk = tfl.Risk(model, own_classes.L2(tfl.densities.von_mises(torus)))
    path = tmp_path / "run.h5"
    tfl.descend(risk, risk.space.zeros(), own_classes.LBFGS(), 2, store=path)
    run = tfl.load(path, classes=[own_classes])
    assert type(run.risk.loss) is own_classes.L2 and type(run.method) is own_classes.LBFGS
    ours = tfl.Risk(model, tfl.losses.L2(tfl.densities.von_mises(torus)))
    with pytest.raises(tfl.InputError, match=r"risk.loss.type: own_classes:L2 in the file, L2 asked for"):
        tfl.descend(ours, ours.space.zeros(), own_classes.LBFGS(), 4, store=path, resume=True)


def test_runs_resume_to_the_last_bit(stored):
    result, path = stored
    whole = tfl.descend(tfl.load(path, [own_classes]).risk, np.zeros((2, 2)), own_classes.Polyak(), 9)
    run = tfl.load(path, [own_classes])
    again = tfl.descend(run.risk, run.control, run.method, 9, store=path, resume=True)
    assert len(result.history["risk"]) == 5
    np.testing.assert_array_equal(again.history["risk"], whole.history["risk"])
    np.testing.assert_array_equal(again.control, whole.control)


def test_what_a_method_remembers_is_looked_at(stored):
    """A checkpoint without it is refused before anything goes on."""
    import h5py

    from torusflow.storage.mappings import checked_checkpoint, read_mapping

    _, path = stored
    run = tfl.load(path, [own_classes])
    with h5py.File(path) as file:
        checkpoint = read_mapping(file["checkpoint"])
    spaces = run.risk.space, run.risk.model.output_space
    checked_checkpoint(checkpoint, *spaces, run.method)
    del checkpoint["state"]["memory"]["count"]
    with pytest.raises(tfl.InputError, match="memory/count: it is missing"):
        checked_checkpoint(checkpoint, *spaces, run.method)


class TestCommands:
    @pytest.mark.slow
    def test_all_that_read_a_run(self, stored, monkeypatch):
        _, path = stored
        monkeypatch.chdir(Path(own_classes.__file__).parent)
        told = run_command("info", str(path), "--classes", "own_classes")
        assert "3 that all move alike" in told.output and told.exit_code == 0
        for command in (("plot",), ("resume", "--iterations", "6")):
            assert run_command(command[0], str(path), *command[1:], "--classes", "own_classes").exit_code == 0
        output = str(path.with_suffix(".csv"))
        assert run_command("export", str(path), "-o", output).exit_code == 0  # needs no class

    def test_info_without_classes_says_what_there_is(self, stored):
        _, path = stored
        told = run_command("info", str(path))
        words = " ".join((told.output + told.stderr).split())
        assert told.exit_code == 0 and "iterations 4" in words and "--classes own_classes" in words

    def test_other_commands_without_classes_say_what_is_missing(self, stored):
        _, path = stored
        for command in (("plot",), ("resume",), ("score", "points.csv"), ("compare", "--with", "tangent-flow")):
            told = run_command(command[0], str(path), *command[1:])
            assert told.exit_code == 2 and "--classes own_classes" in " ".join(told.stderr.split())

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("no.such_module", "there is no module 'no.such_module'"),
            ("own_classes:Nothing", "the module 'own_classes' has no 'Nothing'"),
            ("json", "the module json defines no dataclasses"),
        ],
    )
    def test_modules_that_do_not_help(self, stored, monkeypatch, name, words):
        _, path = stored
        told = run_command("info", str(path), "--classes", name)
        assert told.exit_code == 2 and words in " ".join(told.stderr.split())


class TestBadInput:
    def test_other_classes_than_the_file_has(self, stored):
        _, path = stored
        with pytest.raises(tfl.InputError, match=r"own_classes:Shift.* Given were own_classes:Cubed"):
            tfl.load(path, classes=[own_classes.Cubed])
        with pytest.raises(tfl.InputError, match="Given were none of your own"):
            tfl.load(path, classes=[tfl.LBFGS])

    @pytest.mark.parametrize("given", [own_classes, own_classes.Cubed, "own_classes", ["own_classes"], [3], 3])
    def test_classes_that_are_no_list_of_classes(self, stored, given):
        _, path = stored
        with pytest.raises(tfl.InputError, match=r"classes must be a list of classes or modules, such as \[MyLoss\]"):
            tfl.load(path, classes=given)

    def test_classes_nobody_finds_again(self, tmp_path):
        @dataclass(frozen=True, eq=False)
        class Inside(own_classes.Cubed):
            pass

        risk = tfl.Risk(own_classes.Shift(POINTS), Inside(POINTS))
        with pytest.raises(tfl.InputError, match=r"defined inside a function.*Define it at the top level of a module"):
            tfl.descend(risk, risk.space.zeros(), own_classes.Polyak(), 1, store=tmp_path / "run.h5")

    def test_what_is_no_dataclass(self, tmp_path):
        class Plain:
            pass

        with pytest.raises(tfl.InputError, match="Write Plain as one: @dataclass"):
            classes.stored_name(Plain)
        with pytest.raises(tfl.InputError, match="a dict cannot be stored in a run file, which holds numbers, texts"):
            classes.stored_name(dict)

    def test_functions(self, tmp_path):
        risk = tfl.Risk(own_classes.Shift(POINTS), own_classes.Cubed(POINTS, lambda x: x))
        with pytest.raises(tfl.InputError, match="a Cubed holds functions of yours"):
            tfl.RunFile(tmp_path / "run.h5").prepare(risk, tfl.LBFGS())


def test_classes_of_scripts_and_notebooks_are_found_by_their_name():
    known = classes.known_classes([own_classes.Cubed])
    assert classes.class_of("__main__:Cubed", known) is own_classes.Cubed
    assert classes.class_of("elsewhere:Cubed", known) is None
    assert classes.class_of("__main__:L2", classes.known_classes()) is None
