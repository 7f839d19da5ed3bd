"""Exact resume: for every method a run that was cut goes on as if it had not been, to the last bit."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import torusflow as tfl
from torusflow import InputError

METHODS = {
    "fixed steps": tfl.GradientDescent(1e-3),
    "Armijo": tfl.GradientDescent(0.1, "armijo"),
    "gradient flow": tfl.GradientFlow(final_time=0.05, times=(0.0, 0.01, 0.05)),
    "heavy ball": tfl.HeavyBall(1e-3),
    "Nesterov": tfl.Nesterov(1e-3),
    "Barzilai-Borwein": tfl.BarzilaiBorwein(1e-3),
    "L-BFGS": tfl.LBFGS(memory=3, step=1e-3),
    "Gauss-Newton": tfl.GaussNewton(),
}


def small_risk():
    torus = tfl.Torus((16, 15), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=2, band=3, substeps=4)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)), penalty=1e-3)


def assert_same(first, second):
    """All but the wall time, bit by bit."""
    assert first.history.keys() == second.history.keys()
    for key in first.history.keys() - {"seconds"}:
        np.testing.assert_array_equal(first.history[key], second.history[key], err_msg=key)
    for name in ("control", "output", "times", "controls"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    assert first.value == second.value and first.status == second.status


def cut(risk, method, path, iterations, **more):
    """The run in pieces of two iterations, each in a problem read back from the file."""
    start = risk.space.zeros()
    tfl.descend(risk, start, method, 2, store=path, resume=True, **more)
    for done in range(4, iterations + 2, 2):
        run = tfl.load(path)
        result = tfl.descend(run.risk, start, run.method, min(done, iterations), store=path, resume=True, **more)
    return result


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method(method, tmp_path):
    risk = small_risk()
    whole = tfl.descend(risk, risk.space.zeros(), method, 7)
    assert whole.iterations > 3
    assert_same(cut(risk, method, tmp_path / "run.h5", 7), whole)


@pytest.mark.slow
def test_greedy_and_stochastic(tmp_path, rng):
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=6, band=3)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    method = tfl.GreedyDescent(1e-3)
    assert_same(cut(risk, method, tmp_path / "greedy.h5", 6), tfl.descend(risk, risk.space.zeros(), method, 6))
    samples = tfl.SampleNODE(rng.random((30, 1)), tfl.SobolevMetric(), layers=2, band=2)
    risk = tfl.Risk(samples, tfl.losses.LogLikelihood())
    method = tfl.StochasticGradientDescent(1e-2, batch=7)
    assert_same(cut(risk, method, tmp_path / "batches.h5", 5), tfl.descend(risk, risk.space.zeros(), method, 5))


@pytest.mark.slow
def test_validation_and_its_best_iterate(tmp_path, rng):
    model = tfl.SampleNODE(rng.random((30, 1)), tfl.SobolevMetric(2.0, 0.05), layers=2, band=6)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    validation = tfl.Risk(tfl.SampleNODE(rng.random((30, 1)), model.metric, layers=2, band=6), risk.loss)
    arguments = {"validation": validation, "patience": 4}
    whole = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 30, **arguments)
    assert whole.status.startswith("validation") and np.argmin(whole.history["validation"]) < whole.iterations
    path = tmp_path / "run.h5"
    tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 3, store=path, **arguments)
    run = tfl.load(path)
    assert run.limits["patience"] == 4
    again = tfl.descend(
        run.risk, run.control, run.method, 30, store=path, resume=True, validation=run.validation, patience=4
    )
    assert_same(again, whole)


def test_a_new_run_starts_where_there_is_none(tmp_path):
    risk = small_risk()
    result = tfl.descend(risk, risk.space.zeros(), METHODS["Armijo"], 2, store=tmp_path / "run.h5", resume=True)
    assert result.iterations == 2 and tfl.load(tmp_path / "run.h5").status == result.status
    with pytest.raises(InputError, match="resume=True goes on with a stored run"):
        tfl.descend(risk, risk.space.zeros(), METHODS["Armijo"], 2, resume=True)


def test_another_step_and_more_iterations_are_taken(tmp_path):
    risk, path = small_risk(), tmp_path / "run.h5"
    tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(1e-3), 2, store=path)
    result = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(2e-3), 4, store=path, resume=True)
    np.testing.assert_array_equal(result.history["step"], [0, 1e-3, 1e-3, 2e-3, 2e-3])


def test_another_problem_is_refused_with_what_differs(tmp_path):
    risk, path = small_risk(), tmp_path / "run.h5"
    tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(memory=3), 2, store=path)
    before = path.read_bytes()
    other = tfl.Risk(risk.model, tfl.losses.SquaredL2(tfl.densities.von_mises(risk.model.torus, 0.5)), penalty=0.1)
    words = (
        r"another problem.*risk.penalty: 0.001 in the file, 0.1 asked for; risk.loss.*the array in the file is another"
    )
    with pytest.raises(InputError, match=words):
        tfl.descend(other, risk.space.zeros(), tfl.LBFGS(memory=3), 2, store=path, resume=True)
    with pytest.raises(InputError, match=r"method.memory: 3 in the file, 5 asked for"):
        tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(memory=5), 2, store=path, resume=True)
    assert path.read_bytes() == before


def test_a_stop_file_ends_the_run_after_its_iteration(tmp_path):
    risk, path = small_risk(), tmp_path / "run.h5"

    def touch(iteration, row):
        if iteration == 3:
            (tmp_path / "run.h5.stop").touch()

    result = tfl.descend(risk, risk.space.zeros(), METHODS["Armijo"], 9, store=path, callback=touch)
    assert result.status == "stopped after 3 iterations by the file run.h5.stop" and os.listdir(tmp_path) == ["run.h5"]
    again = tfl.descend(risk, risk.space.zeros(), METHODS["Armijo"], 9, store=path, resume=True)
    assert_same(again, tfl.descend(risk, risk.space.zeros(), METHODS["Armijo"], 9))


PROGRAM = """
    import sys
    sys.path.insert(0, {tests!r})
    import torusflow as tfl
    from test_resume import METHODS, small_risk
    risk = small_risk()
    store = tfl.RunFile(sys.argv[1], interval=0.0)
    print("ready", flush=True)
    tfl.descend(risk, risk.space.zeros(), METHODS["L-BFGS"], 60, store=store, resume=True)
"""


def program(path):
    code = textwrap.dedent(PROGRAM).format(tests=os.path.dirname(__file__))
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(__file__))}
    return subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_two_processes_do_not_write_one_run(tmp_path):
    path = tmp_path / "run.h5"
    with program(path) as first:
        first.stdout.readline()
        while not path.exists():
            time.sleep(0.01)
        risk = small_risk()
        os.kill(first.pid, signal.SIGSTOP)
        try:
            with pytest.raises(InputError, match=r"another process is writing .*run\.h5"):
                tfl.descend(risk, risk.space.zeros(), METHODS["L-BFGS"], 60, store=path, resume=True)
        finally:
            os.kill(first.pid, signal.SIGKILL)


def test_what_a_killed_write_left_is_removed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left, others = tmp_path / f".run.h5.{gone.pid}.part", tmp_path / f".run.h5.{os.getpid()}.part"
    left.touch()
    others.touch()
    risk = small_risk()
    tfl.descend(risk, risk.space.zeros(), METHODS["Armijo"], 1, store=tmp_path / "run.h5", resume=True)
    assert not left.exists() and (tmp_path / "run.h5").exists()


@pytest.mark.slow
def test_twenty_kills(tmp_path):
    """SIGKILL at random instants, before, in and after writes: every file is readable, every history the same."""
    rng, risk = np.random.default_rng(0), small_risk()
    whole = tfl.descend(risk, risk.space.zeros(), METHODS["L-BFGS"], 60)
    path, kills = tmp_path / "run.h5", 0
    while kills < 20:
        with program(path) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.25))
            kills += process.poll() is None
            process.kill()
        if path.exists():
            run = tfl.load(path)
            done = len(run.history["risk"])
            np.testing.assert_array_equal(run.history["risk"], whole.history["risk"][:done])
            if not run.status.startswith("running"):
                again = tfl.descend(run.risk, run.control, run.method, 60, store=path, resume=True)
                assert_same(again, whole)
                path.unlink()
    again = tfl.descend(risk, risk.space.zeros(), METHODS["L-BFGS"], 60, store=path, resume=True)
    assert_same(again, whole)
