"""Compiled code where nothing can be written, where the disk is full, and where compiling is switched off."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import FunctionCache

import torusflow
from torusflow import compilation

LARGEST = "import numpy as np, torusflow as tfl; print(tfl.Torus((8, 9)).largest(np.arange(3.0)))"
PUSH = """
import numpy as np, torusflow as tfl
torus = tfl.Torus((8, 9))
model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=1, substeps=1)
print(model(model.space.zeros()).sum())
"""


def run(code, folder, **environment):
    """Output and errors of a process that imports the package from a folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA")} | environment
    command, environment["PYTHONPATH"] = [sys.executable, "-c", code], str(folder)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def where_nothing_can_be_written(tmp_path):
    """A copy of the package with files where folders for compiled code would be, which stop an administrator too."""
    package = Path(torusflow.__file__).parent
    shutil.copytree(package, tmp_path / "torusflow", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [path.parent for path in tmp_path.rglob("__init__.py")]:
        (folder / "__pycache__").touch()
    return tmp_path


@pytest.mark.slow
def test_where_nothing_can_be_written_one_warning_says_so(where_nothing_can_be_written):
    done = run(LARGEST, where_nothing_can_be_written, HOME="/dev/null", XDG_CACHE_HOME="/dev/null")
    assert (done.returncode, done.stdout.strip()) == (0, "2.0"), done.stderr
    assert done.stderr.count("UserWarning") == done.stderr.count("NUMBA_CACHE_DIR") == 1


@pytest.mark.slow
def test_the_folder_that_the_warning_asks_for_is_used(where_nothing_can_be_written, tmp_path):
    kept = tmp_path / "kept"
    environment = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "NUMBA_CACHE_DIR": str(kept)}
    done = run(LARGEST, where_nothing_can_be_written, **environment)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "2.0", "")
    assert list(kept.rglob("reductions.largest*"))


@pytest.mark.slow
def test_where_nothing_can_be_written_models_work(where_nothing_can_be_written):
    done = run(PUSH, where_nothing_can_be_written, HOME="/dev/null", XDG_CACHE_HOME="/dev/null")
    assert (done.returncode, done.stdout.strip()) == (0, "72.0"), done.stderr


@pytest.mark.slow
def test_what_is_kept_is_out_of_date_when_a_function_that_is_called_changes(tmp_path):
    """Of another file, which Numba does not look at."""
    head = "from torusflow.compilation import compiler\n"
    (tmp_path / "low.py").write_text(head + "@compiler()\ndef low(x):\n    return x + 1\n")
    (tmp_path / "middle.py").write_text(head + "import low\nfrom low import low as below\n")
    (tmp_path / "high.py").write_text(head + "from low import low\n@compiler()\ndef high(x):\n    return 10 * low(x)\n")
    code = "from high import high; print(high(1), len(high.stats.cache_hits))"
    package, environment = str(Path(torusflow.__file__).parents[1]), {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}

    def calculated():
        path = f"{tmp_path}{os.pathsep}{package}"
        command = [sys.executable, "-c", code]
        environment["PYTHONPATH"] = path
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=300)
        return done.stdout.split()

    assert calculated() == ["20", "0"] and calculated() == ["20", "1"]
    (tmp_path / "low.py").write_text(head + "@compiler()\ndef low(x):\n    return x + 23\n")
    assert calculated() == ["240", "0"]


@pytest.mark.parametrize("method", ["load_overload", "save_overload"])
def test_a_disk_that_fails_is_no_reason_not_to_compute(method, monkeypatch):
    def fail(self, *arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    def double(x):
        return 2 * x

    monkeypatch.setattr(FunctionCache, method, fail)
    monkeypatch.setattr(FunctionCache, "save_overload", fail)
    compilation._say_that_nothing_is_kept.cache_clear()
    with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR"):
        assert compilation.compiler()(double)(21) == 42


@pytest.mark.slow
def test_without_compilation_the_import_says_what_to_do():
    done = run("import torusflow", Path(torusflow.__file__).parents[1], NUMBA_DISABLE_JIT="1")
    assert done.returncode == 1
    assert "Unset NUMBA_DISABLE_JIT" in done.stderr.splitlines()[-1]
    assert "InputError" in done.stderr.splitlines()[-1]
