"""Signals at any moment of any command: what was done is stored, nothing is half written, nobody sees a traceback."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage.whole_files import locked

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Forks a process for every line of arguments, so that a command need not wait for its imports.
ZYGOTE = """
    import os, shlex, sys
    from torusflow.cli import run
    import matplotlib.figure, scipy.optimize, tqdm
    import torusflow.theory.limits, torusflow.plotting, torusflow.storage.export
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            said = os.open("said.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(said, 1), os.dup2(said, 2)
            open("begun", "w").close()
            sys.argv[1:] = shlex.split(line)
            run()
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


COARSE = """
target = {kind = "von_mises"}
torus = {shape = [32, 32]}
model = {layers = 2, band = 8}
continuation = {levels = 1, iterations = 1000000}
"""
FIT = "fit angles.csv --units radians --threads 1 -o run.h5 --overwrite --iterations 1000000 --layers 2 "
FITS = {
    "fit": FIT + "--grid 32 --band 4 --method lbfgs",
    "likelihood": FIT + "--likelihood --band 4 --validation 0 --penalty 0",
    "select": FIT + "--likelihood --select",
    "coarse levels": "fit coarse.toml --threads 1 -o run.h5 --iterations 1000000",
}


class Zygote:
    """Commands in processes of their own, one after another, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(ZYGOTE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        assert self._process.stdout.readline() == "ready\n"
        angles = np.random.default_rng(0).vonmises(0, 2, (60, 1))
        np.savetxt(folder / "angles.csv", angles, delimiter=",", header="phi", comments="")
        (folder / "coarse.toml").write_text(COARSE)

    def start(self, line):
        """The number of the process that begins a command."""
        (self.folder / "said.txt").write_text("")
        (self.folder / "begun").unlink(missing_ok=True)
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        while not (self.folder / "begun").exists():  # what is left of the fork is not the command's
            time.sleep(0.002)
        time.sleep(0.05)
        return pid

    def ended(self):
        """The exit code of the command, and what it has said."""
        return int(self._process.stdout.readline()), (self.folder / "said.txt").read_text()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    zygote = Zygote(tmp_path_factory.mktemp("signals"))
    yield zygote
    zygote.close()


def wait_for(folder, words):
    """Until a command has said something, or ended."""
    deadline = time.monotonic() + 60
    while words not in (said := (folder / "said.txt").read_text()):
        assert time.monotonic() < deadline, said
        time.sleep(0.005)


def pair(pid, choice):
    """Two signals, 0.01 to 0.2 s apart, the first after a while; those that the command lived to receive."""
    numbers = choice.choice(SIGNALS), choice.choice(SIGNALS)
    time.sleep(choice.uniform(0.0, 0.3))
    sent = []
    for number in numbers:
        try:
            os.kill(pid, number)
            sent.append(number)
        except ProcessLookupError:
            break
        time.sleep(choice.uniform(0.01, 0.2))
    return sent


def possible_codes(sent):
    """The shell's code of a signal or an interrupt; the system's own of a signal before or after all work."""
    return {130, *(128 + number for number in sent), *(-number for number in sent)} if sent else {0}


def attack_fit(zygote, name, choice):
    """A pair of signals during a fit; it is stored and can be resumed."""
    path = zygote.folder / "run.h5"
    path.unlink(missing_ok=True)
    pid = zygote.start(FITS[name])
    if name == "select":
        time.sleep(choice.uniform(0.05, 0.5))
    else:
        wait_for(zygote.folder, "loss ")
    sent = pair(pid, choice)
    code, said = zygote.ended()
    assert "Traceback" not in said and "Aborted" not in said, said
    assert code in possible_codes(sent), (code, sent, said)
    if "loss " in said:
        run = tfl.load(path)
        assert run.status.startswith("interrupted") and f"torusflow resume {path.name}" in said, said
    assert not [left for left in os.listdir(zygote.folder) if ".part" in left]
    with locked(path):
        pass
    return path.exists()


def attack_others(zygote, choice, times):
    """A pair of signals during what reads or goes on with a run: it is what it was, or goes on from there."""
    zygote.start(FITS["fit"].replace("1000000", "5").replace("run.h5", "done.h5"))
    assert zygote.ended()[0] == 0
    risks = tfl.load(zygote.folder / "done.h5").history["risk"]
    lines = ["compare done.h5 --with tangent-flow -o c.png --overwrite", "export done.h5 -o done.npz --overwrite"]
    lines += ["resume done.h5 --iterations 1000000", "plot done.h5 -o p.png --overwrite"]
    for line in times * lines:
        sent = pair(zygote.start(line), choice)
        code, said = zygote.ended()
        assert "Traceback" not in said and "Aborted" not in said, said
        assert code in {0} | possible_codes(sent), (code, sent, said)
        with locked(
            zygote.folder / "done.h5"
        ):  # nobody has it any more, whatever became of the file that stands for it
            pass
        np.testing.assert_array_equal(tfl.load(zygote.folder / "done.h5").history["risk"][: len(risks)], risks)


SLOW = {"coarse levels": [pytest.mark.slow]}


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in FITS])
def test_two_signals_in_a_fit(zygote, name):
    choice = random.Random(name)
    assert any([attack_fit(zygote, name, choice) for _ in range(2)])


@pytest.mark.slow
def test_two_signals_in_a_fit_with_all_choices_made(zygote):
    """Before it is stored it leaves nothing, and says so; from then on a whole file."""
    choice, path = random.Random(2), zygote.folder / "run.h5"
    for _ in range(2):
        path.unlink(missing_ok=True)
        pid = zygote.start("fit angles.csv --units radians -o run.h5")
        time.sleep(choice.uniform(0.0, 0.8))
        sent = pair(pid, choice)
        code, said = zygote.ended()
        assert "Traceback" not in said and "Aborted" not in said, said
        assert code in {0} | possible_codes(sent), (code, sent, said)
        if path.exists():
            assert tfl.TorusDensity.load(path).n_iter_ > 0 and "density written to run.h5" in said
        else:
            assert code < 0 or "interrupted" in said, (code, said)
        assert not [left for left in os.listdir(zygote.folder) if ".part" in left]
        with locked(path):
            pass


@pytest.mark.slow
def test_two_signals_in_other_commands(zygote):
    attack_others(zygote, random.Random(1), 1)


@pytest.mark.slow
def test_many_pairs_of_signals(tmp_path):
    """In four processes at once, which mostly wait: 44 pairs or so, or 304 with TORUSFLOW_SIGNALS=14."""
    times = int(os.environ.get("TORUSFLOW_SIGNALS", "2"))

    def attack(number):
        folder, choice = tmp_path / str(number), random.Random(number)
        folder.mkdir()
        zygote = Zygote(folder)
        try:
            for name in times * list(FITS):
                attack_fit(zygote, name, choice)
            attack_others(zygote, choice, 5 if times > 5 else 1)
        finally:
            zygote.close()

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(attack, number) for number in range(4)]:
            done.result()
