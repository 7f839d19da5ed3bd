"""What is installed: the whole package with its examples and licences, and what is said of it."""

import re
import tomllib
import zipfile
from pathlib import Path

import pytest

import torusflow as tfl
from torusflow import example_data

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    wheels = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    (built,) = wheels.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_a_wheel_has_the_package_and_its_examples_and_no_more(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package, data = ([path for path in (ROOT / name).rglob("*") if path.is_file()] for name in ("torusflow", "data"))
    expected = {str(path.relative_to(ROOT)) for path in package if "__pycache__" not in path.parts}
    assert names == expected | {f"torusflow/{path.relative_to(ROOT)}" for path in data}


def test_a_wheel_says_what_it_is(wheel):
    (metadata,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
    assert f"Version: {tfl.__version__}\n" in metadata and "License-Expression: MIT AND LGPL-3.0-or-later" in metadata
    assert any(name.endswith("licenses/data/licences/LGPL-3.0.txt") for name in wheel.namelist())
    (points,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "torusflow = torusflow.cli:run" in points


def test_the_version_is_one():
    assert f"version: {tfl.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^## {re.escape(tfl.__version__)}\b", (ROOT / "docs" / "changelog.md").read_text(), re.MULTILINE)


def test_every_extra_is_explained():
    """And nothing else is, in the table of what each brings."""
    page = (ROOT / "docs" / "installation.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(PROJECT["optional-dependencies"])


def test_examples_are_found_where_they_are(tmp_path, monkeypatch):
    assert tfl.example_file("adk_torsions.csv") == ROOT / "data" / "adk_torsions.csv"
    (tmp_path / "mine.csv").write_text("x\n1\n")
    monkeypatch.setattr(example_data, "FOLDERS", (tmp_path, ROOT / "data"))
    assert tfl.example_file("mine.csv") == tmp_path / "mine.csv"  # an installation's own come first
    with pytest.raises(tfl.InputError, match=r"no file 'adk.csv' comes with torusflow\. There are mine\.csv\."):
        tfl.example_file("adk.csv")
