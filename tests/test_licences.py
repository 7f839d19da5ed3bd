"""FFTW is under the GPL: what keeps a process free of it, as docs/installation.md says."""

import subprocess
import sys

import pytest

LOADED = """
import sys
try:
    maps = open("/proc/self/maps").read().lower()
except OSError:  # not on this system
    maps = ""
found = {name.split(".")[0] for name in sys.modules} & {"pyfftw", "finufft"}
print(sorted(found | ({"fftw"} if "fftw" in maps else set())))
"""
START = """
import torusflow as tfl
torus = tfl.Torus((16, 16), threads=1, library="scipy")
target = tfl.densities.von_mises(torus)
model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(torus), layers=2)
"""
FIT = """
import torusflow as tfl
from torusflow.cli import main
problem = '[target]\\nkind = "von_mises"\\n[model]\\nlayers = 2\\n[torus]\\nshape = [24, 24]\\n'
open("p.toml", "w").write(problem)
def run(*arguments):
    main([*arguments], standalone_mode=False)
run("fit", "p.toml", "--set", "torus.library=scipy", "--iterations", "2", "--continuation", "1", "-o", "run.h5")
run("resume", "run.h5", "--iterations", "3")
run("info", "run.h5", "--verify")
run("plot", "run.h5", "-o", "run.png")
run("compare", "run.h5", "--with", "porous-medium", "-o", "both.png")
run("refine", "run.h5", "--grid", "25x25", "-o", "fine.h5")
run("export", "run.h5", "-o", "run.npz")
"""


def loaded(tmp_path, code):
    done = subprocess.run([sys.executable, "-c", code + LOADED], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_descents_on_a_grid_with_scipy_load_neither_library(tmp_path):
    code = START
    for i, loss in enumerate(["SquaredL2(target)", "Sinkhorn(target, 0.02)", "SobolevMMD(target)"]):
        code += f"risk = tfl.Risk(model, tfl.losses.{loss})\n"
        code += f"tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 2, store='{i}.h5')\ntfl.load('{i}.h5')\n"
    assert loaded(tmp_path, code) == "[]"


@pytest.mark.slow
def test_commands_on_such_a_run_load_neither(tmp_path):
    assert loaded(tmp_path, FIT) == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "library"),
    [("tfl.Torus((16, 16))\n", "pyfftw"), ("tfl.FlowMap(model, model.space.zeros())([[0.0, 0.5]])\n", "finufft")],
)
def test_what_loads_them_is_seen(tmp_path, code, library):
    pytest.importorskip(library, reason=f"{library} is not installed")
    assert library in loaded(tmp_path, START + code)
