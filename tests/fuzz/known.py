"""Faults the fuzz has found and nobody has mended yet: where they lie, and the least call that shows each.

A fault that comes from one of the files in `PLACES` passes in the fuzz; each of the `FAULTS` is a test that must fail.
Whoever mends one takes it out of here; when the lists are empty this module goes.
"""

import contextlib
import traceback
from pathlib import Path

import numpy as np
from calls import IMAGE, LINE, RISK, W
from click.testing import CliRunner

import torusflow as tfl
from torusflow import losses
from torusflow.cli import main

PACKAGE = Path(tfl.__file__).parent
PLACES = ("torus/grid.py", "descent/", "storage/", "transport/spectral.py", "transport/checkpoints.py", "cli/")
# Messages that repeat what h5py says.
WORDS = ("is not a readable run file",)


def innermost(error) -> str:
    """The file of the package, relative to it, in which an error was raised; empty if in none."""
    frames = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [frame.relative_to(PACKAGE).as_posix() for frame in frames if frame.is_relative_to(PACKAGE)]
    return inside[-1] if inside else ""


@contextlib.contextmanager
def tolerated():
    """Within, what is known passes."""
    try:
        yield
    except Exception as error:
        if not innermost(error).startswith(PLACES) and not any(words in str(error) for words in WORDS):
            raise


def _descended(method):
    return tfl.descend(RISK, W, method, 1)


RAGGED = [1, [2, 3]]
FAULTS = {
    "Torus of ragged rows: use real_array or catch the ValueError of np.ndim": lambda: tfl.Torus(RAGGED),
    "Torus of a Density: tuple(shape) of what has no order": lambda: tfl.Torus(tfl.densities.uniform(LINE)),
    "Torus with an array as library: compare texts only": lambda: tfl.Torus(8, library=np.zeros(3)),
    "Torus.field of ragged rows: use arguments.real_array": lambda: LINE.field(RAGGED),
    "Torus.transform of ragged rows": lambda: losses.SquaredL2(tfl.densities.uniform(LINE))(RAGGED),
    "Torus.mean of a text: mean, maximum, minimum, norm, inner take anything": lambda: LINE.mean("a"),
    "MeasureNODE with 10^9 substeps starts; use arguments.checked_whole for it": lambda: _many_substeps(10**9),
    "MeasureNODE with 10^400 substeps": lambda: _many_substeps(10**400),
}
PROBLEM = IMAGE.with_name("problem.toml")
PROBLEM.write_text(
    '[model]\nkind = "LinearNODE"\nlayers = 2\n[inputs]\nvalues = [[1.0]]\n[targets]\nvalues = [[2.0]]\n'
)
_plain = tfl.GradientDescent(0.1)


def _many_substeps(count):
    model = tfl.MeasureNODE(LINE, tfl.SobolevMetric(), tfl.densities.uniform(LINE), 2, 1, count)
    return model(model.space.zeros())


def _command(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
