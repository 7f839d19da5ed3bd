"""Tables of torsion angles, one row a residue."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InputError
from .atoms import TORSIONS
from .choice import Choice
from .dihedrals import dihedrals
from .reading import INSTALL, read_models
from .topology import Topology
from .trajectories import read_frames

if TYPE_CHECKING:
    from pandas import DataFrame


class Torsions(NamedTuple):
    """Columns of a table by their names, and the number of angles that are missing an atom or have a bond too long."""

    columns: dict[str, list | np.ndarray]
    missing: int
    broken: int


def torsions(path, trajectory=None, chains=None, residues=None) -> DataFrame:
    """The torsion angles of the proteins and nucleic acids in a structure, in degrees: one row a residue and model.

    Parameters
    ----------
    path : str or path
        A structure: .pdb, .ent, .cif, .mmcif, each also with .gz.
    trajectory : str or path, optional
        Frames of the same atoms in the same order, .xtc, .trr or .dcd; it takes ``torusflow[trajectories]``.
    chains, residues : str or sequence of str, optional
        Only these: chains as the file names them, residues by names such as ``"MET"``, which stands for MSE too.

    Returns
    -------
    pandas.DataFrame
        Columns ``chain``, ``number`` (with the insertion code), ``residue``, ``model`` (of a trajectory the frame,
        counted from 1), and the angles ``phi``, ``psi``, ``omega``, ``chi1`` to ``chi4``, ``alpha`` to ``zeta`` and
        ``chi``; NaN where a residue has no such angle, an atom is missing, or a bond is longer than 2.5 Angstrom.

    Raises
    ------
    InputError
        If gemmi or pandas is not there, the files cannot be read, or there is no angle to measure.

    Notes
    -----
    Definitions, alternatives and what counts as a break of a chain: ``docs/torsions.md``.

    Examples
    --------
    >>> import torusflow as tfl
    >>> table = tfl.torsions('data/peptide.cif')
    >>> list(table.columns[:5])
    ['chain', 'number', 'residue', 'model', 'phi']
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(
            f"torsions gives a data frame of pandas, which cannot be imported ({error}). Install it: {INSTALL}."
        ) from None
    return pandas.DataFrame(measure(path, trajectory, chains, residues).columns)


def measure(path, trajectory=None, chains=None, residues=None) -> Torsions:
    """What `torsions` gives and raises, without pandas."""
    choice = Choice.made(path, chains, residues)
    models = list(islice(read_models(path), None if trajectory is None else 1))
    choice.check([residue for _, topology, _ in models for residue in topology.residues])
    frames: Iterable = ((model, choice.of(topology), positions) for model, topology, positions in models)
    if trajectory is not None:
        ((_, topology, positions),) = models
        few, moves = choice.of(topology), read_frames(trajectory, len(positions))
        frames = ((number, few, moved) for number, moved in enumerate(moves, 1))
    table = _table(frames)
    if not table.columns["model"]:
        raise InputError(f"{str(trajectory)!r} holds no frame.")
    if not any(np.isfinite(table.columns[name]).any() for name in TORSIONS):
        raise InputError(
            f"{str(path)!r} has no torsion angle in the residues asked for: each lacks one of its four atoms, as in a "
            f"model of CA alone, or a bond between them. Give a structure with all atoms."
        )
    return table


def _table(frames: Iterable[tuple[int, Topology, np.ndarray]]) -> Torsions:
    columns: dict[str, list] = {name: [] for name in ("chain", "number", "residue", "model")}
    angles, missing, broken = [np.empty((0, len(TORSIONS)))], 0, 0
    for model, (residues, places, absent), positions in frames:
        padded = np.vstack([positions, np.full(3, np.nan)])  # at place -1, where there is no atom
        values, gaps = dihedrals(padded[places])
        angles.append(values)
        missing, broken = missing + int(absent.sum()), broken + int(gaps.sum())
        columns["chain"] += [residue.chain for residue in residues]
        columns["number"] += [residue.number for residue in residues]
        columns["residue"] += [residue.name for residue in residues]
        columns["model"] += [model] * len(residues)
    return Torsions(columns | dict(zip(TORSIONS, np.vstack(angles).T, strict=True)), missing, broken)
