"""Several processes give the bits of one: `mpi_conformance.py` under mpiexec, and how they end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from launching import SEVERAL, program, run
from reference import relative_error
from tolerances import SAME

import torusflow as tfl

HERE = Path(__file__).parent
pytestmark = SEVERAL

# More processes than processors take their time: each of these numbers has one library.
LIBRARIES = {0: ("fftw", "scipy"), 1: ("fftw", "scipy"), 2: ("fftw", "scipy"), 3: ("fftw",), 4: ("scipy",)}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What `mpi_conformance.py` finds, by the number of processes; 0 without a communicator."""
    folder, found = tmp_path_factory.mktemp("mpi"), {}

    def of(processes):
        if processes not in found:
            file = folder / f"{processes}.npz"
            script = HERE / "mpi_conformance.py"
            if processes:
                done = run(processes, script, file, *LIBRARIES[processes])
            else:
                command = [sys.executable, str(script), str(file), "alone", *LIBRARIES[0]]
                done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            with np.load(file) as arrays:
                found[processes] = dict(arrays)
        return found[processes]

    return of


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_the_bits_of_one_process(results, processes):
    one, several = results(1), results(processes)
    assert several.keys() == {name for name in one if name.startswith(LIBRARIES[processes])}
    different = [name for name in several if not np.array_equal(one[name], several[name])]
    assert not different, different


def test_the_numbers_of_a_torus_without_communicator(results):
    alone, one = results(0), results(1)
    assert alone.keys() == one.keys()
    errors = {name: relative_error(one[name], alone[name]) for name in alone}
    assert {name: error for name, error in errors.items() if not error < SAME} == {}


REFUSED = {
    "tfl.Torus(64, comm=MPI.COMM_WORLD)": "a torus of one axis is not divided",
    "tfl.Torus((16, 9), comm=MPI.COMM_WORLD)": "at most 1 have rows and columns",
    "tfl.Torus((16, 16), library='numpy', comm=MPI.COMM_WORLD)": "library='numpy' with comm",
    "tfl.Torus((16, 16), comm='world')": "comm must be a communicator of mpi4py",
    "model.linearise(torus.gather(rho.values))": "a control of this model has shape",
    "tfl.densities.from_array(torus, np.ones((16, 16)))": "torus.scatter(f)",
    "tfl.MeasureNODE(tfl.Torus((16, 16), 1), tfl.SobolevMetric(), rho)": "2 processes",
    "torus.scatter(np.ones((8, 16)))": "scatter takes a whole field",
    "model.space.random(np.random.default_rng(torus.division.rank))": "the generators of the processes differ",
    "np.asarray(rho)": "torus.gather(density.values)",
    "tfl.geodesic.shoot(torus, tfl.SobolevMetric(), np.zeros((2, 8, 16)), [1.0])": "geodesics are computed by",
    "tfl.GeodesicNODE(torus, tfl.SobolevMetric(), rho)": "geodesics are computed by",
    "tfl.Diffeomorphism(torus, np.zeros((2, 8, 16)))": "a Diffeomorphism is a map of",
    "tfl.tangent_kernel(model, model.space.zeros()).eigenvalues(1)": "kernel @ p and eigenvalues",
    "logarithm.sample(model.space.zeros(), 3, np.random.default_rng(0))": "samples are drawn by",
    "tfl.scipy_minimize(risk, model.space.zeros())": "controls become vectors for SciPy",
}


def test_what_needs_the_whole_is_refused_in_a_sentence(tmp_path):
    tries = "".join(
        f"try:\n    {call}\n    said.append('nothing')\nexcept tfl.InputError as e:\n    said.append(str(e))\n"
        for call in REFUSED
    )
    text = (
        "torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)\nrho = tfl.densities.uniform(torus)\n"
        "model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), rho, layers=2)\n"
        "logarithm = tfl.LogDensityNODE(torus, tfl.SobolevMetric(), layers=2)\n"
        f"risk = tfl.Risk(model, tfl.losses.SquaredL2(rho))\nsaid = []\n{tries}"
        "if torus.division.rank == 0:\n    print('\\n'.join(said))\n"
    )
    done = run(2, program(tmp_path, text))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(REFUSED)
    for sentence, (call, words) in zip(said, REFUSED.items(), strict=True):
        assert words in sentence, (call, sentence)


ENDS = {
    "raises": "raise ValueError('only here')",
    "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "is interrupted": "raise KeyboardInterrupt",
    "leaves": "sys.exit()",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_process_that_ends_ends_all(tmp_path, how):
    text = (
        "torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)\nprint('made', flush=True)\n"
        f"if torus.division.rank == 1:\n    time.sleep(0.5)\n    {ENDS[how]}\n"
        "torus.mean(torus.points[0])\nprint('not reached')\n"
    )
    done = run(2, program(tmp_path, text), timeout=60)
    assert done.returncode != 0 and done.stdout.count("made") == 2 and "not reached" not in done.stdout
    assert done.stderr.count("ValueError: only here") == (how == "raises")
    assert done.stderr.count("\nKeyboardInterrupt") == (how == "is interrupted")
    assert done.stderr.count("process 1 has ended") == (how == "leaves")


@pytest.mark.parametrize(("shape", "said"), [((16, 16), "a spectrum on this torus"), ((4, 16), "3 processes are too")])
def test_what_all_processes_raise_is_said_once(tmp_path, shape, said):
    text = f"torus = tfl.Torus({shape}, 1, comm=MPI.COMM_WORLD)\ntorus.inverse(np.zeros(3))\n"
    done = run(3, program(tmp_path, text))
    assert done.returncode != 0 and done.stderr.count(f"InputError: {said}") == 1


def test_one_will(tmp_path):
    """A signal, a time limit, a text or an error of one process: all stop at the same iterate."""
    text = (
        "torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)\nrank = torus.division.rank\n"
        "rho = tfl.densities.uniform(torus)\nsigma = tfl.densities.von_mises(torus)\n"
        "risk = tfl.Risk(tfl.MeasureNODE(torus, tfl.SobolevMetric(), rho, layers=2), tfl.losses.SquaredL2(sigma))\n"
        "def run(**options):\n"
        "    result = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.01), 100, **options)\n"
        "    said = torus.everyone((result.status, result.history['seconds'].tolist()))\n"
        "    assert said[0] == said[1], said\n"
        "    if rank == 0:\n        print(result.iterations, result.status)\n"
        "def interrupt(n, row):\n    if n == 2 and rank == 1:\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "run(callback=interrupt)\n"
        "run(stop=lambda: 'enough' if rank == 1 else '')\n"
        "run(max_time=0.2, callback=lambda n, row: time.sleep(0.02 * rank))\n"
    )
    done = run(2, program(tmp_path, text))
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first.startswith("2 interrupted") and second.startswith("0 interrupted") and "enough" in second
    assert "time limit" in third


def test_a_callback_that_fails_on_one_process_ends_all(tmp_path):
    text = (
        "torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)\nrho = tfl.densities.uniform(torus)\n"
        "risk = tfl.Risk(tfl.MeasureNODE(torus, tfl.SobolevMetric(), rho), tfl.losses.SquaredL2(rho))\n"
        "fail = lambda n, row: 1 / (1 - torus.division.rank)\n"
        "start = risk.space.random(np.random.default_rng(0), 0.1)\n"
        "tfl.descend(risk, start, tfl.GradientDescent(0.01), 5, callback=fail)\n"
    )
    done = run(2, program(tmp_path, text), timeout=60)
    assert done.returncode != 0 and done.stderr.count("\nZeroDivisionError") == 1


def test_copies_share_the_communicator(tmp_path):
    text = (
        "import copy, pickle\nworld = MPI.COMM_WORLD\n"
        "torus = tfl.Torus((16, 16), 1, comm=world)\n"
        "assert pickle.loads(pickle.dumps(torus)) == torus == copy.deepcopy(torus)\n"
        "assert torus != tfl.Torus((16, 16)) and torus == tfl.Torus((16, 16), 1, comm=world.Dup())\n"
        "other = tfl.Torus((16, 16), 1, comm=world.Split(0, -world.rank))\n"
        "assert other != torus and copy.deepcopy(other) == other\n"
        "try:\n    pickle.dumps(other)\nexcept tfl.InputError:\n    print('refused')\n"
    )
    done = run(2, program(tmp_path, text))
    assert done.returncode == 0 and done.stdout.count("refused") == 2, done.stderr


STORED = (
    "torus = tfl.Torus((16, 16), 1, comm=MPI.COMM_WORLD)\nrank = torus.division.rank\n"
    "rho, sigma = tfl.densities.uniform(torus), tfl.densities.von_mises(torus)\n"
    "model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), rho, layers=1, substeps=2)\n"
    "risk = tfl.Risk(model, tfl.losses.SquaredL2(sigma))\n"
    "def run(iterations, **options):\n"
    "    store = tfl.RunFile('kept/run.h5', interval=0.0)\n"
    "    return tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), iterations, store=store, **options)\n"
)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder for a run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


def test_a_run_goes_on_with_another_number_of_processes(tmp_path, kept):
    assert run(1, program(tmp_path, f"{STORED}run(4)\n")).returncode == 0
    at_once = tfl.load(kept / "run.h5")
    (kept / "run.h5").unlink()
    for processes, iterations in ((2, 1), (3, 2), (1, 4)):
        done = run(processes, program(tmp_path, f"{STORED}run({iterations}, resume=True)\n"))
        assert done.returncode == 0, done.stderr
    in_three = tfl.load(kept / "run.h5")
    assert np.array_equal(in_three.control, at_once.control) and np.array_equal(in_three.output, at_once.output)


def test_what_was_stored_outlives_a_process_that_is_killed(tmp_path, kept):
    kill = "lambda n, row: os.kill(os.getpid(), signal.SIGKILL) if (n, rank) == (4, 1) else None"
    done = run(2, program(tmp_path, f"{STORED}run(6, callback={kill})\n"), timeout=60)
    assert done.returncode != 0
    assert len(tfl.load(kept / "run.h5").history["risk"]) >= 4  # of iterates 0, ..., 3, the last of which is stored
    done = run(2, program(tmp_path, f"{STORED}print(run(6, resume=True).iterations)\n"))
    assert done.returncode == 0 and done.stdout.count("6") == 2, done.stderr


def test_a_file_that_exists_is_refused_once(tmp_path, kept):
    (kept / "run.h5").write_text("mine")
    done = run(2, program(tmp_path, f"{STORED}run(2)\n"), timeout=60)
    assert done.returncode != 0 and done.stderr.count("InputError: ") == 1
    assert (kept / "run.h5").read_text() == "mine"


def test_a_run_that_cannot_be_written_is_stored_elsewhere(tmp_path, kept):
    move = "lambda n, row: os.rename('kept', 'moved') if (n, rank) == (2, 0) else None"
    text = f"{STORED}result = run(4, callback={move})\nif rank == 0:\n    print(result.path, result.status)\n"
    done = run(2, program(tmp_path, text))
    assert done.returncode == 0 and "not stored under its name" in done.stdout, done.stderr
    assert len(tfl.load(done.stdout.split(" ")[0]).history["risk"]) == 5


def test_a_stop_file_stops_all(tmp_path, kept):
    stop = "lambda n, row: open('kept/run.h5.stop', 'w').close() if (n, rank) == (2, 1) else time.sleep(0.1)"
    done = run(2, program(tmp_path, f"{STORED}print(run(9, callback={stop}).status)\n"))
    assert done.returncode == 0 and done.stdout.count("by the file run.h5.stop") == 2, done.stderr
