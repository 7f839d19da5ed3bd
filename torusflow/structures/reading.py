"""Structures, as gemmi reads them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from ..arguments import checked_file
from ..errors import InputError
from .atoms import SAME, nucleotide_torsions, peptide_torsions, usual_name
from .dihedrals import placed
from .topology import Residue, Topology, topology_of
from .trajectories import FORMATS, check_is_there

SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")
INSTALL = "pip install 'torusflow[structures]'"


def read_models(path) -> Iterator[tuple[int, Topology, np.ndarray]]:
    """The number of each model of a structure, its residues, and where its atoms are: array (N, 3), in their order.

    Raises
    ------
    InputError
        If gemmi is not there, or the file has another suffix or no atoms.
    """
    structure = _read(path)
    for model in structure:
        for place, atom in enumerate(_atoms(model)):
            atom.serial = place  # in the file; the parts of a chain are put together below
    structure.merge_chain_parts()
    structure.setup_entities()
    for model in structure:
        positions = np.empty((model.count_atom_sites(), 3))
        for atom in _atoms(model):
            positions[atom.serial] = atom.pos.tolist()
        positions = placed(positions)
        try:
            chains = [_residues(chain) for chain in model]
        except UnicodeDecodeError:
            raise InputError(f"{str(path)!r} holds names that are no text in UTF-8. Save it as such.") from None
        yield model.num, topology_of(chains, positions), positions


def gemmi() -> Any:
    """The library that reads structures, or an InputError."""
    try:
        import gemmi
    except ImportError as error:
        raise InputError(
            f"structures are read by gemmi, which cannot be imported ({error}). Install it: {INSTALL}."
        ) from None
    return gemmi


def _read(path):
    path = checked_file(path, "a structure")
    suffix = path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if suffix in FORMATS:
        raise InputError(
            f"{str(path)!r} is a trajectory, which does not name its atoms. Give their structure before it: "
            f"structure.pdb {path.name}, in Python torsions('structure.pdb', {path.name!r})."
        )
    if suffix not in SUFFIXES:
        raise InputError(
            f"{str(path)!r} is not named as a structure, {', '.join(SUFFIXES)}, each also with .gz. Save it as one of "
            f"these, or give it the suffix of what it is."
        )
    check_is_there(path)
    kind = gemmi().CoorFormat.Mmcif if "cif" in suffix else gemmi().CoorFormat.Pdb
    try:
        structure = gemmi().read_structure(str(path), merge_chain_parts=False, format=kind)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()).rstrip(".")
        raise InputError(f"{str(path)!r} cannot be read as a structure: {reason}.") from None
    if not any(model.count_atom_sites() for model in structure):
        what = "PDB" if kind == gemmi().CoorFormat.Pdb else "mmCIF"
        raise InputError(f"{str(path)!r} holds no atoms in the {what} format. Name it as what it is, or save it again.")
    return structure


def _atoms(model) -> Iterator:
    return (atom for chain in model for residue in chain for atom in residue)


def _residues(chain) -> list[Residue]:
    """Those of the polymer; of several kinds in one place the one of the highest occupancy, the first if equal."""
    polymer = gemmi().EntityType.Polymer
    linked = [residue for residue in chain if residue.entity_type == polymer]
    one_each = [max(same, key=_occupancy) for _, same in groupby(linked, key=lambda residue: str(residue.seqid))]
    return [_residue(chain.name, residue) for residue in one_each]


def _occupancy(atoms) -> float:
    return sum(atom.occ for atom in atoms)


def _residue(chain: str, residue) -> Residue:
    name = residue.name
    atoms = {usual_name(name, atom.name): atom.serial for atom in _conformer(residue)}
    return Residue(chain, str(residue.seqid), name, atoms, _torsions(name, atoms))


def _torsions(name: str, atoms: dict[str, int]) -> dict[str, list[str]]:
    """The atoms of each angle of a residue; one that gemmi does not know is told by the atoms of its backbone."""
    known = gemmi().find_tabulated_residue(name)
    if known.is_nucleic_acid() or {"C4'", "C3'", "O3'"} <= atoms.keys():
        return nucleotide_torsions(name, atoms)
    if known.is_amino_acid() or {"N", "CA", "C"} <= atoms.keys():
        return peptide_torsions(_plain(name))
    return {}


def _plain(name: str) -> str:
    """The standard residue that one is a form of, where that is known: MET for MSE, ALA for D-alanine."""
    known = gemmi().find_tabulated_residue(name)
    if name in SAME or known.is_standard() or not known.is_amino_acid():
        return SAME.get(name, name)
    return gemmi().expand_one_letter(known.one_letter_code.upper(), gemmi().ResidueKind.AA) or name


def _conformer(residue) -> list:
    """One atom of each name: those of the alternative with the highest occupancy in all, the first if equal."""
    labels = list(dict.fromkeys(atom.altloc for atom in residue if atom.has_altloc()))
    total = {label: _occupancy(atom for atom in residue if atom.altloc == label) for label in labels}
    chosen = max(labels, key=lambda label: total[label], default=None)
    by_name: dict[str, list] = {}
    for atom in residue:
        by_name.setdefault(atom.name, []).append(atom)
    return [max(same, key=lambda atom: (atom.altloc == chosen, atom.occ)) for same in by_name.values()]
