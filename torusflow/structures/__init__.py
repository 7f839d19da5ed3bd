"""Torsion angles of proteins and nucleic acids, from files of their atoms."""

from .torsions import torsions

__all__ = ["torsions"]
