"""What README and docs/ show: it runs, again and again, and says what it says there."""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest

import torusflow as tfl
from torusflow.cli.options import tables_of
from torusflow.config import make_problem

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document, language):
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)


def lines_to_run(document, folder):
    """The Python blocks of a page; one that begins with a file's name, ``# mine.py``, becomes that file."""
    run = []
    for block in blocks(document, "python"):
        named = re.match(r"# (\w+\.py)\n", block)
        if named:
            (folder / named[1]).write_text(block, encoding="utf-8")
        else:
            run.append(block)
    return run


# Extras, without which a page is skipped.
NEEDED = {"docs/interop.md": ["torch", "jax"]}
# What stands there, and what is run by one process on a processor.
ELSEWHERE = {
    "docs/how_to/gpu.md": {'(256, 256, 256), device="cuda"': "(16, 16, 16)", "band=16": "band=4"},
    "docs/scaling.md": {
        "from mpi4py import MPI\n": "",
        "(512, 512, 512), comm=MPI.COMM_WORLD": "(16, 16, 16)",
        "band=85": "band=4",
        "iterations=100": "iterations=2",
        ", comm=MPI.COMM_WORLD)": ")",
        "run.method, 200": "run.method, 3",
    },
}
WITH_PYTHON = [document for document in DOCUMENTS if blocks(document, "python")]
WITH_TOML = [(document, i) for document in DOCUMENTS for i in range(len(blocks(document, "toml")))]


def relative(document):
    return str(document.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_PYTHON, ids=relative)
def test_python_runs(document, tmp_path, monkeypatch, capsys):
    """All blocks of a page after one another, as they are read, in a folder with the data; the first pages' twice."""
    for package in NEEDED.get(relative(document), []):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'torusflow[{package}]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    lines = "\n".join(lines_to_run(document, tmp_path))
    for there, here in ELSEWHERE.get(relative(document), {}).items():
        assert there in lines
        lines = lines.replace(there, here)
    code = compile(lines, document.name, "exec")
    exec(code, {"__name__": "__main__"})
    first = capsys.readouterr().out
    if relative(document) in ("README.md", "docs/python.md"):
        exec(code, {"__name__": "__main__"})
        assert len(first.splitlines()) == len(capsys.readouterr().out.splitlines())
    if document.name == "python.md":
        assert "iteration limit: 50 iterations, risk 0.00020" in first
        assert "exact to round-off" in first and "slope 2.000" in first


WRITES = re.compile(r"RunFile\(|store=[\"']|\.save\([\"']\w+\.h5|plotting\.save\(")


@pytest.mark.parametrize("document", WITH_PYTHON, ids=relative)
def test_what_pages_write_they_write_again(document):
    """A page that is read and tried a second time finds its own files, and says that it may write over them."""
    lines = "\n".join(blocks(document, "python")).splitlines()
    refused = [line for line in lines if WRITES.search(line) and not re.search("overwrite=True|resume=True", line)]
    assert refused == []


def test_there_are_blocks_to_run():
    needed = {"README.md", "docs/python.md", "docs/likelihood.md", "docs/own_classes.md"}
    assert needed <= set(map(relative, WITH_PYTHON)) and len(WITH_TOML) >= 5


@pytest.mark.parametrize(
    ("document", "i"), WITH_TOML, ids=lambda value: relative(value) if value in DOCUMENTS else None
)
def test_problem_files_are_problems(document, i, tmp_path, rng):
    """Those that show a part are completed by a target."""
    np.savetxt(tmp_path / "angles.csv", rng.uniform(-180, 180, (60, 2)), delimiter=",", header="phi,psi", comments="")
    for name in ("points", "targets"):
        np.savetxt(tmp_path / f"{name}.csv", rng.normal(size=(5, 2)), delimiter=",")
    lines_to_run(document, tmp_path)  # for the classes that a problem names
    tables = tomllib.loads(blocks(document, "toml")[i])
    if not {"target", "inputs"} & tables.keys():
        tables["target"] = {"kind": "von_mises"}
    problem = make_problem(tables, tmp_path)
    assert np.isfinite(problem.risk(problem.start))


# Sizes of what docs/command_line.md shows, so that it takes seconds: what a line says stays true.
SMALLER = {
    "fit data/adk_torsions.csv --units degrees -o adk.h5": "--grid 16x16 --length 0.1 --iterations 10",
    "fit data/adk_torsions.csv --units degrees --given": "--grid 16x16 --length 0.1 --iterations 5",
    "fit data/adk_torsions.csv --units degrees --likelihood": "--layers 2 --band 3 --iterations 3 --length 0.2",
    "fit data/adk_torsions.csv --units degrees --method": "--grid 24x24 --layers 2 --iterations 4",
    "fit data/adk.toml": "--grid 24x24 --layers 2 --band 7 --iterations 4",
}


@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
@pytest.mark.slow
def test_the_command_lines_in_their_order(call, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rows = (ROOT / "data" / "adk_torsions.csv").read_text().splitlines()
    (folder / "adk_torsions.csv").write_text("\n".join([rows[0], *rows[1::40]]) + "\n")
    problem = (ROOT / "data" / "adk.toml").read_text()
    (folder / "peptide.cif").symlink_to(ROOT / "data" / "peptide.cif")
    (folder / "adk.toml").write_text(problem.replace("[64, 64]", "[24, 24]").replace("band = 21", "band = 7"))
    text = (ROOT / "docs" / "command_line.md").read_text()
    lines = [line.split("#")[0].strip() for line in text.splitlines() if line.startswith("torusflow ")]
    lines = [
        line.removeprefix("torusflow ") for line in lines if "`" not in line and not line.startswith("torusflow is")
    ]
    commands = {line.split()[0] for line in lines}
    assert {"fit", "plot", "info", "resume", "compare", "sample", "score", "check"} <= commands
    for line in lines:
        more = next((options for start, options in SMALLER.items() if line.startswith(start)), "")
        line = line.replace("--iterations 1000", "--iterations 6").replace("-n 1000", "-n 50")
        call(*shlex.split(f"{line} {more}"))
    assert len(tfl.load("run.h5").history["risk"]) == 7 and tfl.load("run.h5").references


def test_the_problem_file_of_the_data_is_the_fit_of_the_data():
    data = ROOT / "data"
    said = make_problem(*tables_of(data / "adk.toml", {}))
    options = make_problem(*tables_of(data / "adk_torsions.csv", {"units": "degrees"}))
    assert said.method == options.method and said.limits == options.limits
    assert said.coordinates == options.coordinates and said.risk.model.band == options.risk.model.band
    assert said.risk.model.substeps == options.risk.model.substeps
    np.testing.assert_array_equal(said.risk.loss.target.values, options.risk.loss.target.values)


def test_files_that_are_named_are_there():
    """In command lines and in back quotes, those of the repository."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"(?:data|docs|scripts|tests|benchmarks)/[\w/]+\.(?:csv|toml|h5|md|py)", text):
            assert (ROOT / name).exists(), f"{relative(document)} names {name}"


@pytest.mark.parametrize("recipe", sorted((ROOT / "docs" / "how_to").glob("*.md")), ids=lambda path: path.stem)
def test_recipes_are_of_a_dozen_lines(recipe):
    """And one click from their list, which the first page has; a model needs its derivative, in two classes."""
    lines = [line for block in blocks(recipe, "python") for line in block.splitlines() if line.strip()]
    assert len(lines) <= (22 if recipe.stem == "own_model" else 12)
    assert recipe.stem == "index" or f"({recipe.name})" in (recipe.parent / "index.md").read_text(encoding="utf-8")


def test_every_picture_is_listed_with_its_question():
    """Of the studies, of the functions that draw, and those in docs/."""
    listed = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    studies = [path.name for path in (ROOT / "scripts").glob("*.py") if not path.name.startswith("make_")]
    drawn = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.png")]
    functions = [name for name in tfl.plotting.__all__ if name.startswith("plot_")]
    assert [name for name in studies + drawn + functions if f"`{name}`" not in listed] == []
