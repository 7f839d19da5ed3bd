"""The command line with rubbish options and damaged files: exit 2 and a sentence, and only whole files left behind."""

import io
import shutil

import h5py
import numpy as np
import pytest
from command_line import runner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rubbish import check_sentence, limited
from test_problem_files import ANGLES, DENSITY, LIKELIHOOD, PARTICLES, problem_file, spoil

import torusflow as tfl
from torusflow.cli import main

EXAMPLES, QUICK_EXAMPLES = 500, 40
FIT_EXAMPLES, QUICK_FIT_EXAMPLES = 100, 10
DRAWN_EXAMPLES = 30
SECONDS = 30
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# What may stand where a file is asked for; made by `folder`.
FILES = ("angles.csv", "density.toml", "particles.toml", "likelihood.toml", "grey.png", "run.h5", "like.h5")
FILES += ("points.h5",)
DAMAGED = ("cut.h5", "flipped.h5", "other.h5", "empty.h5", "binary.csv", "binary.toml", "binary.h5", "empty.csv")
DAMAGED += ("empty.toml", "folder", "folder.h5", "folder.toml", "folder.csv", "text.png", "cut.png")
NOWHERE = ("missing.csv", "missing.toml", "missing.h5", "no/file.h5", "", ".", "/", "x" * 300, "angles.csv/x.h5")
NOWHERE += ("-", "--", "é.h5")
OUTPUTS = ("out.h5", "out.csv", "out.png", "out.nc", "out.npz", "out.xyz", "out", "run.h5", "density.toml", "folder")
OUTPUTS += ("out.vti", "out.zarr", *NOWHERE)
NUMBERS = ("0", "1", "2", "-1", "1000000000", "1e400", "nan", "inf", "-inf", "1.5", "x", "", "0x10", "1" * 400)
NUMBERS += ("9" * 5000,)
WORDS = ("phi", "phi,psi", "0", "7", "", ",", "degrees", "parsecs", "8x7", "0x0", "8", "8x8x8x8", "x")
WORDS += ("9999999999x9999999999", "SquaredL2", "l2", "GradientDescent", "LBFGS", "porous-medium", "tangent-flow")
OPTIONS = {
    "fit": "units columns grid bandwidth smoothness length layers band substeps loss penalty method step threads "
    "validation test continuation max-time period weights",
    "check": "seed threads",
    "resume": "step max-time",
    "refine": "grid band layers substeps",
    "export": "",
    "plot": "",
    "compare": "with",
    "info": "",
    "sample": "number seed columns",
    "score": "columns",
}
FLAGS = {
    "fit": "likelihood select refine overwrite drop-missing",
    "resume": "only-check",
    "refine": "overwrite",
    "export": "overwrite",
    "plot": "density run map fit overwrite",
    "compare": "overwrite",
    "info": "verify",
    "sample": "overwrite",
    "score": "overwrite",
}
TEXTS = {"units", "period", "columns", "weights", "grid", "loss", "method", "with"}
DRAWING = ("compare", "plot")
OTHERS = tuple(sorted(OPTIONS.keys() - set(DRAWING)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with good and bad files of every kind."""
    path = tmp_path_factory.mktemp("files")
    (path / "angles.csv").write_text(ANGLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for name, tables in (("density", DENSITY), ("particles", PARTICLES), ("likelihood", LIKELIHOOD)):
            tables = {key: table for key, table in tables.items() if key != "select"}
            (path / f"{name}.toml").write_text(problem_file(tables))
            run = {"density": "run.h5", "particles": "points.h5", "likelihood": "like.h5"}[name]
            result = runner().invoke(main, ["fit", f"{name}.toml", "-o", run])
            assert result.exit_code in (0, 1), result.output + result.stderr
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path / "grey.png")
    content = (path / "run.h5").read_bytes()
    (path / "cut.h5").write_bytes(content[: len(content) // 2])
    (path / "flipped.h5").write_bytes(bytes(255 - byte if 3000 < i < 3100 else byte for i, byte in enumerate(content)))
    with h5py.File(path / "other.h5", "w") as other:
        other["something"] = np.ones(3)
    (path / "cut.png").write_bytes((path / "grey.png").read_bytes()[:60])
    (path / "text.png").write_text("no picture")
    for name in DAMAGED:
        if name.startswith("binary"):
            (path / name).write_bytes(bytes(range(256)) * 9)
        elif name.startswith("empty"):
            (path / name).write_bytes(b"")
        elif name.startswith("folder"):
            (path / name).mkdir()
    return path


def contents(path):
    return {file: file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def check_call(path, arguments):
    """Run it; then the exit code, the words and the files are as a person may expect, and the folder as it was."""
    before = contents(path)
    try:
        with pytest.MonkeyPatch.context() as patch, limited(SECONDS):
            patch.chdir(path)
            result = runner().invoke(main, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        check_words(result)
        after = contents(path)
        for file in after.keys() - before.keys():
            check_whole(file, result)
        if result.exit_code:
            changed = {file.name for file in before if after.get(file) != before[file]}
            assert result.exit_code == 1 or not changed, f"said no and changed {changed}"
    finally:
        restore(path, before)


def check_words(result):
    words = " ".join(result.stderr.split())
    assert result.exit_code in (0, 1, 2), result.output
    assert "Traceback" not in result.output + words, result.output
    if result.exit_code == 2 and not words.startswith("Usage:"):
        check_sentence(words.split("torusflow: ")[-1])


def check_whole(file, result):
    """A new file is hidden or complete."""
    if file.name.startswith("."):
        return
    assert result.exit_code != 2, f"{file.name} was written by a command that said no"
    content = file.read_bytes()
    if content.startswith(b"\x89HDF"):
        with h5py.File(file) as stored:
            stored.visititems(lambda _, part: part[()] if isinstance(part, h5py.Dataset) else None)
    elif content.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
    else:
        assert content.startswith((b"PK", b"CDF", b"%PDF", b"<?xml")) or content.endswith(b"\n")


def restore(path, before):
    for file in contents(path).keys() - before.keys():
        file.unlink()
    for file, content in before.items():
        file.write_bytes(content)
    for made in path.iterdir():
        if made.is_dir() and not made.name.startswith("folder"):
            shutil.rmtree(made)


def draw_call(data, commands):
    command = data.draw(st.sampled_from(commands))
    files = st.one_of(*(st.sampled_from(names) for names in (FILES, FILES, DAMAGED, NOWHERE)))
    arguments = [command]
    for _ in range(data.draw(st.sampled_from((2, 2, 2, 1) if command == "score" else (1, 1, 1, 1, 0, 2)))):
        arguments.append(data.draw(files))
    if command not in ("check", "resume", "info") and data.draw(st.integers(0, 9)):
        arguments += ["-o", data.draw(st.sampled_from(OUTPUTS))]
    names, flags = OPTIONS[command].split(), FLAGS.get(command, "").split()
    for name in data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else ():
        arguments += [f"--{name}", data.draw(st.sampled_from(WORDS if name in TEXTS else NUMBERS))]
    for name in data.draw(st.lists(st.sampled_from(flags), max_size=2, unique=True)) if flags else ():
        arguments.append(f"--{name}")
    if command == "fit":  # so many as are quick
        arguments += ["--iterations", data.draw(st.sampled_from(("0", "1", "1", "-1", "x", "nan", "")))]
    return arguments


@pytest.mark.slow
@settings(max_examples=QUICK_EXAMPLES)
@given(data=st.data())
def test_a_few_spoilt_commands(folder, data):
    check_call(folder, draw_call(data, OTHERS))


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_spoilt_commands(folder, data):
    check_call(folder, draw_call(data, OTHERS))


@pytest.mark.slow
@settings(max_examples=DRAWN_EXAMPLES)
@given(data=st.data())
def test_spoilt_commands_that_draw(folder, data):
    check_call(folder, draw_call(data, DRAWING))


def fit_spoilt(folder, data):
    (folder / "spoilt.toml").write_bytes(spoil(data))
    check_call(folder, ["fit", "spoilt.toml", "-o", "out.h5", "--iterations", "1", "--max-time", "2"])


@pytest.mark.slow
@settings(max_examples=QUICK_FIT_EXAMPLES)
@given(data=st.data())
def test_a_few_spoilt_files_are_fitted_or_refused(folder, data):
    fit_spoilt(folder, data)


@pytest.mark.slow
@settings(max_examples=FIT_EXAMPLES)
@given(data=st.data())
def test_spoilt_files_are_fitted_or_refused(folder, data):
    fit_spoilt(folder, data)


@pytest.mark.slow
def test_a_run_file_cut_anywhere_is_read_or_refused(folder):
    content = (folder / "run.h5").read_bytes()
    for length in np.linspace(0, len(content), 40, dtype=int):
        (folder / "part.h5").write_bytes(content[:length])
        check_call(folder, ["info", "part.h5"])
        check_call(folder, ["resume", "part.h5", "--only-check"])
    (folder / "part.h5").unlink()
    tfl.load(folder / "run.h5")
