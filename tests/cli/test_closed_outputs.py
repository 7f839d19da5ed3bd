"""Commands whose words find nobody, or a full disk, or letters that cannot be shown: the work is done all the same."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import torusflow as tfl

MAIN = [sys.executable, "-c", "from torusflow.cli import main; main()"]
PROBLEM = '[target]\nkind = "von_mises"\n[torus]\nshape = [12, 12]\nthreads = 1\n[model]\nlayers = 1\nsubsteps = 4\n'
FULL = "/dev/full"
FIT = ("fit", "p.toml", "-o", "run.h5", "--iterations", "2")
SAMPLES = ("--units", "degrees", "--grid", "16x16", "--layers", "1", "--iterations", "2", "-o", "run.h5")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="descriptors and names as in POSIX")
needs_full = pytest.mark.skipif(not os.path.exists(FULL), reason=f"there is no {FULL}")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "p.toml").write_text(PROBLEM)
    return tmp_path


def run(folder, *arguments, shell='"$@"', code=0, environment=None, **streams):
    """The command line in a process of its own, started by a line of shell."""
    command = ["sh", "-c", shell, "sh", *MAIN, *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=folder, env=variables, timeout=120, **streams)
    said = (done.stdout or b"") + (done.stderr or b"")
    assert b"Traceback" not in said and b"Exception ignored" not in said, said.decode(errors="replace")
    assert done.returncode == code, said.decode(errors="replace")
    return done


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["2>&-", "1>&-", "<&- >&- 2>&-"])
def test_a_run_is_stored_where_outputs_are_closed(folder, closed):
    run(folder, *FIT, shell=f'"$@" {closed}')
    assert len(tfl.load(folder / "run.h5").history["risk"]) == 3


@pytest.mark.slow
@needs_full
def test_a_run_is_stored_where_its_log_is_on_a_full_disk(folder):
    """The log is not whole, so the exit code is not zero."""
    with open(FULL, "w") as full:
        done = run(folder, *FIT, stdout=full, code=1)
    assert b"the output could not be written: no space left on device" in done.stderr
    assert len(tfl.load(folder / "run.h5").history["risk"]) == 3
    with open(FULL, "w") as full:
        run(folder, *FIT, "--overwrite", stderr=full)


def closed_pipe():
    """The end to write to of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.slow
def test_a_run_is_stored_where_nobody_reads(folder):
    """As in `torusflow fit ... | head -0`: the work is what was asked for, so the exit code is zero."""
    for name in ("stdout", "stderr"):
        write = closed_pipe()
        run(folder, *FIT, "--overwrite", **{name: write})
        os.close(write)
        assert len(tfl.load(folder / "run.h5").history["risk"]) == 3


@pytest.mark.slow
@needs_full
def test_words_that_are_all_there_is(folder):
    for arguments in (("--help",), ("--version",), ("fit", "--help")):
        with open(FULL, "w") as full:
            assert b"no space left" in run(folder, *arguments, stdout=full, code=1).stderr
        write = closed_pipe()
        assert run(folder, *arguments, stdout=write).stderr == b""
        os.close(write)
    with open(FULL, "w") as full:
        run(folder, "info", "missing.h5", stderr=full, code=2)


@pytest.mark.slow
def test_likelihoods_and_selection_without_an_output(folder, rng):
    np.savetxt(folder / "x.csv", rng.vonmises(0, 2, (60, 1)), delimiter=",")
    (folder / "s.toml").write_text(
        '[target]\nkind = "samples"\nfile = "x.csv"\nunits = "radians"\n[loss]\nkind = "LogLikelihood"\n'
        "[select]\nlength = [0.2]\nsmoothness = [3.0]\nband = [2, 3]\nrounds = [1, 1]\n[limits]\niterations = 2\n"
    )
    run(folder, "fit", "s.toml", "-o", "run.h5", shell='"$@" >&- 2>&-')
    assert len(tfl.load(folder / "run.h5").history["risk"]) > 1


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("fit", "pipe.csv", *SAMPLES), ("fit", "pipe.toml", "-o", "run.h5")])
def test_a_pipe_is_no_source(folder, arguments):
    os.mkfifo(folder / arguments[1])
    said = run(folder, *arguments, code=2).stderr
    assert b"is a pipe or a device" in said and b"save it as a file" in said


@pytest.mark.slow
def test_nor_is_one_a_picture_or_data_to_be_scored(folder):
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe.csv")
    assert b"is a pipe or a device" in run(folder, "fit", "pipe.png", "-o", "run.h5", code=2).stderr
    run(folder, *FIT)
    assert b"is a pipe or a device" in run(folder, "score", "run.h5", "pipe.csv", code=2).stderr
    assert b"there is no file 'pipe.h5'" in run(folder, "info", "pipe.h5", code=2).stderr


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_a_pipe_is_no_output(folder, overwrite):
    """It stays what it is: a reader would wait for ever for what goes elsewhere."""
    os.mkfifo(folder / "pipe.h5")
    said = run(folder, "fit", "p.toml", "-o", "pipe.h5", *overwrite, code=2).stderr
    assert b"pipe" in said.replace(b"pipe.h5", b"") and (folder / "pipe.h5").is_fifo()


@pytest.mark.slow
def test_warnings_that_are_errors_elsewhere_are_sentences(folder):
    rough = ("--smoothness", "1")
    for action in ("error", "error::UserWarning"):
        done = run(folder, *FIT, *rough, "--overwrite", environment={"PYTHONWARNINGS": action})
        assert b"torusflow: smoothness 1 <= d/2 + 1" in done.stderr
    assert run(folder, *FIT, *rough, "--overwrite", environment={"PYTHONWARNINGS": "ignore"}).stderr == b""
    run(folder, "plot", "run.h5", "-o", "picture.png", environment={"PYTHONWARNINGS": "error"})
    assert (folder / "picture.png").exists()


@pytest.fixture
def angles(rng):
    return np.degrees(rng.vonmises(0, 2, (60, 2)))


@pytest.mark.slow
def test_names_that_are_no_text(folder, angles):
    """What is printed can be used again."""
    data, written = os.fsencode(folder) + b"/caf\xe9.csv", b"caf\xe9.h5"
    try:
        np.savetxt(os.fsdecode(data), angles, delimiter=",", header="phi,psi", comments="")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text only")
    arguments = (*SAMPLES[:-1], os.fsdecode(written))
    for encoding in ("utf-8", "latin-1"):
        variables = {"PYTHONIOENCODING": encoding}
        said = run(folder, "fit", os.fsdecode(data), *arguments, "--overwrite", environment=variables).stdout
        assert b"run written to " + written in said
    run(folder, "info", os.fsdecode(written))
    run(folder, "sample", os.fsdecode(written), "-o", os.fsdecode(b"\xff.csv"))
    assert b"\\udcff" in run(folder, "info", os.fsdecode(b"\xff.h5"), code=2).stderr


@pytest.mark.slow
def test_an_image_whose_name_is_no_text(folder):
    picture = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")
    try:
        Image.fromarray(np.uint8(np.arange(256).reshape(16, 16))).save(picture)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text only")
    run(folder, "fit", picture, "--grid", "16x16", "--layers", "1", "--iterations", "1", "-o", "run.h5")
    assert "caf" in tfl.load(folder / "run.h5").risk.loss.target.name
    run(folder, "plot", "run.h5", "-o", "picture.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_letters_that_the_terminal_lacks(folder, angles, environment):
    np.savetxt(folder / "greek.csv", angles, delimiter=",", header="φ,ψ", comments="", encoding="utf-8")
    run(folder, "fit", "greek.csv", *SAMPLES, environment=environment)
    said = run(folder, "info", "run.h5", environment=environment).stdout
    assert "φ, ψ in degrees".encode() in said or b"\\u03c6, \\u03c8 in degrees" in said
    run(folder, "sample", "run.h5", "-n", "3", "-o", "new.csv", environment=environment)
    assert (folder / "new.csv").read_text(encoding="utf-8").startswith("φ,ψ\n")


@pytest.mark.slow
def test_terminals_that_are_narrow_or_unknown(folder):
    narrow = {"COLUMNS": "20", "NO_COLOR": "1", "TERM": ""}
    assert run(folder, *FIT, environment=narrow).stderr == b""
    run(folder, "fit", "--help", environment=narrow)
    run(folder, "info", "run.h5", shell='env -u TERM -u COLUMNS "$@"')


@pytest.mark.slow
def test_a_terminal_that_goes_away(folder):
    """A window closed on the way: what is drawn into it fails from then on."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    seen = os.read

    def watch():
        seen(ours, 100)
        os.close(ours)

    watcher = threading.Thread(target=watch)
    watcher.start()
    arguments = ["fit", "p.toml", "-o", "run.h5", "--iterations", "400"]
    done = subprocess.run([*MAIN, *arguments], cwd=folder, stdout=theirs, stderr=theirs, timeout=120)
    os.close(theirs)
    watcher.join()
    assert done.returncode == 0 and len(tfl.load(folder / "run.h5").history["risk"]) > 2
