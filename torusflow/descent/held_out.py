"""A risk on data that training does not see, as columns of the history."""

from __future__ import annotations

from ..hilbert import placed
from ..losses.loss import scores
from ..risk import Risk


def held_out(name: str, risk: Risk, control, output=None) -> dict[str, float]:
    """R(w) as NAME, and what its loss says further of the output, an accuracy say, as NAME_accuracy.

    Parameters
    ----------
    name : str
    risk : Risk
    control : array
    output : array, optional
        Of its model, where that is known.
    """
    control = placed(risk.space, control)
    output = risk.model(control) if output is None else output
    further = {f"{name}_{score}": value for score, value in scores(risk.loss, output).items()}
    return {name: risk.value_at(control, output), **further}
