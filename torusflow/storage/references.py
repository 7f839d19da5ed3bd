"""Solutions of limiting equations beside a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .images import write_image
from .layout import write_field, write_scale
from .reading import opened_run


@dataclass(frozen=True, eq=False)
class Reference:
    """A solution of the limiting equation beside a run, on its time axis.

    Attributes
    ----------
    name : str
        "porous-medium" or "tangent-flow".
    solver : str
        What computed it, in words.
    times : array (n_times,)
        Training times.
    density : array (n_times, *n)
    risk : array (n_times,)
        The run's risk of these densities.
    """

    name: str
    solver: str
    times: np.ndarray
    density: np.ndarray
    risk: np.ndarray


def add_reference(path, reference: Reference) -> None:
    """Put a reference into a run file beside the run; one of the same name is replaced.

    Parameters
    ----------
    path : str or path
        Of a run on densities.
    reference : Reference

    Raises
    ------
    InputError
        If the file is no run, or the place cannot be written; the run stays as it was.
    """
    with opened_run(path) as file:
        if "torus" not in file["problem"]["risk"]["model"]:
            raise InputError(f"{str(path)!r} is no run on densities, so nothing on a torus can stand beside it.")
        references = file.require_group("reference")
        if reference.name in references:
            del references[reference.name]
        group = references.create_group(reference.name)
        group.attrs.update({"solver": reference.solver, "long_name": "what the limiting equation makes of the start"})
        write_scale(group, "time", reference.times, "1", "training time")
        axes = [scale[0].name for scale in file["output"].dims]
        unit = "1 (relative to the uniform density)"
        write_field(group, "density", reference.density, ["time", *axes], unit, f"density by {reference.solver}")
        write_field(group, "risk", reference.risk, ["time"], "1", "risk of the run at these densities")
        file.flush()
        image = file.id.get_file_image()
    write_image(path, image, keep_previous=False)
