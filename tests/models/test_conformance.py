"""What every model promises, checked on each."""

import pytest
import reference
import tolerances
from every_model import MODELS

import torusflow as tfl
from torusflow import testing

every_model = pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)


@every_model
@pytest.mark.parametrize("check", testing.model_checks())
def test_promise(check, case, rng):
    """Of `torusflow.testing`, which other packages call with their own models."""
    tried = {"loss": case.risk(rng).loss, "control": case.control(rng), "rng": rng, "tolerance": case.adjoint}
    if check.__name__ == "runs_come_back" and case is MODELS["RKHSNODE given features"]:
        with pytest.raises(AssertionError, match="a Features holds functions of yours"):
            testing.check_model(case.model, **tried, checks=[check])
        return
    testing.check_model(case.model, **tried, checks=[check])


@every_model
def test_is_a_model(case):
    assert isinstance(case.model, tfl.model.Model)


@pytest.mark.parametrize(
    "case", [c for n, c in MODELS.items() if n.startswith(("TorusNODE", "MeasureNODE", "LogDensityNODE", "RKHSNODE"))]
)
def test_trajectories_begin_with_the_output_at_zero(case, rng):
    """Where it begins; the promise says where it ends."""
    trajectory = case.model.trajectory(case.control(rng))
    assert len(trajectory) == case.model.space.shape[0] + 1
    assert reference.relative_error(trajectory[0], case.model(case.model.space.zeros())) <= tolerances.SAME
