"""What a user sees of the types: a checker has no complaint about right programs, and has some about wrong ones."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typing_of_users

import torusflow

pytest.importorskip("basedpyright.langserver", reason="basedpyright is not installed")
WRONG = """import torusflow as tfl

torus = tfl.Torus(16)
torus.pionts
tfl.Risk(torus, tfl.losses.L2(tfl.densities.uniform(torus)))
tfl.losses.np
"""


@pytest.mark.slow
def test_a_type_checker_takes_what_users_write(tmp_path):
    shutil.copy(typing_of_users.__file__, tmp_path)
    (tmp_path / "wrong.py").write_text(WRONG)
    settings = {"typeCheckingMode": "basic", "reportPrivateImportUsage": "error", "reportUnusedExpression": "none"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    package = Path(torusflow.__file__).parents[1]
    said = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    complaints = [
        (Path(one["file"]).name, one["range"]["start"]["line"], one["rule"], one["message"])
        for one in json.loads(said.stdout)["generalDiagnostics"]
    ]
    assert [one for one in complaints if one[0] != "wrong.py"] == []
    assert {line for _, line, _, _ in complaints} == {3, 4, 5}, complaints  # so it has read the package


@pytest.mark.slow
def test_what_users_write_runs(tmp_path):
    assert 0 < abs(typing_of_users.densities_on_the_torus(tmp_path / "run.h5")) < 1
    assert typing_of_users.points_in_the_plane() < 1e-6
    assert "mass" in typing_of_users.likelihood_of_samples()
