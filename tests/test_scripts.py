"""The studies in scripts/, at reduced size: they run, they draw, and their numbers are known."""

import importlib.util
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fit_density(tmp_path):
    picture = tmp_path / "fit.png"
    final = load("fit_density").main(["--points", "24", "--iterations", "10", "--smoothness", "3", "-o", str(picture)])
    assert final[3.0] == pytest.approx(0.0037988774978548, rel=1e-6)
    assert picture.stat().st_size > 10_000


def test_the_readme_runs_and_says_what_it_prints(tmp_path, monkeypatch, capsys):
    import re

    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", (SCRIPTS.parent / "README.md").read_text(), re.DOTALL).group(1)
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "iteration limit: 50 iterations, risk 0.00020" in said
    assert "exact to round-off" in said and "slope 2.000" in said


def test_every_script_is_short():
    for script in SCRIPTS.glob("*.py"):
        assert len(script.read_text().splitlines()) <= 100, script.name
