"""A run at another resolution, by Fourier series."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from ..errors import InputError
from ..hilbert import Nested
from ..losses.loss import on_grid
from ..risk import Risk
from ..storage import Run


def refined(run: Run, shape=None, band=None, layers=None, substeps=None) -> tuple[Risk, np.ndarray, Risk | None]:
    """The risk, the control and the validation of a run, on another grid, band, number of layers or of substeps.

    The control's flow stays the same but for modes beyond a smaller band; densities are read on another grid by their
    Fourier series.

    Parameters
    ----------
    run : Run
        Of a `MeasureNODE`, a `TorusNODE` or a `SampleNODE`.
    shape : tuple of int, optional
        Of the grid, for densities.
    band, layers, substeps : int, optional
        What is not given stays; layers must be a multiple of those before.

    Raises
    ------
    InputError
        If the model has no such resolution, or a number cannot be used.
    """
    model = cast(Any, run.risk.model)
    asked = {"band": band, "layers": layers, "substeps": substeps}
    asked = {name: value for name, value in asked.items() if value is not None}
    names = {field.name for field in dataclasses.fields(model)}
    missing = [name for name in asked if name not in names] + (["grid"] if shape and "torus" not in names else [])
    if missing or not isinstance(model.space, Nested):
        what = missing[0] if missing else "Fourier coefficients"
        raise InputError(f"a {type(model).__name__} has no {what}, so there is no other resolution of that kind.")
    if shape:
        torus = model.torus.resized(tuple(shape))
        asked |= {"torus": torus, "initial": model.initial.on(torus)}
    risk, validation = _refined(run.risk, asked), run.validation and _refined(run.validation, asked)
    return risk, cast(Nested, risk.space).embed(run.control, run.risk.space), validation


def _refined(risk: Risk, asked: dict) -> Risk:
    loss = on_grid(risk.loss, asked["torus"]) if "torus" in asked else risk.loss
    return Risk(dataclasses.replace(cast(Any, risk.model), **asked), loss, risk.penalty)
