"""The chains and residues that somebody asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import InputError
from .topology import Residue, Topology

SHOWN = 10


class Choice(NamedTuple):
    """Chains and residues asked for, None for all."""

    path: str
    chains: tuple[str, ...] | None
    residues: tuple[str, ...] | None

    @classmethod
    def made(cls, path, chains, residues) -> Choice:
        """Of a name, a list of names or None each, or an InputError."""
        upper = _names(residues, "residues")
        return cls(str(path), _names(chains, "chains"), upper and tuple(name.upper() for name in upper))

    def check(self, residues: Sequence[Residue]) -> None:
        """Raise an InputError unless each name is one of the structure."""
        if not residues:
            raise InputError(f"{self.path!r} holds no residue of a protein or a nucleic acid, whose angles these are.")
        there = dict.fromkeys(residue.chain for residue in residues)
        if unknown := [name for name in self.chains or () if name not in there]:
            raise InputError(f"{self.path!r} has no chain {unknown[0]!r} of residues; it has {_some(there)}.")
        there = dict.fromkeys(name for residue in residues for name in sorted(residue.names))
        if unknown := [name for name in self.residues or () if name not in there]:
            raise InputError(f"{self.path!r} has no residue {unknown[0]!r}; it has {_some(there)}.")
        if not any(self._has(residue) for residue in residues):
            raise InputError(f"{self.path!r} has these residues in other chains only. Choose other chains or residues.")

    def of(self, topology: Topology) -> Topology:
        """The residues that are asked for."""
        return topology.only([self._has(residue) for residue in topology.residues])

    def _has(self, residue: Residue) -> bool:
        in_chains = self.chains is None or residue.chain in self.chains
        return in_chains and (self.residues is None or not residue.names.isdisjoint(self.residues))


def _names(names, what: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    names = (names,) if isinstance(names, str) else names
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{what} must be a name or a list of names, got {names!r}. Leave it out for all.")
    return tuple(names)


def _some(names: Iterable[str]) -> str:
    names = [repr(name) for name in names]
    return ", ".join(names[:SHOWN]) + ", ..." * (len(names) > SHOWN)
