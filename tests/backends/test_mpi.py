"""Several processes give the bits of one: `mpi_conformance.py` under mpiexec, and how they end."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from launching import SEVERAL, program, run
from reference import relative_error
from tolerances import NONUNIFORM, QUASI_NEWTON, SAME

import torusflow as tfl
from torusflow.storage.reading import changed_run

HERE = Path(__file__).parent
pytestmark = SEVERAL

# Processes that wait for one another take their time: each number of several has one library.
BOTH = ("fftw", "scipy")
LIBRARIES = {0: BOTH, 1: BOTH, 2: ("fftw",), 3: ("scipy",), 4: ("fftw",), 5: ("scipy",)}
ODD = ("17 x 29", "9 x 7 x 11")


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


@pytest.mark.parametrize("processes", [2, 3, 4, 5])
def test_the_bits_of_one_process(results, processes):
    one, several = results(1), results(processes)
    expected = {name for name in one if name.startswith(LIBRARIES[processes])}
    assert several.keys() == expected if processes < 4 else several and several.keys() < expected
    different = [name for name in several if not np.array_equal(one[name], several[name])]
    assert not different, different


def test_the_numbers_of_a_torus_without_communicator(results):
    alone, one = results(0), results(1)
    assert alone.keys() == one.keys()
    errors = {name: relative_error(one[name], alone[name]) for name in alone}
    bounds = {name: NONUNIFORM if "in blocks" in name else SAME for name in alone}
    bounds |= {name: QUASI_NEWTON for name in alone if "quasi_newton" in name and name.split(", ")[1] in ODD}
    assert {name: error for name, error in errors.items() if not error < bounds[name]} == {}


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
    "tfl.geodesic.shoot(torus, tfl.SobolevMetric(), np.zeros((2, 8, 16)), [1.0])": "geodesics are shot by",
    "tfl.geodesic.logarithm(torus, tfl.SobolevMetric(), lambda x: x)": "geodesics are shot by",
    "tfl.Diffeomorphism(torus, np.zeros((2, 8, 16)))": "a Diffeomorphism is a map of",
    "tfl.tangent_kernel(model, model.space.zeros()).eigenvalues(1)": "kernel @ p and eigenvalues",
    "tfl.FlowMap(model, model.space.zeros())([[0.5, torus.division.rank]])": "the points of the processes differ",
    "rho.sample(3, np.random.default_rng(torus.division.rank))": "the generators of the processes differ",
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
    text = STORED.replace("(16, 16)", "(24, 28)")
    assert run(1, program(tmp_path, f"{text}run(5)\n")).returncode == 0
    at_once = tfl.load(kept / "run.h5")
    (kept / "run.h5").unlink()
    from_file = (
        "run = tfl.load('kept/run.h5', comm=MPI.COMM_WORLD)\n"
        "tfl.descend(run.risk, run.control, run.method, 3, store='kept/run.h5', resume=True)\n"
    )
    goes_on = [(n, f"{text}run({iterations}, resume=True)\n") for n, iterations in ((2, 1), (5, 2), (1, 5))]
    for processes, lines in (*goes_on[:2], (3, from_file), goes_on[2]):
        done = run(processes, program(tmp_path, lines))
        assert done.returncode == 0, done.stderr
    in_five = tfl.load(kept / "run.h5")
    assert np.array_equal(in_five.control, at_once.control) and np.array_equal(in_five.output, at_once.output)


BY_PIECES = """
from torusflow.backends.mpi.slabs import Slabs
from torusflow.storage import shared_array
shared_array.PIECE, seen = 2000, {"gather": [], "scatter": []}
gather, scatter = Slabs.gather, Slabs.scatter
def watched(self, part, axis, root=None):
    whole = gather(self, part, axis, root)
    seen["gather"].append(0 if whole is None else whole.nbytes)
    return whole
def watched_too(self, whole, axis, here):
    seen["scatter"].append(0 if whole is None else whole.nbytes)
    return scatter(self, whole, axis, here)
Slabs.gather, Slabs.scatter = watched, watched_too
"""


def test_the_first_process_never_has_more_than_a_piece(tmp_path, kept):
    """Of a file that is written, compared with what is asked for, and read; others have nothing of theirs."""
    ends = "tfl.load('kept/run.h5', comm=MPI.COMM_WORLD)\nsaid = torus.everyone(seen)\n"
    text = f"{STORED}{BY_PIECES}run(3)\nrun(4, resume=True)\n{ends}if rank == 0:\n    print(said)\n"
    done = run(3, program(tmp_path, text.replace("(16, 16)", "(24, 28)")))
    assert done.returncode == 0, done.stderr
    first, *others = ast.literal_eval(done.stdout)
    for sizes in first.values():
        assert 1500 < max(sizes) <= 2000 and sum(sizes) > 5 * 24 * 28 * 8
    assert {size for seen in others for sizes in seen.values() for size in sizes} == {0}


UNREADABLE = {
    "damaged.h5": "its checksum is not that of what it holds",
    "nan.h5": "'kept/nan.h5' is not a readable run file: output: not all of its numbers are finite",
    "missing.h5": "there is no file 'kept/missing.h5'",
    "small.h5": "too many for a grid of 5 x 16",
    "points.h5": "a run of a TorusNODE, which several processes do not share",
    "line.h5": "a torus of one axis is not divided",
}


def test_what_cannot_be_read_by_several_is_said_by_all_of_them(tmp_path, kept):
    metric, points = tfl.SobolevMetric(3, 0.2), np.array([[0.1], [0.4]])
    risks = {"points.h5": tfl.Risk(tfl.TorusNODE(points, metric, 1, 2), tfl.losses.SquaredDistance(points + 0.1))}
    for name, shape in (("small.h5", (5, 16)), ("line.h5", (16,)), ("damaged.h5", (16, 16)), ("nan.h5", (16, 16))):
        torus = tfl.Torus(shape, 1)
        model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), 1, band=1)
        risks[name] = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    for name, risk in risks.items():
        tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.1), 1, store=kept / name)
    with changed_run(kept / "nan.h5") as file:
        file["output"][3, 4] = np.nan
    content = (kept / "damaged.h5").read_bytes()
    (kept / "damaged.h5").write_bytes(content.replace(b"iteration limit", b"ITERATION LIMIT"))
    text = (
        f"said = {{}}\nfor name in {list(UNREADABLE)}:\n"
        "    try:\n        tfl.load(f'kept/{name}', comm=MPI.COMM_WORLD)\n"
        "    except tfl.InputError as error:\n        said[name] = str(error)\n"
        "everyone = MPI.COMM_WORLD.allgather(said)\n"
        "if MPI.COMM_WORLD.rank == 0:\n    print(everyone)\n"
    )
    done = run(3, program(tmp_path, text))
    assert done.returncode == 0, done.stderr
    everyone = ast.literal_eval(done.stdout)
    for name, words in UNREADABLE.items():
        assert all(said[name] == everyone[0][name] for said in everyone) and words in everyone[0][name]


def test_what_was_stored_outlives_a_disk_that_is_full(tmp_path, kept):
    """All processes go on, hear of it once, and end; what stood there goes on to the last bit."""
    full = (
        "import resource\nfrom torusflow.storage import shared_array\nshared_array.PIECE = 500\n"
        "def fill(n, row):\n    if (n, rank) == (3, 0):\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"
    )
    done = run(3, program(tmp_path, f"{STORED}{full}print(run(6, callback=fill).status)\n"), timeout=60)
    assert done.returncode == 0 and done.stderr.count("The descent goes on, and the run is written again") == 1
    assert done.stdout.count("not stored") == 3 and "What was there before is unchanged." in done.stdout
    assert len(tfl.load(kept / "run.h5").history["risk"]) >= 3
    assert run(2, program(tmp_path, f"{STORED}run(6, resume=True)\n")).returncode == 0
    in_two = tfl.load(kept / "run.h5").control
    (kept / "run.h5").unlink()
    assert run(1, program(tmp_path, f"{STORED}run(6)\n")).returncode == 0
    assert np.array_equal(tfl.load(kept / "run.h5").control, in_two)


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
