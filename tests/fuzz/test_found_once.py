"""What the fuzz has found, so that it stays mended: each call works or is refused with a sentence, and quickly."""

import numpy as np
import pytest
from command_line import runner
from rubbish import works_or_refuses
from things import IMAGE, LINE, RISK, W

import torusflow as tfl
from torusflow import losses
from torusflow.cli import main


def _descended(method):
    return tfl.descend(RISK, W, method, 1)


RAGGED = [1, [2, 3]]
FOUND = {
    "Torus of ragged rows": lambda: tfl.Torus(RAGGED),
    "Torus of a Density": lambda: tfl.Torus(tfl.densities.uniform(LINE)),
    "Torus with an array as library": lambda: tfl.Torus(8, library=np.zeros(3)),
    "Torus.field of ragged rows": lambda: LINE.field(RAGGED),
    "Torus.transform of ragged rows": lambda: losses.SquaredL2(tfl.densities.uniform(LINE))(RAGGED),
    "Torus.mean of a text": lambda: LINE.mean("a"),
    "MeasureNODE with 10^9 substeps starts; use arguments.checked_whole for it": lambda: _many_substeps(10**9),
    "MeasureNODE with 10^400 substeps": lambda: _many_substeps(10**400),
    "descend with a dict as method": lambda: tfl.descend(RISK, W, {}, 1),
    "descend with an int beyond floats as tolerance": lambda: tfl.descend(RISK, W, _plain, 1, max_time=10**400),
    "descend with a complex tolerance": lambda: tfl.descend(RISK, W, _plain, 1, gradient_tolerance=np.complex64(1)),
    "descend with a validation that gives no number": lambda: tfl.descend(RISK, W, _plain, 1, validation=str),
    "descend with a callback that is none": lambda: tfl.descend(RISK, W, _plain, 1, callback=1),
    "a step beyond floats": lambda: _descended(tfl.GradientDescent(10**400, "armijo")),
    "a step at the end of floats warns": lambda: _descended(tfl.LBFGS(step=1e308)),
    "an array as line search": lambda: tfl.HeavyBall(0.1, line_search=np.zeros(3)),
    "a final time beyond floats": lambda: _descended(tfl.GradientFlow(10**400)),
    "a memory of 2^63": lambda: _descended(tfl.LBFGS(memory=np.uint64(2**63))),
    "a trust region of 1e-300": lambda: _descended(tfl.GaussNewton(radius=1e-300)),
    "load of what is no path": lambda: tfl.load(1),
    "load of what is no run file": lambda: tfl.load(IMAGE),
    "torusflow check --seed -1": lambda: _command("check", PROBLEM, "--seed", "-1"),
    "torusflow score of a run without a name": lambda: _command("score", "", "angles.csv"),
    "add_reference to the root folder": lambda: tfl.add_reference("/", None),
    "add_reference to a name that is too long": lambda: tfl.add_reference("x" * 5000, None),
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
    result = runner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception


@pytest.mark.parametrize("name", FOUND)
def test_it_stays_mended(name):
    works_or_refuses(FOUND[name], seconds=1)
