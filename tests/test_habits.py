"""What runs the tests elsewhere: the files can be read, and what they call is there."""

import os
import re
import tomllib
from pathlib import Path

import pytest

import torusflow

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CALLERS = ["CONTRIBUTING.md", "README.md", ".ci/run", ".github/workflows/tests.yml"]


@pytest.mark.parametrize("caller", CALLERS)
def test_scripts_that_are_named_can_be_run(caller):
    named = set(re.findall(r"(?<![\w/])\./(scripts/[\w-]+)", (ROOT / caller).read_text()))
    assert named
    for script in named:
        assert os.access(ROOT / script, os.X_OK), script


def test_the_hosted_tests_run_on_every_version_that_is_claimed():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    versions = jobs["tests"]["strategy"]["matrix"]["python-version"]
    claimed = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert versions == claimed
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert jobs["minimum-versions"]["steps"][1]["with"]["python-version"] == versions[0]
    assert {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step} == {
        "./scripts/lint",
        "./scripts/test",
        "./scripts/test-minimum",
        "./scripts/test-interop",
        "./scripts/docs",
        "./scripts/docs --links",
        "./scripts/test -n 0 tests/test_gallery.py",
    }


def test_hooks_before_a_commit_come_from_pypi():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert all(hook["language"] == "python" and hook["additional_dependencies"] for hook in repository["hooks"])


def test_the_changelog_has_the_version_that_is_installed():
    assert re.search(rf"^## {re.escape(torusflow.__version__)}\b", (ROOT / "docs" / "changelog.md").read_text(), re.M)


def test_annotations_are_there_to_be_read():
    assert (Path(torusflow.__file__).parent / "py.typed").exists()
