"""Problem files with keys dropped, renamed and misplaced, values replaced, bytes flipped: a problem, or a sentence."""

import contextlib
import copy
import datetime
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rubbish import works_or_refuses

from torusflow.config import choices, make_problem, read_tables

EXAMPLES, QUICK_EXAMPLES = 1500, 60
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
# Larger problems are made, but not evaluated.
LARGEST = 20_000

DENSITY = {
    "torus": {"shape": [8, 7], "threads": 1},
    "metric": {"smoothness": 2.5, "length": 0.2},
    "initial": {"kind": "von_mises", "concentration": 0.5},
    "target": {"kind": "banana", "contrast": 5},
    "model": {"layers": 2, "band": 1, "substeps": 1},
    "loss": {"kind": "KullbackLeibler", "reverse": True},
    "risk": {"penalty": 0.1},
    "start": {"norm_of_control": 0.01, "seed": 1},
    "descent": {"kind": "GradientDescent", "step": 0.2},
    "limits": {"iterations": 1, "max_time": 5.0, "patience": 3},
    "continuation": {"levels": 1, "iterations": 1},
}
SAMPLES = {
    "torus": {"shape": [16], "threads": 1},
    "target": {"kind": "samples", "file": "angles.csv", "columns": ["phi"], "units": "degrees", "bandwidth": 40.0},
    "model": {"layers": 2, "band": 1, "substeps": 1},
    "loss": {
        "kind": "WeightedSum",
        "terms": [{"kind": "SquaredL2", "weight": 2}, {"kind": "SobolevMMD"}],
    },
    "descent": {"kind": "LBFGS", "memory": 2},
    "limits": {"iterations": 1},
}
LIKELIHOOD = {
    "torus": {"threads": 1},
    "metric": {"smoothness": 2.5, "length": 0.3},
    "target": {"file": "angles.csv", "units": "degrees", "centred": True},
    "split": {"validation": 0.2, "test": 0.1, "seed": 3},
    "model": {"kind": "SampleNODE", "layers": 2, "band": 1, "substeps": 1},
    "loss": {"kind": "LogLikelihood"},
    "select": {"band": [1, 2], "smoothness": [2.5], "length": [0.2], "rounds": [1, 1], "samples": 20},
    "descent": {"kind": "StochasticGradientDescent", "batch": 5},
    "limits": {"iterations": 1},
}
PARTICLES = {
    "inputs": {"values": [[0.0, 0.5], [0.25, 1.0]]},
    "targets": {"values": [[0.1, 0.5], [0.5, 0.9]]},
    "model": {"kind": "RKHSNODE", "layers": 2, "substeps": 1},
    "field": {"kind": "MaternKernel", "length": 0.5, "centres": [[0.0, 0.0], [1.0, 1.0]]},
    "loss": {"kind": "SquaredDistance"},
    "descent": {"kind": "Nesterov", "momentum": 0.9, "restart": True},
    "limits": {"iterations": 1},
}
CLOUD = {
    "inputs": {"file": "angles.csv", "columns": [0]},
    "targets": {"file": "angles.csv", "columns": ["psi"]},
    "model": {"kind": "TorusNODE", "layers": 2, "band": 1, "substeps": 1, "threads": 1},
    "metric": {"smoothness": 2.0},
    "loss": {"kind": "GeodesicDistance"},
    "descent": {"kind": "GradientFlow", "final_time": 0.1, "tolerance": 0.01},
    "limits": {"iterations": 1},
}
PROBLEMS = {"density": DENSITY, "samples": SAMPLES, "likelihood": LIKELIHOOD, "particles": PARTICLES, "cloud": CLOUD}
ANGLES = "phi,psi\n" + "".join(f"{(37 * i) % 360 - 180},{(53 * i * i) % 360 - 180}\n" for i in range(30))

VALUES = (0, 1, -1, 3, 10**9, -(10**9), 10**30, 10**400, 0.5, -0.5, 1e-300, 1e308, math.inf, -math.inf, math.nan)
VALUES += (True, False, "", "rubbish", "auto", "angles.csv", "missing.csv", ".", "/", "\0", "x" * 3000, [], [[]], {})
VALUES += (
    [1, 2],
    [8, 7],
    [0.5],
    ["phi", "psi"],
    [1, [2]],
    [[1.0, 2.0]],
    [[1.0], [2.0, 3.0]],
    [{"kind": "L2"}],
    [math.nan],
)
VALUES += (datetime.date(2024, 2, 29), {"kind": "uniform"}, "uniform", "image", "samples", "L2", "Sinkhorn", "LBFGS")
VALUES += ("ResNet", "LinearNetwork", "MeasureNODE", "GaussianKernel", [10**9], [10**9, 10**9], [4] * 30)


HOW = ("drop table", "drop", "rename", "move", "replace", "replace", "replace", "table")


def text_of(value) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in value) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{text_of(key)} = {text_of(item)}' for key, item in value.items())}}}"
    return str(value)


def problem_file(tables) -> str:
    lines = []
    for name, table in tables.items():
        if isinstance(table, dict):
            lines += [f"[{text_of(name)}]", *(f"{text_of(key)} = {text_of(value)}" for key, value in table.items())]
        else:
            lines.insert(0, f"{text_of(name)} = {text_of(table)}")
    return "\n".join(lines) + "\n"


def spoil(data) -> bytes:
    """A problem file with up to three things wrong in it."""
    tables = copy.deepcopy(PROBLEMS[data.draw(st.sampled_from(sorted(PROBLEMS)))])

    def draw(names):
        return data.draw(st.sampled_from(sorted(names)))

    for _ in range(data.draw(st.integers(1, 3))):
        how, name = (
            draw(("drop table", "drop", "rename", "move", "replace", "replace", "replace", "table")),
            draw(tables),
        )
        table = tables[name]
        if how == "drop table":
            del tables[name]
        elif how == "table":
            tables[name] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
        elif isinstance(table, dict) and table:
            key = draw(table)
            value = table.pop(key)
            if how == "replace":
                table[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
            elif how == "rename":
                table[data.draw(st.sampled_from((key + "s", key[1:], "", "kind", key.upper())))] = value
            elif how == "move":
                other = tables[draw(tables)]
                if isinstance(other, dict):
                    other[key] = value
        if not tables:
            break
    content = bytearray(problem_file(tables).encode())
    for _ in range(data.draw(st.sampled_from((0, 0, 0, 1, 3)))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    return bytes(content)


def make(path):
    tables = read_tables(path)
    problem = make_problem(tables, path.parent)
    if "select" in tables:
        choices(tables, path.parent)
    sizes = [math.prod(space.shape) for space in (problem.risk.space, problem.risk.model.output_space)]
    if max(sizes) * getattr(problem.risk.model, "substeps", 1) <= LARGEST:
        problem.risk(problem.start)


def make_spoilt(folder, data):
    (folder / "angles.csv").write_text(ANGLES)
    path = folder / "problem.toml"
    path.write_bytes(spoil(data))
    # A grid may be larger than memory; the command line says that in a sentence of its own.
    with contextlib.suppress(MemoryError):
        works_or_refuses(lambda: make(path))


@pytest.mark.parametrize("name", PROBLEMS)
def test_unspoilt_files_are_problems(name, tmp_path):
    (tmp_path / "angles.csv").write_text(ANGLES)
    path = tmp_path / "problem.toml"
    path.write_text(problem_file(PROBLEMS[name]))
    assert read_tables(path) == PROBLEMS[name]
    make(path)


@settings(max_examples=QUICK_EXAMPLES)
@given(data=st.data())
def test_a_few_spoilt_files_are_problems_or_refused(tmp_path_factory, data):
    make_spoilt(tmp_path_factory.getbasetemp(), data)


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_spoilt_files_are_problems_or_refused(tmp_path_factory, data):
    make_spoilt(tmp_path_factory.getbasetemp(), data)
