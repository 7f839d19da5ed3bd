"""Picture files, whole or absent."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..storage.kinds import PICTURE
from ..storage.whole_files import refuse_existing, write_whole
from .style import DOTS_PER_INCH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")


def save(figure: Figure, path, overwrite: bool = False) -> None:
    """Write a figure, whole or not at all, and the folder for it; the suffix .png, .pdf or .svg says the format.

    Parameters
    ----------
    figure : Figure
    path : str or path
    overwrite : bool
        Whether an existing picture may be replaced; a file of another kind never is.

    Raises
    ------
    InputError
        If the suffix is another, the file exists, or the place cannot be written; what stood there stays.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((16, 16))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> store = tfl.RunFile('plane.h5', overwrite=True)
    >>> found = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 5, store=store)
    >>> tfl.plotting.save(tfl.plotting.plot_run(tfl.load('plane.h5')), 'run.png', overwrite=True)
    """
    _check_suffix(path)
    with contextlib.suppress(OSError, ValueError):  # what cannot be made is said below
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    check_target(path, overwrite)
    picture = io.BytesIO()
    figure.savefig(picture, format=Path(path).suffix.lower()[1:], dpi=DOTS_PER_INCH)
    write_whole(path, picture.getvalue())


def check_target(path, overwrite: bool = False, reads: Iterable = ()) -> None:
    """Raise an InputError, before any work, if `save` would refuse the place, or an input lies there.

    Examples
    --------
    >>> import torusflow as tfl
    >>> tfl.plotting.check_target('new.png')
    """
    _check_suffix(path)
    refuse_existing(path, overwrite, PICTURE, reads)


def _check_suffix(path) -> None:
    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(f"a picture is written as {', '.join(FORMATS)}, got {str(path)!r}: use one of these endings.")
