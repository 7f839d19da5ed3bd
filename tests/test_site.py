"""The reference of the site: every public name is in it, with an example that the tests run."""

import importlib.util
import inspect
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = load("reference")
OBJECTS = REFERENCE.public_objects()


def test_every_public_name_has_an_example():
    assert [name for name, thing in OBJECTS.items() if ">>> " not in (inspect.getdoc(thing) or "")] == []


def test_every_folder_has_a_title():
    assert set(REFERENCE.by_folder()) <= set(REFERENCE.FOLDERS)


def test_pages_are_written_once(tmp_path):
    REFERENCE.write(tmp_path)
    page = tmp_path / "models.rst"
    before = page.stat().st_mtime_ns
    assert "   MeasureNODE\n" in page.read_text() and "models" in (tmp_path / "index.rst").read_text()
    REFERENCE.write(tmp_path)
    assert page.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        ("|grad| of K*m at v_ and ``a|b``", r"\|grad\| of K\*m at v\_ and ``a|b``"),
        ("as in [1]_, by `Torus`", "as in [1]_, by `Torus`"),
        (">>> a * b | c", ">>> a * b | c"),
        (".. [1] A * B", ".. [1] A * B"),
    ],
)
def test_formulas_are_no_markup(line, escaped):
    lines = [line]
    REFERENCE.plain(None, "function", "", None, None, lines)
    assert lines == [escaped]


@pytest.mark.parametrize("script", sorted((DOCS.parent / "scripts").glob("*.py")), ids=lambda path: path.stem)
def test_scripts_of_the_gallery_have_a_title(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    assert script.stem.startswith("make_") or set(lines[1]) == {"="}, "a title, underlined by ="
