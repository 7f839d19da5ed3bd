"""Residues of chains, and which of their atoms each torsion angle is about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .atoms import SAME, TORSIONS
from .dihedrals import LONGEST


class Residue(NamedTuple):
    """A residue of a chain, as the file names it, the places of its atoms, and the names of those of its angles.

    What only ends a chain has no angles.
    """

    chain: str
    number: str
    name: str
    atoms: dict[str, int]
    torsions: dict[str, list[str]]

    @property
    def names(self) -> set[str]:
        """By which it is chosen."""
        return {self.name, SAME.get(self.name, self.name)}


class Topology(NamedTuple):
    """Residues, and the places of the atoms of their angles, array (residues, angles, 4), -1 where there is none.

    `missing` is how many angles of each residue lack an atom.
    """

    residues: list[Residue]
    places: np.ndarray
    missing: np.ndarray

    def only(self, chosen: list[bool]) -> Topology:
        """Some of the residues."""
        residues = [residue for residue, is_one in zip(self.residues, chosen, strict=True) if is_one]
        return Topology(residues, self.places[chosen], self.missing[chosen])


def topology_of(chains: list[list[Residue]], positions: np.ndarray) -> Topology:
    """Of the residues of each chain, in their order along it, with all atoms at positions (N, 3)."""
    residues, places, missing = [], [], []
    for chain in chains:
        closed = _is_closed(chain, positions)
        for i, residue in enumerate(chain):
            if not residue.torsions:
                continue
            around = {shift: _neighbour(chain, i + shift, closed) for shift in (-1, 0, 1)}
            found = {name: _places(four, around) for name, four in residue.torsions.items()}
            places.append([found.get(name) or [-1] * 4 for name in TORSIONS])
            missing.append(sum(four is not None and -1 in four for four in found.values()))
            residues.append(residue)
    return Topology(residues, np.array(places, int).reshape(-1, len(TORSIONS), 4), np.array(missing, int))


def _neighbour(chain: list[Residue], i: int, closed: bool) -> Residue | None:
    return chain[i % len(chain)] if closed or 0 <= i < len(chain) else None


def _is_closed(chain: list[Residue], positions: np.ndarray) -> bool:
    """Whether the last residue is bonded to the first, as in a cyclic peptide."""
    if len(chain) < 2:
        return False
    ends = [(chain[-1].atoms.get(last), chain[0].atoms.get(first)) for last, first in (("C", "N"), ("O3'", "P"))]
    return any(None not in pair and np.linalg.norm(positions[pair[0]] - positions[pair[1]]) < LONGEST for pair in ends)


def _places(four: list[str], around: dict[int, Residue | None]) -> list[int] | None:
    """Where four atoms are, -1 for those that are missing; None where a residue of theirs is none of the chain."""
    places = []
    for atom in four:
        residue = around[{"-": -1, "+": 1}.get(atom[0], 0)]
        if residue is None:
            return None
        places.append(residue.atoms.get(atom.lstrip("+-"), -1))
    return places
