"""Whatever ends a descent: the result is given back and stored, and the run goes on from it to the last bit."""

import dataclasses
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from test_resume import assert_same

import torusflow as tfl
from torusflow import InputError
from torusflow.descent.progress import Progress
from torusflow.interrupts import Held

METHOD = tfl.LBFGS(memory=2, step=1e-3)


def tiny_risk(loss=None):
    torus = tfl.Torus((12,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=2, band=2, substeps=2)
    return tfl.Risk(model, loss or tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 1.0)), penalty=1e-3)


def descend(risk, iterations=6, **more):
    return tfl.descend(risk, risk.space.zeros(), METHOD, iterations, **more)


class Fails(tfl.losses.SquaredL2):
    """A loss that does something else once its switch is set."""

    switch = None

    def __call__(self, output):
        return self.switch() if self.switch else super().__call__(output)

    def gradient(self, output):
        return self.spoilt(super().gradient(output)) if self.spoilt else super().gradient(output)

    spoilt = None


def raising():
    raise ZeroDivisionError("of the loss")


# -- errors of the caller's functions ----------------------------------------------------------------------------------


def test_a_callback_that_raises(tmp_path):
    def callback(iteration, row):
        if iteration == 3:
            raise KeyError("of the callback")

    result = descend(tiny_risk(), store=tmp_path / "run.h5", callback=callback)
    assert result.status == "failed at iteration 4: the callback raised KeyError: 'of the callback'"
    assert isinstance(result.error, KeyError) and result.iterations == 3 and result.path == tmp_path / "run.h5"
    assert result.error.__traceback__.tb_next.tb_frame.f_code.co_name == "callback"
    run = tfl.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(run.control, result.control)
    assert run.status == result.status
    assert_same(descend(run.risk, store=tmp_path / "run.h5", resume=True), descend(tiny_risk()))


def test_a_stop_that_raises():
    result = descend(tiny_risk(), stop=raising)
    assert result.status == "failed at iteration 1: the stop raised ZeroDivisionError: of the loss"


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        (raising, "of the loss"),
        (lambda: None, "a Fails gave None; a loss gives one real number"),
        (lambda: 1.0 + 2.0j, r"a Fails gave \(1\+2j\); a loss gives one real number"),
        (lambda: np.ones(3), "a Fails gave array"),
        (lambda: "0.1", "a Fails gave '0.1'"),
    ],
)
def test_a_loss_that_fails_on_the_way(switch, words):
    risk = tiny_risk()
    loss = Fails(risk.loss.target)
    risk = dataclasses.replace(risk, loss=loss)

    def callback(iteration, row):
        if iteration == 2:
            object.__setattr__(loss, "switch", switch)

    result = descend(risk, callback=callback)
    assert result.status.startswith("failed at iteration 3") and result.iterations == 2 and result.error is not None
    with pytest.raises((InputError, ZeroDivisionError), match=words):
        raise result.error
    with pytest.raises((InputError, ZeroDivisionError), match=words):  # nothing is lost before the first iterate
        descend(risk)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda g: np.full_like(g, np.nan), "diverged at iteration 3: the gradient of a Fails"),
        (lambda g: g[:-1], "failed at iteration 3: the gradient of a Fails"),
        (lambda g: None, "failed at iteration 3: the gradient of a Fails"),
        (lambda g: 1e300 * g, "at iteration 4"),
    ],
)
def test_a_gradient_that_fails_on_the_way(spoilt, words):
    risk = tiny_risk()
    loss = Fails(risk.loss.target)

    def callback(iteration, row):
        if iteration == 2:
            object.__setattr__(loss, "spoilt", spoilt)

    method = tfl.GradientDescent(1e-3)
    risk = dataclasses.replace(risk, loss=loss)
    with np.errstate(over="ignore", invalid="ignore"):
        result = tfl.descend(risk, risk.space.zeros(), method, 6, callback=callback)
    assert words in result.status and result.iterations == (3 if "4" in words else 2)


def test_what_is_given_to_functions_is_theirs():
    def validation(w):
        value = float(np.abs(w).sum())
        w[...] = 7.0
        return -value

    def callback(iteration, row):
        row["risk"] = row["mine"] = -1.0

    plain = descend(tiny_risk(), validation=lambda w: -float(np.abs(w).sum()))
    assert_same(descend(tiny_risk(), validation=validation, callback=callback), plain)


def test_sys_exit_in_a_callback_leaves_the_run_stored(tmp_path):
    def callback(iteration, row):
        if iteration == 2:
            sys.exit(3)

    with pytest.raises(SystemExit):
        descend(tiny_risk(), store=tmp_path / "run.h5", callback=callback)
    run = tfl.load(tmp_path / "run.h5")
    assert run.status.startswith("interrupted at iteration 3: SystemExit: 3")
    assert_same(descend(run.risk, store=tmp_path / "run.h5", resume=True), descend(tiny_risk()))


# -- writes that fail --------------------------------------------------------------------------------------------------


def test_a_folder_that_vanishes(tmp_path):
    """The descent goes on; at its end the run is written elsewhere, and it says where."""
    folder = tmp_path / "folder"
    folder.mkdir()

    def callback(iteration, row):
        if iteration == 2:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    store = tfl.RunFile(folder / "run.h5", interval=0.0)
    with pytest.warns(UserWarning) as warned:
        result = descend(tiny_risk(), store=store, callback=callback)
    assert len(warned) == 2 and "The descent goes on" in str(warned[0].message)
    assert result.status.startswith("iteration limit: 6 iterations") and "not stored under its name" in result.status
    assert str(result.path) in result.status and result.path.exists()
    np.testing.assert_array_equal(tfl.load(result.path).control, result.control)
    result.path.unlink()
    result.path.parent.rmdir()


def test_a_disk_that_is_full_for_a_while(tmp_path, monkeypatch):
    save, calls = tfl.RunFile.save, []

    def full(self, *arguments):
        calls.append(1)
        if 1 < len(calls) < 4:
            raise InputError("cannot write 'run.h5': no space left on device.")
        save(self, *arguments)

    monkeypatch.setattr(tfl.RunFile, "save", full)
    store = tfl.RunFile(tmp_path / "run.h5", interval=0.0)
    with pytest.warns(UserWarning, match=r"no space left on device\. The descent goes on"):
        result = descend(tiny_risk(), store=store)
    assert result.path == tmp_path / "run.h5" and tfl.load(result.path).status == result.status


def test_nowhere_to_write(tmp_path, monkeypatch):
    def full(self, *arguments):
        raise InputError("cannot write: no space left on device.")

    monkeypatch.setattr(tfl.RunFile, "save", full)
    with pytest.warns(UserWarning, match="not stored under its name"):
        result = descend(tiny_risk(), store=tmp_path / "run.h5")
    assert result.path is None and result.iterations == 6 and "no space left on device" in result.status


def test_a_stop_file_that_is_a_folder(tmp_path):
    def callback(iteration, row):
        if iteration == 2:
            (tmp_path / "run.h5.stop").mkdir()

    result = descend(tiny_risk(), store=tmp_path / "run.h5", callback=callback)
    assert result.path == tmp_path / "run.h5" and result.iterations >= 2
    assert tfl.load(result.path).status == result.status


# -- resumed with something else ---------------------------------------------------------------------------------------


def validations():
    risk = tiny_risk()
    other = dataclasses.replace(risk, penalty=0.5)
    return {"none": None, "a Risk": risk, "another Risk": other, "a function": lambda w: float(np.abs(w).sum())}


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ("a Risk", "none", "was stored with a validation, so it cannot be resumed without it"),
        ("a function", "none", "Give the same function as validation="),
        ("none", "a Risk", "was stored without a validation, so it cannot be resumed with one"),
        ("none", "a function", "was stored without a validation"),
        ("a Risk", "another Risk", r"another problem.*validation\.penalty: 0.001 in the file, 0.5 asked for"),
        ("a Risk", "a function", "with a Risk as validation; it cannot be resumed with a function"),
        ("a function", "a Risk", "with a function as validation; it cannot be resumed with a Risk"),
    ],
)
def test_another_validation_is_refused(before, now, words, tmp_path):
    risk, path = tiny_risk(), tmp_path / "run.h5"
    descend(risk, 2, store=path, validation=validations()[before])
    content = path.read_bytes()
    with pytest.raises(InputError, match=words):
        descend(risk, 4, store=path, resume=True, validation=validations()[now])
    assert path.read_bytes() == content
    descend(risk, 4, store=path, resume=True, validation=validations()[before])


@pytest.mark.parametrize("before", [False, True])
def test_refine_is_as_it_was(before, tmp_path):
    risk, path = tiny_risk(), tmp_path / "run.h5"
    descend(risk, 2, store=path, refine=before)
    with pytest.raises(InputError, match=rf"Say refine={before}, as load\(\.\.\.\)\.limits has it"):
        descend(risk, 4, store=path, resume=True, refine=not before)
    assert descend(risk, 4, store=path, resume=True, refine=before).iterations == 4


def test_an_iteration_looks_at_no_more_of_a_long_history_than_of_a_short_one():
    class Watched(list):
        def __iter__(self):
            raise AssertionError("all of the history was looked at")

    risk = tiny_risk()
    state = METHOD.init(risk, risk.space.zeros())
    rows = Watched()
    reached = Progress(risk, state.control, _rows=rows).after(state, 0.0, risk)
    for _ in range(3):
        state = METHOD.update(risk, state)
        reached = reached.after(state, 0.0, risk)
        assert reached.since_best == 0 and reached.row["validation"] == state.value


# -- signals -----------------------------------------------------------------------------------------------------------


def test_a_handler_that_raises_where_exceptions_are_lost():
    """In a destructor Python drops what a handler raises: the descent ends all the same."""

    class Dies:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)
            for _ in range(10):  # the handler is called before this ends
                pass

    def callback(iteration, row):
        if iteration == 2:
            Dies()

    hook, sys.unraisablehook = sys.unraisablehook, lambda *_: None
    try:
        result = descend(tiny_risk(), 50, callback=callback)
    finally:
        sys.unraisablehook = hook
    assert result.status.startswith("interrupted at iteration") and result.iterations <= 3


def test_a_second_signal_does_not_meet_the_first_on_its_way_out():
    out = False
    with Held() as held:
        with pytest.raises(KeyboardInterrupt), held.let_through():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                out = True
        assert out and held.waiting


def test_handlers_are_given_back(tmp_path):
    def handler(number, frame):
        received.append(number)

    received, before = [], signal.signal(signal.SIGTERM, handler)
    try:
        result = descend(
            tiny_risk(), callback=lambda iteration, row: iteration == 2 and signal.raise_signal(signal.SIGTERM)
        )
        assert received == [signal.SIGTERM] and result.iterations == 6
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_descent_within_a_callback_is_held_too(tmp_path):
    inner = []

    def callback(iteration, row):
        if iteration == 1:
            inner.append(descend(tiny_risk(), callback=interrupt, store=tmp_path / "inner.h5"))

    def interrupt(iteration, row):
        if iteration == 2:
            signal.raise_signal(signal.SIGINT)

    outer = descend(tiny_risk(), callback=callback)
    assert inner[0].status.startswith("interrupted at iteration 3") and outer.iterations == 6


PACKAGE = str(Path(tfl.__file__).parent)
NUMERICS = ("torus", "transport", "models", "losses")


def interrupted_at(number, risk, path):
    """A descent that SIGINT meets as it comes to one line of this package, outside of its numerics; and all lines."""
    lines = []

    def trace(frame, event, argument):
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE) or name[len(PACKAGE) + 1 :].split(os.sep)[0] in NUMERICS:
            return None
        if event == "line":
            if len(lines) == number:
                signal.raise_signal(signal.SIGINT)
            lines.append(f"{name}:{frame.f_lineno}")
        return trace

    result = None
    sys.settrace(trace)
    try:
        result = descend(risk, 2, store=tfl.RunFile(path, interval=0.0))
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    return result, lines


def assert_nothing_is_lost(tmp_path, stride):
    """What came to an end is given back and stored; a run that was cut goes on to the same bits."""
    path, risk = tmp_path / "run.h5", tiny_risk()
    whole = descend(risk, 2)
    _, lines = interrupted_at(-1, risk, path)
    path.unlink()
    first = next(i for i, line in enumerate(lines) if "progress.py" in line)
    tried, not_returned = 0, []
    for number in range(first % stride, len(lines), stride):
        result, _ = interrupted_at(number, risk, path)
        tried += 1
        if result is None:  # before the first iterate, or as the context of signals ends
            not_returned.append(lines[number])
            assert number < first or tfl.load(path).status == whole.status, lines[number]
        else:
            run = tfl.load(path)
            assert run.status == result.status.removeprefix("interrupted as it ended: "), lines[number]
            np.testing.assert_array_equal(run.control, result.control)
        assert_same(descend(risk, 2, store=path, resume=True), whole)
        assert os.listdir(tmp_path) == ["run.h5"], lines[number]
        path.unlink()
    return tried, [line for line in not_returned if lines.index(line) >= first]


# An interrupt before anything has begun leaves it to the interpreter to close a file.
unclosed = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.slow
@unclosed
def test_an_interrupt_at_some_lines(tmp_path):
    assert assert_nothing_is_lost(tmp_path, 997)[0] > 2


@unclosed
@pytest.mark.slow
def test_an_interrupt_at_many_lines(tmp_path):
    tried, not_returned = assert_nothing_is_lost(tmp_path, 149)
    assert tried > 47 and len(not_returned) <= 2
