"""How processes that share a descent end: with an error of one of them, a signal, or in the middle of a write."""

import os
import random
import signal
import subprocess
import time

import pytest
from launching import ENVIRONMENT, SEVERAL, launched, program, run

import torusflow as tfl

pytestmark = SEVERAL

PROBLEM = """
from dataclasses import dataclass
torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)
rank = torus.division.rank
rho, sigma = tfl.densities.uniform(torus), tfl.densities.von_mises(torus)
model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), rho, layers=1, substeps=2)

@dataclass(frozen=True, eq=False)
class Mine(tfl.losses.SquaredL2):
    def __call__(self, rho):
        self.times.append(0)
        if len(self.times) == 3 and rank in RANKS:
            raise ERROR
        return super().__call__(rho)

def run(loss, method=tfl.LBFGS(), **options):
    risk = tfl.Risk(model, loss)
    return tfl.descend(risk, risk.space.zeros(), method, **options)

def loss():
    Mine.times = []
    return Mine(sigma)
"""

OF_ONE = {
    "tfl.errors.NumericalError('on one')": "NumericalError: on one",  # which line searches catch
    "tfl.InputError('on one')": "InputError: on one",
    "KeyboardInterrupt": "\nKeyboardInterrupt",
    "SystemExit": "process 1 has ended",
}


@pytest.mark.parametrize("error", OF_ONE)
def test_a_loss_that_raises_on_one_process_ends_all(tmp_path, error):
    text = PROBLEM.replace("RANKS", "(1,)").replace("ERROR", error)
    done = run(2, program(tmp_path, f"{text}run(loss())\nprint('not reached')\n"), timeout=60)
    assert done.returncode != 0 and done.stderr.count(OF_ONE[error]) == 1, done.stderr
    assert "not reached" not in done.stdout


def test_a_loss_that_is_not_the_same_on_all_processes_is_refused_once(tmp_path):
    text = PROBLEM.replace("rank in RANKS", "True").replace("raise ERROR", "return float(np.mean(rho[0]))")
    done = run(2, program(tmp_path, f"{text}print(run(loss()).status)\n"))
    assert done.stdout.count("by torus.mean(f) or torus.inner(f, g)") == 2, done.stderr


def test_what_a_loss_or_a_callback_raises_on_all_processes_ends_the_descent_only(tmp_path):
    text = PROBLEM.replace("RANKS", "(0, 1)").replace("ERROR", "ValueError('on all')")
    text += (
        "first = run(loss())\n"
        "second = run(tfl.losses.SquaredL2(sigma), callback=lambda n, row: 1 / (2 - n), store='second.h5')\n"
        "if rank == 0:\n    for result in (first, second):\n"
        "        print(result.iterations, result.status, type(result.error).__name__)\n"
    )
    done = run(2, program(tmp_path, text), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert "failed at iteration" in first and "on all" in first and first.endswith("ValueError")
    assert second.startswith("2 failed") and second.endswith("ZeroDivisionError")
    assert tfl.load(tmp_path / "second.h5").status.startswith("failed")


def test_processes_that_end_long_before_another_do_not_end_it(tmp_path):
    text = (
        "torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)\ntorus.mean(torus.points[0])\n"
        "if torus.division.rank == 0:\n    time.sleep(6)\n    print('drawn')\n"
    )
    done = run(3, program(tmp_path, text))
    assert done.returncode == 0 and "drawn" in done.stdout and not done.stderr.strip(), done.stderr


def started(folder, text):
    """The launcher of two processes with this program, and their numbers, once they have said them."""
    log = folder / "said.txt"
    with open(log, "w") as file:
        process = subprocess.Popen(
            launched(2, program(folder, text)), stdout=file, stderr=file, cwd=folder, env=ENVIRONMENT
        )
    deadline = time.monotonic() + 60
    while log.read_text().count("pid=") < 2:
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
    return process, [int(word.removeprefix("pid=")) for word in log.read_text().split() if word.startswith("pid=")]


GOES_ON = PROBLEM + (
    "told = []\n"
    "def tell(n, row):\n    if not told:\n        told.append(os.write(1, f'pid={os.getpid()}\\n'.encode()))\n"
    "store = tfl.RunFile('run.h5', interval=INTERVAL)\n"
    "method, options = tfl.GradientDescent(1e-6), {'iterations': 10**6, 'resume': True}\n"
    "run(tfl.losses.SquaredL2(sigma), method, store=store, callback=tell, **options)\n"
)


def test_a_signal_that_ends_one_process_has_the_run_of_all_stored(tmp_path):
    process, numbers = started(tmp_path, GOES_ON.replace("INTERVAL", "1e9"))
    os.kill(numbers[1], signal.SIGTERM)
    assert process.wait(timeout=30) != 0
    assert tfl.load(tmp_path / "run.h5").status.endswith("SIGTERM")


def test_twenty_processes_killed_at_any_moment_leave_the_last_run(tmp_path):
    choice, rows = random.Random(1), 0
    for _ in range(20):
        process, numbers = started(tmp_path, GOES_ON.replace("INTERVAL", "0.0"))
        time.sleep(choice.uniform(0.0, 0.5))
        os.kill(choice.choice(numbers), signal.SIGKILL)
        assert process.wait(timeout=10) != 0
        if (tmp_path / "run.h5").exists():
            now = len(tfl.load(tmp_path / "run.h5").history["risk"])
            assert now >= rows
            rows = now
    assert rows > 1
