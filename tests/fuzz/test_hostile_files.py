"""Files by somebody hostile, with the right checksum: refused in one sentence that says where, at no cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_files import changed, good_runs
from hostile_kinds import NOT_RESUMED, REFUSED

import torusflow as tfl

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
# Of the process that runs every command on every file, beyond what it needs for the good ones.
MOST_MEGABYTES = 300


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return good_runs(tmp_path_factory.mktemp("good"))


def check_message(error, path):
    said = str(error)
    assert said.startswith(f"{str(path)!r} ") and said.endswith(".") and said.isprintable()
    assert "\n" not in said and "Traceback" not in said


@pytest.mark.parametrize("kind", REFUSED)
def test_load_refuses_with_one_sentence(kind, good, tmp_path):
    base, change = REFUSED[kind]
    path = tmp_path / "hostile.h5"
    changed(good[base], change, path)
    with pytest.raises(tfl.InputError) as caught:
        tfl.load(path)
    check_message(caught.value, path)


@pytest.mark.parametrize("kind", NOT_RESUMED)
def test_checkpoints_are_looked_at_before_a_run_goes_on(kind, good, tmp_path):
    base, change = NOT_RESUMED[kind]
    path = tmp_path / "hostile.h5"
    changed(good[base], change, path)
    run = tfl.load(path)
    with pytest.raises(tfl.InputError, match=r"is not a readable run file: checkpoint") as caught:
        tfl.RunFile(path).checkpoint(run.risk, run.method)
    check_message(caught.value, path)


@pytest.mark.parametrize("name", ["density", "samples", "kernel", "features", "network"])
def test_good_files_are_read_and_go_on(name, good):
    run = tfl.load(good[name])
    assert len(run.history["risk"]) == 4
    assert tfl.RunFile(good[name]).checkpoint(run.risk, run.method)["state"]["value"] == run.history["risk"][-1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from /proc")
def test_every_command_on_every_twelfth_file(tmp_path):
    script = Path(__file__).with_name("hostile_commands.py")
    done = subprocess.run([sys.executable, script, tmp_path, "12"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert not found["wrong"], json.dumps(found["wrong"], indent=1)[:20_000]
    assert found["megabytes"] < MOST_MEGABYTES
